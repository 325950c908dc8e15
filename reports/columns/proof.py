"""What happens when a column file is not the one that its row describes: it is not read, it is named, it is made again.

A file of this host proves itself by its digest (:func:`reports.columns.files.local`). An engine that reads the storage
itself is asked what lies there: whose calls, how many, of which days.
"""

import logging
import time
from collections.abc import Sequence

from portal.work.hints import hint
from reports.columns import engine
from reports.columns.build import day_us
from reports.columns.models import ColumnFile
from reports.columns.tasks import mend_one
from reports.definitions.periods import DAY

logger = logging.getLogger("ringbook.reports")

GOOD_FOR = 300.0  # seconds after which an object of the storage is looked at again
REPORTED_EVERY = 300.0
_MOST = 20_000
_proven: dict[str, float] = {}  # by name, when
_reported: dict[str, float] = {}


def of_stored(rows: Sequence[ColumnFile]) -> list[ColumnFile]:
    """Those whose objects in the storage hold as many calls as the rows say, of their environment and days alone."""
    now = time.monotonic()
    unknown = [row for row in rows if now - _proven.get(row.name, -GOOD_FOR) >= GOOD_FOR]
    found = engine.contents([row.name for row in unknown]) if unknown else {}
    for row in unknown:
        first, last = day_us(row.first_day), day_us(row.last_day + DAY) - 1
        calls, least, most, begins, ends = found.get(row.name, (-1, 0, 0, 0, 0))
        is_theirs = (calls, least, most) == (row.rows, row.environment_id, row.environment_id)
        if is_theirs and first <= begins and ends <= last:
            _note(_proven, row.name, now)
        else:
            _proven.pop(row.name, None)
    return [row for row in rows if row.name in _proven]


def report(rows: Sequence[ColumnFile]) -> None:
    """Name files that are missing, damaged or others, and have the workers make them again, once in a while. Nothing is
    owed to the hint: each file is looked through once a day as well.
    """
    now = time.monotonic()
    for row in rows:
        if now - _reported.get(row.name, -REPORTED_EVERY) < REPORTED_EVERY:
            continue
        _note(_reported, row.name, now)
        logger.error("column file %s is missing, damaged or another one: its days are read from the mirror", row.name)
        hint(mend_one, row.tenant_id, row.environment_id, expires=REPORTED_EVERY)


def _note(moments: dict[str, float], name: str, now: float) -> None:
    moments.pop(name, None)
    moments[name] = now
    while len(moments) > _MOST:
        del moments[next(iter(moments))]
