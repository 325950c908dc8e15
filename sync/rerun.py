"""Reading now because a person asked for it."""

from functools import partial

from django.db import transaction

from sync.models.connections import Connection
from sync.providers import registry
from sync.reading.runner import make_due
from sync.tasks import hint


def request_run(connection: Connection) -> None:
    """Ask the workers to read a connection now, whatever was read a moment ago.

    The rows are made due first; the messages are only hints, so without a broker the next tick does the same.
    """
    make_due(connection)
    streams = registry.get(connection.provider).streams
    due = [(connection.tenant_id, connection.pk, str(stream)) for stream in streams]
    transaction.on_commit(partial(hint, due))
