"""Django's registration of the room; it runs no code at start-up."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """Names the app."""

    name = "oakum.catalogue"
    label = "catalogue"
    default_auto_field = "django.db.models.BigAutoField"
