"""Addresses below ``/t/<tenant>/``."""

from django.urls import path

from reports.web.overview import calls_csv, overview

app_name = "reports_web"

urlpatterns = [
    path("", overview, name="overview"),
    path("calls.csv", calls_csv, name="calls_csv"),
]
