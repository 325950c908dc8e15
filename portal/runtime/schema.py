"""Brings the database up to date before anything reads it."""

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

_LOCK = 0x52494E47424F4F4B  # "RINGBOOK", for PostgreSQL's advisory locks


def bring_up_to_date() -> bool:
    """Apply what is missing; returns whether anything was. Several hosts that start together take turns."""
    if not _missing():
        return False
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # A session's lock: it falls with the connection, whatever happens here.
            cursor.execute("SET lock_timeout = 0")
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    call_command("migrate", interactive=False, verbosity=0)
    connection.close()
    return True


def _missing() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
