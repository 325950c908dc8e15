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
from reports.definitions.periods import utc_date
from reports.queries.answer import GapNote
from reports.queries.calls.payload_times import read_moment
from reports.queries.campaigns.named_calls import seen_campaigns
from reports.queries.completeness.aside import asides, notes
from reports.queries.completeness.standing import noted
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import Selector
from sync import freshness as ledger
from sync.models.campaigns import Campaign, CampaignDay
from sync.models.runs import READ, Window, WindowState
from sync.taxonomy import Stream

PORTION = 200  # campaigns at a time, each with the days kept of it
STATUSES = ("active", "paused", "completed", "cancelled", "draft")


@dataclass(frozen=True, slots=True)
class CampaignTotals:
    """The running totals as last read on a UTC day."""

    day: date
    total: int | None
    completed: int | None
    failed: int | None
    success_rate: float | None  # percent

    @property
    def rate(self) -> float | None:
        """The vendor's, where there are calls that it could be a rate of."""
        return self.success_rate if self.total else None

    @property
    def over(self) -> float | None:
        """The share of the calls that are completed or failed, in percent."""
        if not self.total or self.completed is None or self.failed is None:
            return None
        return float((self.completed + self.failed) * 100 / self.total)


@dataclass(frozen=True, slots=True)
class CampaignHistory:
    """``row`` has the vendor's latest figures, ``days`` those kept, oldest first; ``starts`` is the day it names."""

    row: Campaign
    starts: date | None
    days: tuple[CampaignTotals, ...] = ()

    @property
    def id(self) -> UUID:
        public_id: UUID = self.row.public_id
        return public_id

    @property
    def latest(self) -> CampaignTotals:
        """The totals as of now, with the day of the last reading; of one whose days were not kept yet, the day it
        changed.
        """
        row = self.row
        day = self.days[-1].day if self.days else utc_date(row.changed_at)
        return CampaignTotals(day, row.total_calls, row.completed_calls, row.failed_calls, row.success_rate)

    def last_by(self, day: date) -> CampaignTotals | None:
        """The totals of the last day read that is no later than ``day``; None where it was first read after that."""
        return next((totals for totals in reversed(self.days) if totals.day <= day), None)


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
    rows = seen_campaigns(scope)
    if wanted := list(environments):
        rows = rows.filter(environment__public_id__in=wanted)
    if chosen := list(agents):
        rows = rows.filter(agent__public_id__in=chosen)
    if status:
        rows = rows.filter(status=status)
    rows = rows.select_related("agent", "environment").defer("detail_payload")
    return rows.order_by("-first_seen_at", "-pk")


def histories(rows: Iterable[Campaign], scope: Scope) -> list[CampaignHistory]:
    """With every day kept of each; those that started last come first. One query for the days."""
    return sorted(
        histories_as_listed(rows, scope), key=lambda history: (history.starts or date.min, history.row.pk), reverse=True
    )


def histories_as_listed(rows: Iterable[Campaign], scope: Scope) -> list[CampaignHistory]:
    """As :func:`histories`, in the order of the rows."""
    listed = list(rows)
    days: defaultdict[int, list[CampaignTotals]] = defaultdict(list)
    days_kept = seen(CampaignDay, scope, {row.environment_id for row in listed})
    kept = days_kept.filter(campaign_id__in=[row.pk for row in listed])
    columns = ("campaign_id", "day", "total_calls", "completed_calls", "failed_calls", "success_rate")
    for campaign, *figures in kept.order_by("day").values_list(*columns):
        days[campaign].append(CampaignTotals(*figures))
    return [CampaignHistory(row, _starts(row.payload), tuple(days[row.pk])) for row in listed]


def every_campaign(rows: QuerySet[Campaign], scope: Scope) -> tuple[int, Iterator[list[CampaignHistory]]]:
    """How many there are, and all of them as :func:`histories` orders them, looked up and given some hundred at a time.

    Of the whole list only the days and keys that order it stand in memory.
    """
    starts = rows.order_by().values_list("pk", "payload").iterator(chunk_size=PORTION)
    places = sorted(((_starts(payload) or date.min, pk) for pk, payload in starts), reverse=True)
    return len(places), _every([pk for _day, pk in places], rows, scope)


def _every(keys: list[int], rows: QuerySet[Campaign], scope: Scope) -> Iterator[list[CampaignHistory]]:
    for start in range(0, len(keys), PORTION):
        yield histories(rows.filter(pk__in=keys[start : start + PORTION]), scope)


def campaign(public_id: UUID, scope: Scope) -> Campaign:
    """Raises Campaign.DoesNotExist for an absent and for a foreign id alike."""
    return seen_campaigns(scope).select_related("agent", "environment").get(public_id=public_id)


def last_read(scope: Scope, environments: Iterable[int]) -> LastRead:
    """Of those of the environments (their keys) that are in the scope and were asked for campaigns at all."""
    rows = seen(Window, scope, environments).filter(stream=Stream.CAMPAIGNS)
    windows = list(rows.values_list("state", "read_at"))
    read = [read_at for _state, read_at in windows if read_at]
    whole, ended = (
        bool(windows) and all(state in wanted for state, _read_at in windows)
        for wanted in ((WindowState.COMPLETE,), READ)
    )
    return LastRead(min(read, default=None), whole, ended)


def list_gaps(selector: Selector) -> tuple[GapNote, ...]:
    """What of the lists of campaigns is known to be missing. The wall must be open."""
    gaps = ledger.open_gaps(selector.environments).filter(stream=Stream.CAMPAIGNS)
    unread = asides(selector.environments)
    rows = [row for key in selector.environments for row in unread.of(key, Stream.CAMPAIGNS)]
    return (*(noted(gap, selector.environments) for gap in gaps), *notes(rows, selector.environments))


def detail(row: Campaign) -> Detail:
    """Tolerant of any form: what cannot be read is not told."""
    try:
        fields = _detail.decode(row.detail_payload or row.payload or "{}")
    except (msgspec.MsgspecError, UnicodeError):
        return Detail()
    files = [each for each in fields.files if isinstance(each, dict)] if isinstance(fields.files, list) else []
    stats = fields.stats if isinstance(fields.stats, dict) else {}
    duration = stats.get("average_duration")
    return Detail(
        description=fields.description if isinstance(fields.description, str) else "",
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
        fields = _detail.decode(payload or "{}")
    except (msgspec.MsgspecError, UnicodeError):
        return None
    try:
        return parse_day(str(fields.start_date or "")[:10])
    except ValueError:
        created: datetime | None = read_moment(fields.created_at)
        return created.date() if created else None


def _sum(values: Iterable[Any]) -> int | None:
    counts = [value for value in values if _is_count(value)]
    return int(sum(counts)) if counts else None


def _is_count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def siblings(row: Campaign, scope: Scope, most: int) -> Sequence[Campaign]:
    """Other campaigns of the same environment, those of the same agent first, then the latest. One query."""
    others = seen_campaigns(scope).filter(environment_id=row.environment_id).exclude(pk=row.pk).defer("detail_payload")
    candidates = others.exclude(total_calls=0).order_by("-first_seen_at", "-pk")[:200]
    return sorted(candidates, key=lambda other: other.agent_id != row.agent_id)[:most]
