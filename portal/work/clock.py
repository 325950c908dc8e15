"""The clock that all hosts share, and what to make of a time that it has not reached yet."""

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

# What was noted as done later than this from now was noted by a clock that was ahead and has been set back since.
AHEAD = timedelta(minutes=1)


def database_now() -> datetime:
    """The database's clock; on SQLite, which has one host only, that host's."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now
