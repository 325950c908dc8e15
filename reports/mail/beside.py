"""What a report tells beside its answers: the callback loop, the campaigns in progress, and what was reported last."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from reports.definitions.periods import Period
from reports.mail.due import baseline
from reports.mail.models import Delivery, DeliveryState
from reports.queries.answer import Cell
from reports.queries.callbacks.loop import opened
from reports.queries.callbacks.open import missed_contacts
from reports.queries.callbacks.story import BEGINNING, CallbackBreakdown, story_of
from reports.queries.campaigns import lists
from reports.queries.campaigns.progress import Progress, calls_standing, during, progress
from reports.queries.question import Filters
from reports.queries.scope import Scope
from reports.queries.selector import resolve

IN_PROGRESS = ("active", "paused")


@dataclass(frozen=True, slots=True)
class CallbackLoop:
    """``missed`` are the contacts whose call was missed, whoever met them since; None where callbacks are chosen by who
    had called before."""

    breakdown: CallbackBreakdown
    missed: int | None


@dataclass(frozen=True, slots=True)
class Reported:
    """What the last report before told of its period; ``told`` are the values by their metrics' keys."""

    period: Period
    told: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Correction:
    """``now`` are the cells that stand today in the place of what was told."""

    reported: Reported
    now: Mapping[str, Cell]


def callback_loop(filters: Filters, period: Period, scope: Scope, *, now: datetime) -> CallbackLoop | None:
    """None where nobody takes callbacks. As the page of callbacks has it."""
    with opened(resolve(filters, scope, now=now), period.starts_at, period.ends_at, since=BEGINNING) as loop:
        if not loop.routes.sources:
            return None
        return CallbackLoop(story_of(loop, period), missed_contacts(loop) if loop.selector.source_ids is None else None)


def campaigns_in_progress(filters: Filters, period: Period, scope: Scope, *, now: datetime) -> tuple[Progress, ...]:
    """Those that run or pause now, over the period; those that started last first. One that starts later is none."""
    rows = lists.campaigns(scope, environments=filters.environments, agents=filters.agents)
    histories = lists.histories(rows.filter(status__in=IN_PROGRESS), scope)
    begun = [history for history in histories if history.starts is None or history.starts < period.end]
    asked = during(period.start, period.last_day, period.zone, now=now)
    if not begun:
        return ()
    standing = calls_standing(period.start, period.last_day, resolve(filters, scope, now=now), now=now)
    return tuple(progress(begun, scope, asked, standing))


def seal(filters: Filters, scope: Scope) -> str:
    """What figures are made of, in short: equal for the same filters and rights."""
    agents = None if scope.agent_ids is None else sorted(scope.agent_ids)
    made_of = repr((filters, scope.tenant_id, sorted(scope.environment_ids), agents))
    return hashlib.blake2b(made_of.encode(), digest_size=12).hexdigest()


def last_report(delivery: Delivery, filters: Filters, scope: Scope) -> Reported | None:
    """What was mailed of the last period before, by the same subscription, filters and rights. One query."""
    period = delivery.period
    first = baseline(delivery.kind, period)[0].start
    before = Delivery.objects.filter(
        subscription=delivery.subscription,
        state=DeliveryState.POSTED,
        zone=delivery.zone,
        period_start__gte=first,
        period_end__lte=period.start,
        snapshot__seal=seal(filters, scope),
    )
    row = before.order_by("-period_end", "-pk").values_list("period_start", "period_end", "snapshot__figures").first()
    if row is None:
        return None
    start, end, figures = row
    return _reported(start, end, delivery.zone, figures)


def _reported(start: date, end: date, zone: str, figures: object) -> Reported | None:
    totals = figures.get("totals") if isinstance(figures, dict) else None
    if not isinstance(totals, dict):
        return None
    return Reported(Period(start, end, zone), {key: cell[0] for key, cell in totals.items()})
