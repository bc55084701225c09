"""Django's registration of the room; it runs no code at start-up."""

from django.apps import AppConfig


class JournalConfig(AppConfig):
    """Names the app."""

    name = "oakum.journal"
    label = "journal"
    default_auto_field = "django.db.models.BigAutoField"
