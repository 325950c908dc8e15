"""Addresses of connections, below ``/t/<tenant>/connections/``."""

from django.urls import path

from sync import pages

app_name = "connections"

urlpatterns = [
    path("", pages.connections, name="all"),
    path("new/", pages.connection_vendors, name="vendors"),
    path("new/<slug:vendor>/", pages.connection_new, name="new"),
    path("<uuid:connection>/", pages.connection_one, name="one"),
    path("<uuid:connection>/start/", pages.connection_start, name="start"),
    path("<uuid:connection>/act/", pages.connection_act, name="act"),
]
