"""Campaigns as the vendor tells of them, and how its figures ran over the days they were read.

The vendor keeps no history of these figures, so what one day's reading told stays as that UTC day's.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import QuerySet

from portal.lib.times import parse_day
from portal.tenants import wall
from reports.queries.answer import GapNote
from reports.queries.aside import asides, notes
from reports.queries.filters import Reach
from reports.queries.moments import read_moment
from reports.queries.named_calls import seen_campaigns
from reports.queries.standing import noted
from reports.scope import Scope
from sync import freshness as ledger
from sync.models.campaigns import Campaign, CampaignDay
from sync.models.runs import READ, Window, WindowState
from sync.taxonomy import Stream

PORTION = 200  # campaigns at a time, each with the days kept of it
STATUSES = ("active", "paused", "completed", "cancelled", "draft")


@dataclass(frozen=True, slots=True)
class DayTold:
    """The running totals as last read on a UTC day."""

    day: date
    total: int | None
    completed: int | None
    failed: int | None
    success_rate: float | None  # percent


@dataclass(frozen=True, slots=True)
class CampaignTold:
    """``row`` has the vendor's latest figures, ``days`` those kept, oldest first; ``starts`` is the day it names."""

    row: Campaign
    starts: date | None
    days: tuple[DayTold, ...] = ()

    @property
    def id(self) -> UUID:
        found: UUID = self.row.public_id
        return found

    @property
    def rate(self) -> float | None:
        """The vendor's, where there are calls that it could be a rate of."""
        return self.row.success_rate if self.row.total_calls else None

    @property
    def over(self) -> float | None:
        """The share of its calls that are completed or failed, in percent."""
        total, completed, failed = self.row.total_calls, self.row.completed_calls, self.row.failed_calls
        if not total or completed is None or failed is None:
            return None
        return float((completed + failed) * 100 / total)

    def course(self, first: date, last: date) -> list[DayTold]:
        """The days from ``first`` to ``last`` whose total is kept. It begins with the last one before, so that the
        first day has something to be more than.
        """
        kept = [day for day in self.days if day.total is not None and day.day <= last]
        return [*[day for day in kept if day.day < first][-1:], *(day for day in kept if day.day >= first)]

    def added(self, first: date, last: date) -> int | None:
        """What the total grew by over the course; None where it is not known of two days."""
        days = self.course(first, last)
        return (days[-1].total or 0) - (days[0].total or 0) if len(days) > 1 else None

    def gained(self, first: date, last: date) -> int | None:
        """By how many calls the total grew from the day before ``first`` to ``last``; None where that is not known."""
        known = [(day.day, day.total) for day in self.days if day.total is not None and day.day <= last]
        before = [total for day, total in known if day < first]
        return known[-1][1] - before[-1] if before and known[-1][0] >= first else None


@dataclass(frozen=True, slots=True)
class LastRead:
    """When the lists of campaigns were read: the oldest of the environments; ``whole`` if each was read to its end, and
    all in it understood.
    """

    as_of: datetime | None
    whole: bool
    ended: bool = True  # read to its end, whether all in it was understood or not


@dataclass(frozen=True, slots=True)
class Detail:
    """What only the answer about one campaign tells. ``records`` are contacts loaded, ``worked`` those processed."""

    description: str = ""
    records: int | None = None
    worked: int | None = None
    average_duration: float | None = None  # seconds, of completed calls


def campaigns(
    scope: Scope,
    *,
    environments: Iterable[UUID] = (),
    agents: Iterable[UUID] = (),
    status: str = "",
) -> QuerySet[Campaign]:
    """Newest first, each with its agent and environment. Foreign ids find none."""
    wall.demand(scope.tenant_id)
    rows = seen_campaigns(scope)
    if wanted := list(environments):
        rows = rows.filter(environment__public_id__in=wanted)
    if chosen := list(agents):
        rows = rows.filter(agent__public_id__in=chosen)
    if status:
        rows = rows.filter(status=status)
    rows = rows.select_related("agent", "environment").defer("detail_payload")
    return rows.order_by("-first_seen_at", "-pk")


def told(rows: Iterable[Campaign]) -> list[CampaignTold]:
    """With every day kept of each; those that started last come first. One query for the days."""
    found = list(rows)
    days: defaultdict[int, list[DayTold]] = defaultdict(list)
    kept = CampaignDay.objects.filter(
        environment_id__in={row.environment_id for row in found}, campaign_id__in=[row.pk for row in found]
    )
    columns = ("campaign_id", "day", "total_calls", "completed_calls", "failed_calls", "success_rate")
    for campaign, *figures in kept.order_by("day").values_list(*columns):
        days[campaign].append(DayTold(*figures))
    listed = [CampaignTold(row, _starts(row.payload), tuple(days[row.pk])) for row in found]
    return sorted(listed, key=lambda told: (told.starts or date.min, told.row.pk), reverse=True)


def every_campaign(rows: QuerySet[Campaign]) -> tuple[int, Iterator[CampaignTold]]:
    """How many there are, and all of them as :func:`told` orders them, looked up some hundred at a time.

    Of the whole list only the days and keys that order it stand in memory.
    """
    starts = rows.order_by().values_list("pk", "payload").iterator(chunk_size=PORTION)
    places = sorted(((_starts(payload) or date.min, pk) for pk, payload in starts), reverse=True)
    return len(places), _every([pk for _day, pk in places], rows)


def _every(keys: list[int], rows: QuerySet[Campaign]) -> Iterator[CampaignTold]:
    for start in range(0, len(keys), PORTION):
        yield from told(rows.filter(pk__in=keys[start : start + PORTION]))


def campaign(public_id: UUID, scope: Scope) -> Campaign:
    """Raises Campaign.DoesNotExist for an absent and for a foreign id alike."""
    wall.demand(scope.tenant_id)
    return seen_campaigns(scope).select_related("agent", "environment").get(public_id=public_id)


def last_read(scope: Scope, environments: Iterable[int]) -> LastRead:
    """Of those of the environments (their keys) that are in the scope and were asked for campaigns at all."""
    wall.demand(scope.tenant_id)
    seen = scope.environment_ids & set(environments)
    windows = list(
        Window.objects.filter(environment_id__in=seen, stream=Stream.CAMPAIGNS).values_list("state", "read_at")
    )
    read = [read_at for _state, read_at in windows if read_at]
    whole, ended = (
        bool(windows) and all(state in wanted for state, _read_at in windows)
        for wanted in ((WindowState.COMPLETE,), READ)
    )
    return LastRead(min(read, default=None), whole, ended)


def list_gaps(reach: Reach) -> tuple[GapNote, ...]:
    """What of the lists of campaigns is known to be missing. The wall must be open."""
    gaps = ledger.open_gaps(reach.environments).filter(stream=Stream.CAMPAIGNS)
    unread = asides(reach.environments)
    rows = [row for key in reach.environments for row in unread.of(key, Stream.CAMPAIGNS)]
    return (*(noted(gap, reach.environments) for gap in gaps), *notes(rows, reach.environments))


def detail(row: Campaign) -> Detail:
    """Tolerant of any form: what cannot be read is not told."""
    try:
        told = _detail.decode(row.detail_payload or row.payload or "{}")
    except (msgspec.MsgspecError, UnicodeError):
        return Detail()
    files = [each for each in told.files if isinstance(each, dict)] if isinstance(told.files, list) else []
    stats = told.stats if isinstance(told.stats, dict) else {}
    duration = stats.get("average_duration")
    return Detail(
        description=told.description if isinstance(told.description, str) else "",
        records=_sum(file.get("total_records") for file in files),
        worked=_sum(file.get("processed_records") for file in files),
        average_duration=float(duration) if duration is not None and _is_count(duration) else None,
    )


class _Told(msgspec.Struct):
    """The few values wanted; a campaign's thousands of calls are skipped over."""

    start_date: Any = None
    created_at: Any = None
    description: Any = None
    files: Any = None
    stats: Any = None


_detail = msgspec.json.Decoder(_Told)


def _starts(payload: str) -> date | None:
    try:
        told = _detail.decode(payload or "{}")
    except (msgspec.MsgspecError, UnicodeError):
        return None
    try:
        return parse_day(str(told.start_date or "")[:10])
    except ValueError:
        created: datetime | None = read_moment(told.created_at)
        return created.date() if created else None


def _sum(values: Iterable[Any]) -> int | None:
    counts = [value for value in values if _is_count(value)]
    return int(sum(counts)) if counts else None


def _is_count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def siblings(row: Campaign, scope: Scope, most: int) -> Sequence[Campaign]:
    """Other campaigns of the same environment, those of the same agent first, then the latest. One query."""
    others = seen_campaigns(scope).filter(environment_id=row.environment_id).exclude(pk=row.pk).defer("detail_payload")
    found = others.exclude(total_calls=0).order_by("-first_seen_at", "-pk")[:200]
    return sorted(found, key=lambda other: other.agent_id != row.agent_id)[:most]
