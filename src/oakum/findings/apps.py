"""Django's registration of the room; it runs no code at start-up."""

from django.apps import AppConfig


class FindingsConfig(AppConfig):
    """Names the app."""

    name = "oakum.findings"
    label = "findings"
    default_auto_field = "django.db.models.BigAutoField"
