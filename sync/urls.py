"""Addresses of connections, below ``/t/<tenant>/connections/``."""

from django.urls import path

from sync import bulk_pages, pages

app_name = "connections"

urlpatterns = [
    path("", pages.connections, name="all"),
    path("many/", bulk_pages.connections_many, name="many"),
    path("many/template.csv", bulk_pages.connections_template, name="template"),
    path("new/", pages.connection_vendors, name="vendors"),
    path("new/<slug:vendor>/", pages.connection_new, name="new"),
    path("<uuid:connection>/", pages.connection_one, name="one"),
    path("<uuid:connection>/start/", pages.connection_start, name="start"),
    path("<uuid:connection>/act/", pages.connection_act, name="act"),
]
