"""Django's registration of the room; it runs no code at start-up."""

from django.apps import AppConfig


class IntelConfig(AppConfig):
    """Names the app."""

    name = "oakum.intel"
    label = "intel"
    default_auto_field = "django.db.models.BigAutoField"
