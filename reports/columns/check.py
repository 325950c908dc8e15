"""Whether the column files say what the mirror says, counted on both sides by environment and UTC day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from django.db.models import Count, Q, Sum

from portal.tenants.models.tenants import Environment
from reports.columns import files
from reports.columns.dialects import quoted
from reports.columns.engine import open_connection
from reports.columns.models import ColumnFile, ColumnLedger
from reports.columns.schema import rules_of
from reports.definitions.measures import Seconds
from reports.definitions.periods import DAY_SECONDS, DAY_US, number_day
from sync.models.calls import Call
from sync.models.changes import DirtyDay


class Counted(NamedTuple):
    """The calls of a UTC day, how many of them the vendor shows no more, and their milliseconds."""

    calls: int = 0
    missing: int = 0
    length: int = 0


Counts = dict[date, Counted]


@dataclass(frozen=True, slots=True)
class Difference:
    """A day on which the files hold other calls than the mirror, or a file (``name``) that is not what its row says."""

    day: date | None
    mirror: int
    files: int
    name: str = ""


def differences(environment: Environment) -> Iterator[Difference]:
    """Every difference, but for days that wait to be made anew. The tenant's wall must be open.

    Raises Away.
    """
    rules = rules_of(environment.provider)
    ledger = ColumnLedger.objects.filter(environment_id=environment.pk).first()
    rows = list(ColumnFile.objects.filter(environment_id=environment.pk, retired_at__isnull=True))
    whole = [row for row in rows if row.rules == rules and files.is_there(row)]
    for row in rows:
        if row not in whole:
            yield Difference(None, 0, row.rows, row.name)
    waiting = set(DirtyDay.objects.filter(environment_id=environment.pk).values_list("day", flat=True))
    in_mirror, in_files = _of_mirror(environment), _of_files(whole)
    broken = [row for row in rows if row not in whole]
    for day in sorted({*in_mirror, *in_files}):
        lost = any(row.first_day <= day <= row.last_day for row in broken)
        covered = ledger is not None and ledger.rules == rules and ledger.covers_from is not None
        if day in waiting or lost or (covered and ledger is not None and day < (ledger.covers_from or date.max)):
            continue
        if in_mirror.get(day) != in_files.get(day):
            yield Difference(day, in_mirror.get(day, Counted()).calls, in_files.get(day, Counted()).calls)


def _of_mirror(environment: Environment) -> Counts:
    rows = Call.objects.filter(environment_id=environment.pk).order_by()
    rows = rows.annotate(utc_day=Seconds("started_at") / DAY_SECONDS)
    gone = Count("pk", filter=Q(missing_since__isnull=False))
    counted = rows.values_list("utc_day").annotate(n=Count("pk"), gone=gone, length=Sum("duration_ms", default=0))
    return {number_day(day): Counted(*counts) for day, *counts in counted}


def _of_files(rows: list[ColumnFile]) -> Counts:
    if not rows:
        return {}
    database = open_connection(files.root(), threads=2, memory="512MB")
    try:
        paths = quoted([files.local(row) for row in rows])
        counted = database.execute(
            f"SELECT started_us // {DAY_US}, count(*), count(*) FILTER (missing), coalesce(sum(duration_ms), 0)"
            f" FROM read_parquet([{paths}], hive_partitioning = false) GROUP BY 1"
        ).fetchall()
    finally:
        database.close()
    return {number_day(day): Counted(*map(int, counts)) for day, *counts in counted}
