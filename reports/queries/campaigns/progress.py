"""Campaigns over a period: the vendor's totals by its end, what they grew by, and the calls mirrored of it.

The vendor tells running totals as of now alone. What they were is known of the UTC days on which they were read, so
each figure names the day of its reading, and one that no reading tells is unknown for a reason, and never zero.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from django.db.models import Count, Exists, OuterRef

from reports.definitions.filters import Filters
from reports.definitions.labels import Unknown
from reports.definitions.metrics import METRICS
from reports.definitions.periods import DAY, day_start, utc_date
from reports.queries.answer import Completeness, GapNote
from reports.queries.campaigns.lists import CampaignHistory, CampaignTotals, LastRead, last_read, list_gaps
from reports.queries.completeness.freshness import behind_within
from reports.queries.question import CallQuestion
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import Selector, resolve
from sync.models.campaigns import Campaign, CampaignCall


@dataclass(frozen=True, slots=True)
class During:
    """A period, open at either side."""

    start: datetime | None
    end: datetime | None
    now: datetime

    @property
    def begun(self) -> bool:
        return self.start is None or self.start <= self.now

    @property
    def over(self) -> bool:
        return self.end is not None and self.end <= self.now

    @property
    def read_by_end(self) -> date | None:
        """The last UTC day whose reading was made by the end of the period; None while it is not over."""
        return _day_over_by(self.end) if self.end is not None and self.over else None

    @property
    def read_before(self) -> date | None:
        """The last UTC day whose reading was made before the period; None where it has no beginning."""
        return None if self.start is None else _day_over_by(self.start)


def _day_over_by(moment: datetime) -> date:
    """A reading is kept as that of its UTC day, at no hour: it may have been made just before the day was over."""
    return utc_date(moment) - DAY


def during(first: date | None, last: date | None, zone: str, *, now: datetime) -> During | None:
    """The days of a zone, both included; None without any day, where everything is as of now."""
    if first is None and last is None:
        return None
    start = None if first is None else day_start(first, zone)
    return During(start, None if last is None else day_start(last + DAY, zone), now)


def calls_standing(first: date | None, last: date | None, selector: Selector, *, now: datetime) -> Completeness | None:
    """How complete the calls of the days are, where vendors tell of campaigns; None without any day, since no calls
    are counted then.
    """
    able = METRICS["campaign_success_rate"].vendors
    homes = {key: home for key, home in selector.environments.items() if home.provider in able}
    if not homes or (first is None and last is None):
        return None
    calls = CallQuestion(first, last, selector.scope.zone, selector.filters)
    return behind_within(calls, selector.among(homes), now=now)


@dataclass(frozen=True, slots=True)
class ListStanding:
    """How complete a list of campaigns is: the vendor's list as last read, and the calls of the period if there is one.
    ``as_of`` is the older of the two.
    """

    read: LastRead
    calls: Completeness | None
    gaps: tuple[GapNote, ...]

    @property
    def complete(self) -> bool:
        return self.read.whole and (self.calls is None or self.calls.complete)

    @property
    def as_of(self) -> datetime | None:
        moments = (self.read.as_of, self.calls.as_of if self.calls else None)
        return min((at for at in moments if at is not None), default=None)


def list_standing(selector: Selector, calls: Completeness | None) -> ListStanding:
    """Of the list of campaigns of the reach's environments. The wall must be open."""
    homes = set(selector.homes().values()) if selector.filters.agents else set(selector.environments)
    gaps = (*list_gaps(selector), *(calls.gaps if calls else ()))
    return ListStanding(last_read(selector.scope, homes), calls, gaps)


@dataclass(frozen=True, slots=True)
class Growth:
    """What the total of calls grew by over a period. ``days`` are the readings it is known from, the one before the
    period first; without that one, since the campaign began.
    """

    added: int | None
    days: tuple[CampaignTotals, ...] = ()
    unknown: Unknown | None = None

    @property
    def since(self) -> date | None:
        """The day of the reading that it is the growth since."""
        return self.days[0].day if self.days else None


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign over a period, or as of now without one: then it has totals alone.

    ``totals`` are those of the last reading by the end of the period. ``calls`` are the mirrored ones that the vendor
    names for the campaign and that began in the period, test calls left out.
    """

    history: CampaignHistory
    totals: CampaignTotals | None
    totals_unknown: Unknown | None = None
    growth: Growth | None = None
    calls: int | None = None
    calls_unknown: Unknown | None = None

    @property
    def of_period(self) -> Self | None:
        """Itself, where it tells of a period."""
        return self if self.growth else None

    @property
    def unknown(self) -> tuple[Unknown, ...]:
        """Why some of its figures are not known, each reason once."""
        reasons = (self.calls_unknown, self.growth and self.growth.unknown, self.totals_unknown)
        return tuple(dict.fromkeys(reason for reason in reasons if reason))


def progress(
    campaigns: Iterable[CampaignHistory], scope: Scope, asked: During | None, standing: Completeness | None
) -> list[Progress]:
    """Each of the campaigns over the period, in their order. Two queries, none without a period.

    ``standing`` says which environments' calls of the period were not read whole.
    """
    listed = list(campaigns)
    if asked is None:
        return [Progress(history, history.latest) for history in listed]
    named, mirrored = _calls([history.row for history in listed], resolve(Filters(), scope), asked)
    unread = frozenset(standing.incomplete) if standing else frozenset[str]()
    results = []
    for history in listed:
        totals = history.latest if asked.read_by_end is None else history.last_by(asked.read_by_end)
        key, home = history.row.pk, history.row.environment.name
        n = mirrored.get(key, 0)
        reason = None if n else _why_no_calls(history, asked, named.get(key, 0), whole=home not in unread)
        results.append(
            Progress(
                history,
                totals,
                _why_no_totals(totals),
                _growth(history, totals, asked),
                None if reason else n,
                reason,
            )
        )
    return results


def _why_no_totals(totals: CampaignTotals | None) -> Unknown | None:
    if totals is None:
        return Unknown.FIRST_READ_LATER
    return Unknown.NOT_TOLD if totals.total is None else None


def _why_no_calls(history: CampaignHistory, asked: During, named: int, *, whole: bool) -> Unknown | None:
    """Why no calls are no zero; None where they are."""
    if not asked.begun:
        return Unknown.NOT_BEGUN
    if not named:  # neither named nor counted by the vendor, there are none
        return None if history.row.total_calls == 0 else Unknown.CALLS_NOT_NAMED
    return None if whole else Unknown.CALLS_NOT_READ


def _growth(history: CampaignHistory, totals: CampaignTotals | None, asked: During) -> Growth:
    if not asked.begun:
        return Growth(None, unknown=Unknown.NOT_BEGUN)
    if totals is None or totals.total is None:
        return Growth(None, unknown=_why_no_totals(totals))
    if asked.read_before is None:
        return Growth(totals.total)
    if totals.day <= asked.read_before:
        return Growth(None, unknown=Unknown.NOT_READ_WITHIN)
    before = history.last_by(asked.read_before)
    if before is None or before.total is None:
        return Growth(None, unknown=Unknown.NOT_READ_BEFORE if before is None else Unknown.NOT_TOLD)
    days = [day for day in history.days if before.day <= day.day < totals.day and day.total is not None]
    return Growth(totals.total - before.total, (*days, totals))


def _calls(campaigns: Sequence[Campaign], selector: Selector, asked: During) -> tuple[dict[int, int], dict[int, int]]:
    """By the campaigns' keys, how many calls the vendor names, and how many of these are mirrored and of the period."""
    calls = selector.calls().filter(environment_id=OuterRef("environment_id"), external_id=OuterRef("call_key"))
    if asked.start is not None:
        calls = calls.filter(started_at__gte=asked.start)
    if asked.end is not None:
        calls = calls.filter(started_at__lt=asked.end)
    linked = seen(CampaignCall, selector.scope, selector.environments)
    links = linked.filter(campaign_id__in=[row.pk for row in campaigns])
    named, mirrored = (
        dict(rows.order_by().values_list("campaign_id").annotate(n=Count("pk")))
        for rows in (links, links.filter(Exists(calls)))
    )
    return named, mirrored
