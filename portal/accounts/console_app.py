"""Stands in INSTALLED_APPS for ``django.contrib.admin``; apart from the console, which needs models."""

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    default_site = "portal.accounts.console.Console"
