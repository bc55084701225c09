"""Django's registration of the room; it runs no code at start-up."""

from django.apps import AppConfig


class PolicyConfig(AppConfig):
    """Names the app."""

    name = "oakum.policy"
    label = "policy"
    default_auto_field = "django.db.models.BigAutoField"
