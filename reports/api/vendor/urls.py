"""Below ``/vendor/``: a mount for each vendor, with the paths its clients know."""

from django.urls import include, path

urlpatterns = [
    path("talkover/api/v1/", include("reports.api.vendor.talkover")),
    path("originsai/api/", include("reports.api.vendor.originsai")),
]
