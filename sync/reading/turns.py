"""A worker's share of the reading: streams by turns, each for a slice that is short while others wait."""

import logging
import time
from dataclasses import replace

from portal.tenants import wall
from sync.connections import TokenSealed
from sync.models.connections import Connection
from sync.reading.due import Due, due_streams, may_read
from sync.reading.readings import StreamReport
from sync.reading.runner import SLICE, pull
from sync.taxonomy import Stream

logger = logging.getLogger("ringbook.sync")

LOOK = 10.0  # seconds for which one look at what is due is gone by


def read_in_turn(seconds: float) -> int:
    """Read what is due, in the order of :func:`due_streams`, and begin nothing after ``seconds``. Returns how many
    slices were read."""
    until = time.monotonic() + seconds
    barren: set[Due] = set()  # brought nothing this time
    read = 0
    while time.monotonic() < until:
        waiting = [due for due in due_streams() if due not in barren]
        if not waiting:
            break
        stale = min(until, time.monotonic() + LOOK)
        for due in waiting:
            report = read_slice(due)
            if report is None or report.busy or not report.windows_complete:
                barren.add(due)
            read += report is not None and not report.busy
            if time.monotonic() >= stale:
                break
    return read


def read_slice(due: Due) -> StreamReport | None:
    """Read one stream for a while; None when it is nobody's to read now. Another process at it is no fault."""
    with wall.tenant(due.tenant):
        connection = Connection.objects.select_related("tenant").defer("token").filter(pk=due.connection).first()
        if connection is None or not may_read(connection) or due.stream not in set(Stream):
            return None
        manner = replace(SLICE, gives_way=lambda: not _may_still_read(due) or bool(due_streams()))
        try:
            report = pull(connection, [Stream(due.stream)], manner=manner).streams.get(Stream(due.stream))
        except TokenSealed as error:
            logger.error("connection %s can't be read here. %s", connection.public_id, error)
            return None
    if report is not None and report.busy:
        logger.debug("connection %s: %s is being read already", connection.public_id, due.stream)
    return report


def _may_still_read(due: Due) -> bool:
    """Whether nobody has paused or removed the connection since."""
    connection = Connection.objects.defer("token").filter(pk=due.connection).first()
    return connection is not None and may_read(connection)
