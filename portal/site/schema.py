"""Brings the database up to date before anything reads it."""

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from portal.django_inside import unapplied_migrations
from portal.tenants import roles
from portal.tenants.row_security import HOW, as_owner


def bring_up_to_date() -> bool:
    """Apply what is missing; returns whether anything was. Several hosts that start together take turns."""
    with as_owner():
        behind = bool(unapplied_migrations())
    if behind:
        call_command("migrate", interactive=False, verbosity=0)
        connection.close()
    _demand_row_security()
    return behind


def _demand_row_security() -> None:
    """Where row-level security is asked for, nothing is served without it."""
    if not settings.DATABASE_OWNER:
        return
    with as_owner():
        holes = roles.holes()
    if holes:
        raise CommandError(f"Row-level security does not hold: {holes[0]} To mend it, {HOW}.")
