"""The rows behind handing over: what is due becomes handovers, claimed, held and settled (``portal.work.leases``)."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from portal.tenants import wall
from portal.work.leases import Lease
from reports.definitions.periods import Period
from reports.definitions.spans import SPANS, span_period
from reports.handover.models import OPEN, ExportSchedule, Handover, HandoverState
from reports.mail.due import dues, latest_due, next_due, period_of
from reports.mail.models import MissedPeriods

LEASE = Lease(timedelta(minutes=5), until="claimed_until", fence="claims")  # renewed while bytes are on their way
DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
LOOK_AGAIN = timedelta(minutes=5)  # whether data are whole by now
MOST_MISSED = 31  # periods that one silence makes due
SUSPENDED = "suspended"  # the reason of a handover whose schedule waits to be confirmed
STANDING = "standing"  # a list as it stands, of no days
ENDED = tuple(span for span in SPANS if span not in ("today", "this_week", "this_month"))  # by the day they are due


class Lost(Exception):
    """The row is somebody else's by now, or gone; nothing of this attempt may be told any more."""


def tenants_with_work(at: datetime) -> list[int]:
    """Tenants that have a schedule due."""
    with wall.every_tenant("finding whose exports are due"):
        due = ExportSchedule.objects.filter(active=True, next_due__lte=at, tenant__active=True)
        return sorted(set(due.values_list("tenant_id", flat=True)))


def waiting(*, limit: int = 500) -> list[tuple[int, int]]:
    """(tenant, handover) of what waits, is due and is claimed by nobody, across all tenants, oldest first."""
    with wall.every_tenant("files that are owed"):
        rows = Handover.objects.filter(_ready(), tenant__active=True).order_by("id")
        return list(rows.values_list("tenant_id", "id")[:limit])


def open_due(at: datetime) -> int:
    """Turn each schedule of the tenant that is due into one handover a period; how many were due.

    After a time of silence the periods before the latest are passed over, or opened as well, the oldest first: as the
    schedule says.
    """
    due = ExportSchedule.objects.filter(active=True, next_due__lte=at).order_by("next_due", "id")
    return sum(_open(schedule, at) for schedule in due)


def days_of(schedule: ExportSchedule, due: datetime) -> Period:
    """The days that the file due at an instant is about; a list as it stands goes by those of the rhythm."""
    if schedule.span in ENDED:
        today = due.astimezone(ZoneInfo(schedule.zone)).date()
        return span_period(schedule.span, today, schedule.zone)
    return period_of(schedule.rhythm, due)


def owed(schedule: ExportSchedule, due: datetime, *, press: str = "") -> Handover:
    """An unsaved handover of the period that is due at an instant."""
    period = days_of(schedule, due)
    return Handover(
        tenant_id=schedule.tenant_id,
        schedule=schedule,
        period_start=period.start,
        period_end=period.end,
        zone=period.zone,
        press=press,
        due_at=due,
        held_until=due + timedelta(hours=schedule.hold_hours),
    )


def claim(handover_id: int) -> Handover | None:
    """Take a handover to work on; None when it is not its time, or somebody else has it."""
    with transaction.atomic(durable=True):
        mine = LEASE.claim(Handover.objects.filter(_ready(), pk=handover_id))
    return whole_rows().get(pk=handover_id) if mine else None


def hold(handover: Handover) -> None:
    """Renew the claim; raises Lost when it is no longer this process's."""
    if not LEASE.hold(_held(handover)):
        raise Lost


def settle(handover: Handover, state: HandoverState, **fields: Any) -> bool:
    """Write what became of it; False when somebody else has done so or has it now."""
    ended = {} if state in OPEN else {"finished_at": Now(), "next_attempt_at": None}
    return LEASE.settle(_held(handover), state=state, **ended, **fields)


def later(handover: Handover, state: HandoverState, after: timedelta, **fields: Any) -> bool:
    """Give it back until ``after`` is over: nothing went wrong."""
    return settle(handover, state, next_attempt_at=Now() + after, **fields)


def failed(handover: Handover, reason: str, reply: str, *, for_good: bool = False) -> bool:
    """Have it tried again after a while, or no more; whether this was the end."""
    told = {"reason": reason, "reply": reply, "tries": handover.tries + 1}
    if for_good or handover.tries >= len(DELAYS):
        return settle(handover, HandoverState.FAILED, **told)
    later(handover, HandoverState.PENDING, DELAYS[handover.tries], **told)
    return False


def begin_again(handover: Handover) -> bool:
    """A person's decision: the file is made anew from the data of now. False while it is on its way."""
    ended = Handover.objects.filter(pk=handover.pk).exclude(state__in=OPEN)
    return bool(
        ended.update(
            state=HandoverState.PENDING,
            round=F("round") + 1,
            tries=0,
            reason="",
            reply="",
            export=None,
            claimed_until=None,
            next_attempt_at=None,
            finished_at=None,
        )
    )


def hold_back(schedule: ExportSchedule, reason: str) -> None:
    """Whatever waits of a schedule is not handed over any more."""
    _hold_back(Handover.objects.filter(schedule=schedule, state__in=OPEN), reason)


def go_on(schedule: ExportSchedule) -> None:
    """Whatever waits of a suspended schedule is looked at again at once; the latest period alone, where it says so."""
    waits = Handover.objects.filter(schedule=schedule, state__in=OPEN, reason=SUSPENDED)
    if schedule.missed == MissedPeriods.LATEST:
        due = Handover.objects.filter(schedule=schedule, state__in=OPEN, press="", round=0)
        latest = due.order_by("-due_at")[:1].values("pk")
        _hold_back(waits.filter(press="", round=0).exclude(pk__in=latest), "passed over")
    waits.update(state=HandoverState.PENDING, reason="", next_attempt_at=None)


def whole_rows() -> QuerySet[Handover]:
    """Handovers with all that making and handing over looks at."""
    rows: QuerySet[Handover] = Handover.objects.select_related(
        "tenant",
        "export",
        "schedule__tenant",
        "schedule__grant__tenant",
        "schedule__creator",
        "schedule__key__grant__tenant",
        "schedule__key__made_by",
        "schedule__destination",
    )
    return rows


def _open(schedule: ExportSchedule, at: datetime) -> bool:
    rhythm, start = schedule.rhythm, schedule.next_due
    if start is None:
        return False
    if schedule.missed == MissedPeriods.EACH:
        missed = dues(rhythm, start, at, MOST_MISSED)
    else:
        missed = [latest_due(rhythm, start, at)]
    with transaction.atomic():
        own = ExportSchedule.objects.filter(pk=schedule.pk, active=True, next_due=start)
        if not own.update(next_due=next_due(rhythm, missed[-1])):
            return False
        Handover.objects.bulk_create(
            [owed(schedule, due) for due in missed],
            ignore_conflicts=True,  # a period that was handed over already stays handed over once
        )
    return True


def _hold_back(waits: QuerySet[Handover], reason: str) -> None:
    waits.update(state=HandoverState.SUPPRESSED, reason=reason, claims=F("claims") + 1, claimed_until=None)


def _held(handover: Handover) -> QuerySet[Handover]:
    return LEASE.held(Handover.objects.filter(state__in=OPEN), handover)


def _ready() -> Q:
    due = Q(next_attempt_at=None) | Q(next_attempt_at__lte=Now())
    return Q(state__in=OPEN) & LEASE.free() & due
