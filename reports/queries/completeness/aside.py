"""What the vendors showed and nobody could read: how much of which days, and how much of it was taken for no call."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import Sum

from portal.tenants.models.tenants import Environment
from reports.bundle import Bundle, Got
from reports.definitions.measures import Microseconds
from reports.definitions.periods import at_of, utc_date
from reports.queries.answer import GapNote
from sync import freshness as ledger
from sync.models.quarantine import ACCEPTED, OPEN
from sync.taxonomy import Fault

_GROUP = ("environment_id", "stream", "part", "day", "first_seen_at")


@dataclass(frozen=True, slots=True)
class Aside:
    """Elements of one window and day, first seen together. Where ``day`` is None it may be any up to that of ``since``;
    of a list, it is none.
    """

    environment: int
    stream: str
    part: str
    day: date | None
    since: datetime
    unreadable: int
    accepted: int

    def touches(self, days: Collection[date]) -> bool:
        """Whether it may be of one of these UTC days."""
        if self.day is not None:
            return self.day in days
        return bool(days) and min(days) <= utc_date(self.since)


@dataclass(frozen=True, slots=True)
class Asides:
    rows: list[Aside] = field(default_factory=list)

    def of(self, environment: int, stream: str, days: Collection[date] | None = None) -> list[Aside]:
        """Those of an environment's stream, of some UTC days or of all."""
        here = [row for row in self.rows if (row.environment, row.stream) == (environment, stream)]
        return here if days is None else [row for row in here if row.touches(days)]


def ask(bundle: Bundle, environments: Collection[int]) -> Got:
    """Adds one query, whose rows :func:`taken` takes."""
    rows = ledger.set_aside(environments).order_by().values(*_GROUP)
    counted = rows.annotate(
        unreadable=Sum("times", filter=OPEN, default=0), kept=Sum("times", filter=ACCEPTED, default=0)
    )
    return bundle.add(counted, *_GROUP[:-1], Microseconds("first_seen_at"), "unreadable", "kept")


def taken(got: Got) -> Asides:
    return Asides([_aside(*row) for row in got.rows])


def _aside(environment: int, stream: str, part: str, day: str | None, seen: int, *counts: int) -> Aside:
    return Aside(environment, stream, part, date.fromisoformat(day) if day else None, at_of(seen), *counts)


def asides(environments: Collection[int]) -> Asides:
    bundle = Bundle()
    got = ask(bundle, environments)
    bundle.fetch()
    return taken(got)


def notes(rows: Iterable[Aside], environments: Mapping[int, Environment]) -> list[GapNote]:
    """A gap for each window and day with elements that nobody could read and nobody accepted."""
    groups: dict[tuple[int, str, str, date | None], list[Aside]] = defaultdict(list)
    for row in rows:
        if row.unreadable:
            groups[row.environment, row.stream, row.part, row.day].append(row)
    return [
        GapNote(
            environment=str(environments[environment].public_id),
            environment_name=environments[environment].name,
            stream=stream,
            part=part,
            day=day,
            fault=Fault.UNREADABLE,
            since=min(row.since for row in group),
            quarantined=sum(row.unreadable for row in group),
        )
        for (environment, stream, part, day), group in groups.items()
    ]
