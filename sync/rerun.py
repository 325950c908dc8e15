"""Reading now because a person asked for it."""

from datetime import date
from functools import partial

from django.db import transaction

from portal.work.clock import database_now
from sync.connections import READ
from sync.models.connections import Connection
from sync.models.runs import Gap, Window
from sync.providers import registry
from sync.reading.runner import make_due
from sync.tasks import hint


def request_run(connection: Connection) -> None:
    """Ask the workers to read a connection now, whatever was read a moment ago.

    The rows are made due first; the messages are only hints, so without a broker the next tick does the same.
    """
    make_due(connection)
    _hint(connection)


def request_days(connection: Connection, first: date, last: date) -> int:
    """Ask the workers to read some UTC days again, both ends included; how many windows that are.

    A vendor that is not read by days is read whole: its histories hold these days.
    """
    rows = Window.objects.filter(environment_id=connection.environment_id)
    whole = [str(stream) for stream in set(_streams(connection)) - registry.daily_streams(connection.provider)]
    days = rows.filter(day__gte=max(first, connection.since), day__lte=last)
    asked = days.update(next_attempt_at=database_now())
    asked += rows.filter(day=None, stream__in=whole).update(next_attempt_at=database_now())
    _hint(connection)
    return asked


def request_part(row: Window | Gap) -> bool:
    """Ask the workers to read one window again; False where nothing is read, as its connection is paused or gone."""
    connection = Connection.objects.filter(environment_id=row.environment_id, state__in=READ).defer("token").first()
    windows = Window.objects.filter(environment_id=row.environment_id, stream=row.stream, part=row.part)
    if connection is None or not windows.update(next_attempt_at=database_now()):
        return False
    transaction.on_commit(partial(hint, [(connection.tenant_id, connection.pk, row.stream)]))
    return True


def _streams(connection: Connection) -> tuple[str, ...]:
    return tuple(str(stream) for stream in registry.get(connection.provider).streams)


def _hint(connection: Connection) -> None:
    due = [(connection.tenant_id, connection.pk, stream) for stream in _streams(connection)]
    transaction.on_commit(partial(hint, due))
