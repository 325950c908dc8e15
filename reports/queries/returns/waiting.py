"""Missed calls after which nobody has connected with the contact, up to now.

When contacts were connected with is read from the sets that are kept day by day; a missed call that was followed on its
own day says so itself. On days that no set is kept of, the calls are asked.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from reports.measures import Microseconds, outcome
from reports.periods import day_number, day_start, local_date, number_day
from reports.queries.bundle import Bundle, Got, Later
from reports.queries.filters import Reach
from reports.queries.returns.ledger import Ledger, ledger_of
from reports.queries.returns.rows import Rows, Spans, cut
from reports.rollups.contacts import key_in_sql, unpacked
from reports.rollups.loop import connected_calls
from reports.rollups.models import ContactDay
from sync.models.calls import Call
from sync.taxonomy import Outcome

Told = Callable[[QuerySet[Any]], tuple[QuerySet[Any], Sequence[Any]]]
MOST_LIVE = 40  # days without sets; an environment with more is asked of the calls of each contact
FOREVER = timedelta(days=3650)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROW = 4  # values of a row before those that were told


def ask_waiting(bundle: Bundle, rows: Rows, until: datetime, told: Told) -> Later[list[list[Any]]]:
    """The missed calls of the rows before ``until`` that wait: environment, contact, and the columns of ``told``."""
    if not rows.kept and not rows.live:
        return list
    met = _ask_met(bundle, rows)
    parts = []
    kept, live = rows.kept_missed().filter(followed=False), rows.live_missed().filter(started_at__lt=until)
    for missed in (kept.filter(started_at__lt=until), live.annotate(key=key_in_sql())):
        waiting, columns = told(met.looked_up(missed, rows))
        parts.append(bundle.add(waiting, "environment_id", "contact", "key", Microseconds("started_at"), *columns))

    def read() -> list[list[Any]]:
        found = [row for part in parts for row in part.rows]
        later = met.after(found)
        return [[*row[:2], *row[_ROW:]] for row, is_met in zip(found, later, strict=True) if not is_met]

    return read


@dataclass(slots=True)
class _Met:
    """When contacts were connected with, from the first day of a ledger on.

    ``apart`` are the environments with too many days without sets: whether somebody connected is looked up for each
    of their missed calls.
    """

    zone: str
    apart: frozenset[int]
    sets: Got = field(default_factory=Got)
    live: Got = field(default_factory=Got)

    def looked_up(self, missed: QuerySet[Any], rows: Rows) -> QuerySet[Any]:
        return (
            missed.filter(~Q(environment_id__in=sorted(self.apart)) | ~_connected_since(rows)) if self.apart else missed
        )

    def after(self, missed: list[list[Any]]) -> list[bool]:
        """Whether somebody connected with the contact after each missed call."""
        wanted: dict[int, dict[int, int]] = defaultdict(dict)
        for environment, _contact, key, *_rest in missed:
            if key is not None:
                wanted[environment][key] = 0
        self._mark(wanted)
        since = {(environment, contact): at for environment, contact, at in self.live.rows}
        return [
            wanted[environment].get(key, 0) > at or since.get((environment, contact), at) > at
            for environment, contact, key, at, *_rest in missed
        ]

    def _mark(self, wanted: dict[int, dict[int, int]]) -> None:
        """The start of the last day that each contact was connected with, in microseconds."""
        starts: dict[int, int] = {}
        for environment, day, packed in sorted(self.sets.rows, key=lambda row: row[1]):
            here = wanted.get(environment)
            if not here:
                continue
            if day not in starts:
                starts[day] = (day_start(number_day(day), self.zone) - _EPOCH) // timedelta(microseconds=1)
            start = starts[day]
            for key in unpacked(packed):
                if key in here:
                    here[key] = start


def _ask_met(bundle: Bundle, rows: Rows) -> _Met:
    reach, now = rows.reach, rows.now
    start = min(start for start, _end in (*rows.kept, *rows.live))
    ledger = ledger_of(reach, start, start, now)
    return bundle.once(("met", id(reach), ledger.first, now), lambda: _met(bundle, reach, ledger, now))


def _met(bundle: Bundle, reach: Reach, ledger: Ledger, now: datetime) -> _Met:
    zone = reach.scope.zone
    days = {key: ledger.held[key] & ledger.counted[key] for key in ledger.held}
    apart = frozenset(key for key, held in days.items() if _is_patchy(held, local_date(now, zone)))
    known = {key: held for key, held in days.items() if key not in apart}
    live: dict[tuple[datetime, datetime], set[int]] = defaultdict(set)
    kept = Q(pk__in=())
    start, end = day_start(ledger.first, zone), now + FOREVER
    for environment, held in known.items():
        for (first, last), is_held in cut(held, start, max(now, start), zone) or [((start, end), False)]:
            if is_held:
                numbers = (day_number(local_date(first, zone)), day_number(local_date(last, zone)))
                kept |= Q(environment_id=environment, day__gte=numbers[0], day__lt=numbers[1])
            else:
                live[first, end if last >= now else last].add(environment)
    spans: Spans = {span: frozenset(keys) for span, keys in live.items()}
    found = _Met(zone, apart)
    if known:
        found.sets = bundle.add(ContactDay.objects.filter(kept), "environment_id", "day", "connected")
        met = connected_calls(ledger.rules, spans, now).values("environment_id", "contact")
        found.live = bundle.add(met.annotate(last=Max(Microseconds("started_at"))), "environment_id", "contact", "last")
    return found


def _is_patchy(held: set[date], today: date) -> bool:
    """Before the first day that holds there are no calls, as a rule."""
    return not held or (today - min(held)).days - len(held) > MOST_LIVE


def _connected_since(rows: Rows) -> Exists:
    connected = (
        Call.objects.filter(
            environment_id=OuterRef("environment_id"),
            contact=OuterRef("contact"),
            started_at__gt=OuterRef("started_at"),
            is_test=False,
        )
        .order_by()
        .alias(since=outcome(rows.rules.providers, rows.now))
        .filter(since=Outcome.CONNECTED.value)
    )
    return Exists(connected)
