"""Django's registration of the room; it runs no code at start-up."""

from django.apps import AppConfig


class RolloutConfig(AppConfig):
    """Names the app."""

    name = "oakum.rollout"
    label = "rollout"
    default_auto_field = "django.db.models.BigAutoField"
