"""Whether the column files say what the mirror says, counted on both sides by environment and UTC day."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Sum

from portal.tenants.models.tenants import Environment
from reports.columns import files
from reports.columns.build import DAY_US
from reports.columns.dialects import quoted
from reports.columns.engine import open_connection
from reports.columns.models import ColumnFile, ColumnLedger
from reports.columns.schema import rules_of
from reports.definitions.measures import Seconds
from reports.definitions.periods import number_day
from sync.models.calls import Call
from sync.models.changes import DirtyDay

Counts = dict[date, tuple[int, int]]  # calls and milliseconds of a UTC day


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
            yield Difference(day, in_mirror.get(day, (0, 0))[0], in_files.get(day, (0, 0))[0])


def _of_mirror(environment: Environment) -> Counts:
    rows = (
        Call.objects.filter(environment_id=environment.pk).order_by().annotate(utc_day=Seconds("started_at") / 86_400)
    )
    counted = rows.values_list("utc_day").annotate(n=Count("pk"), length=Sum("duration_ms"))
    return {number_day(day): (n, int(length or 0)) for day, n, length in counted}


def _of_files(rows: list[ColumnFile]) -> Counts:
    if not rows:
        return {}
    database = open_connection(files.root(), threads=2, memory="512MB")
    try:
        paths = quoted([files.local(row) for row in rows])
        counted = database.execute(
            f"SELECT started_us // {DAY_US}, count(*), sum(duration_ms)"
            f" FROM read_parquet([{paths}], hive_partitioning = false) GROUP BY 1"
        ).fetchall()
    finally:
        database.close()
    totals: Counter[date] = Counter()
    lengths: Counter[date] = Counter()
    for day, n, length in counted:
        totals[number_day(day)] += n
        lengths[number_day(day)] += int(length or 0)
    return {day: (n, lengths[day]) for day, n in totals.items()}
