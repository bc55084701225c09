"""Django's registration of the room; it runs no code at start-up."""

from django.apps import AppConfig


class FleetConfig(AppConfig):
    """Names the app."""

    name = "oakum.fleet"
    label = "fleet"
    default_auto_field = "django.db.models.BigAutoField"
