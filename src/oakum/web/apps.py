"""Django's registration of the pages; it runs no code at start-up."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Names the app."""

    name = "oakum.web"
    label = "web"
