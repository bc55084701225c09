"""Django's registration of the room; it runs no code at start-up."""

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    """Names the app."""

    name = "oakum.identity"
    label = "identity"
    default_auto_field = "django.db.models.BigAutoField"
