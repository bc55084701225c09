"""Which door serves which path.  The agents' paths never reach Django: ``asgi`` sends them to the gateway."""

from django.urls import include, path

from oakum.api.root import api

urlpatterns = [
    path("api/v1/", api.urls),
    path("", include("oakum.web.urls")),
]
