"""Brings the database up to date before anything reads it."""

from django.core.management import call_command
from django.db import connection

from portal.django_inside import unapplied_migrations


def bring_up_to_date() -> bool:
    """Apply what is missing; returns whether anything was. Several hosts that start together take turns."""
    if not unapplied_migrations():
        return False
    call_command("migrate", interactive=False, verbosity=0)
    connection.close()
    return True
