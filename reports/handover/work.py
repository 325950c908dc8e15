"""One handover, one step at a time: wait for whole data, have the file made, hand it over, or say why not.

Each step begins with a claim and ends with what became of it, so any number of workers may come, and go anywhere. What
was handed over before a death is handed over once more under the same names: files and manifest take the place of the
same, mails are told apart by their references.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from django.db import transaction
from django.utils import translation

from portal.audit.record import record
from portal.tenants.models.people import User
from reports.definitions.periods import Period
from reports.files import jobs
from reports.files.caps import TooMany
from reports.files.models import Export, State, What
from reports.files.orders import DoesNotFit, Order, board_query, read_order, tables_of, title_of
from reports.handover import by_mail, places, rows
from reports.handover.access import scope_now, views_on_board
from reports.handover.handing import NotTaken, Pulse
from reports.handover.manifest import Parcel, parcel_of
from reports.handover.models import ExportSchedule, Handover, HandoverState, Way
from reports.handover.rows import STANDING, Lost
from reports.handover.telling import tell_of_failure
from reports.mail.answers import asked_of
from reports.mail.content import NotOpen
from reports.mail.facts import covers
from reports.mail.rights import NotAllowed
from reports.queries.question import QuestionError
from reports.queries.run import NotNow, patient
from reports.queries.scope import Scope

logger = logging.getLogger("ringbook.handover")
MAKING = timedelta(seconds=20)  # between two looks at a file that is being made
MOST_TRIES_TO_COMPUTE = timedelta(minutes=1)
Hint = Callable[[int, int], object]  # (tenant, export): tell those who make files


def step(handover_id: int, at: datetime, hint: Hint) -> str:
    """Take one handover as far as it goes now; the state it is in afterwards, "" where it was not ours to take.

    Never inside a transaction. The wall must be open.
    """
    handover = rows.claim(handover_id)
    if handover is None:
        return ""
    try:
        with translation.override(handover.schedule.language), patient():
            return _step(handover, at, hint)
    except Lost:
        logger.info("handover %s: not this process's any more", handover.public_id)
        return ""
    except NotOpen as reason:
        rest(handover.schedule, reason)
        return _withheld(handover, str(reason))
    except NotAllowed as reason:
        return _withheld(handover, str(reason))
    except NotNow as reason:
        logger.warning("handover %s waits: %r", handover.public_id, reason)
        rows.later(handover, HandoverState(handover.state), MOST_TRIES_TO_COMPUTE)
        return str(handover.state)
    except NotTaken as refusal:
        return _failed(handover, refusal)
    except DoesNotFit as error:
        return _failed(handover, NotTaken("too long", " ".join(error.errors.values()), for_good=True))
    except QuestionError as error:
        return _failed(handover, NotTaken("no question", " ".join(error.errors.values()), for_good=True))
    except TooMany as error:
        return _failed(handover, NotTaken("no room", str(error)))
    except Exception:
        logger.exception("handover %s could not be made", handover.public_id)
        return _failed(handover, NotTaken("fault"))


def order_of(schedule: ExportSchedule, period_days: dict[str, str], scope: Scope) -> Order:
    """What is to be made for some days. Raises QuestionError."""
    params = dict(parse_qsl(schedule.query)) | period_days
    params |= {"what": schedule.what, "format": schedule.format, "dialect": schedule.dialect or "csv"}
    order = read_order(params, scope)
    return replace(order, title=schedule.name if schedule.what == What.REPORT else "")


def days_asked(handover: Handover) -> dict[str, str]:
    """The parameters by which a list or a report is asked of the period of a handover."""
    schedule, period = handover.schedule, handover.period
    if schedule.span == STANDING:
        return {}
    days = {"date_from": period.start.isoformat(), "date_to": period.last_day.isoformat()}
    return days | ({"zone": period.zone} if schedule.what in (What.CALLS, What.REPORT) else {})


def board_order(schedule: ExportSchedule, period: Period, scope: Scope) -> Order:
    """A workbook of the reports that stand on a board now, of a period. Raises NotOpen, and QuestionError where one of
    them cannot be asked: a workbook without it would look whole."""
    asked = asked_of(views_on_board(schedule), scope, period, compares=True)
    if refused := {each.title: f"{each.title}: {each.refused}" for each in asked if each.question is None}:
        raise QuestionError(refused)
    query = board_query((each.title, each.question) for each in asked if each.question is not None)
    return Order(What.BOARD, query, schedule.format, title=schedule.name)


def _step(handover: Handover, at: datetime, hint: Hint) -> str:
    schedule = handover.schedule
    if schedule.removed_at is not None:
        raise NotAllowed("removed")
    if schedule.suspended_at is not None:
        rows.later(handover, HandoverState.HELD, rows.LOOK_AGAIN, reason=rows.SUSPENDED)
        return HandoverState.HELD
    scope = scope_now(schedule)
    if schedule.what == What.BOARD:
        views_on_board(schedule)  # each time: a file that is made already is not handed over once the board is closed
    export = handover.export
    if export is None or export.state == State.EXPIRED:
        return _order(handover, scope, at, hint)
    if export.state == State.FAILED:
        text = export.error
        handover.export = None
        return _failed(handover, NotTaken("not made", text), forget=True)
    if export.state != State.READY:
        rows.later(handover, HandoverState.MAKING, MAKING)
        return HandoverState.MAKING
    return _hand_over(handover, export, at)


def _order(handover: Handover, scope: Scope, at: datetime, hint: Hint) -> str:
    schedule = handover.schedule
    if schedule.what == What.BOARD:
        order = board_order(schedule, handover.period, scope)
    else:
        order = order_of(schedule, days_asked(handover), scope)
    waits = not handover.press and not handover.round and (at < handover.held_until or schedule.holds)
    if waits and not _is_whole(handover, order, scope, at):
        rows.later(handover, HandoverState.HELD, rows.LOOK_AGAIN)
        return HandoverState.HELD
    asker = jobs.Asker(schedule.tenant_id, user=schedule.creator if schedule.key is None else None, key=schedule.key)
    with transaction.atomic():
        export = jobs.ask_by_schedule(order, asker, schedule.grant)
        if not rows.later(handover, HandoverState.MAKING, timedelta(0), export=export):
            transaction.set_rollback(True)
            raise Lost
        transaction.on_commit(lambda: hint(export.tenant_id, export.pk))
    return HandoverState.MAKING


def _is_whole(handover: Handover, order: Order, scope: Scope, at: datetime) -> bool:
    """Whether the file would be complete, made now."""
    asked = Export(tenant=handover.tenant, what=order.what, query=order.query, format=order.format, title=order.title)
    told = [table.facts for table in tables_of(asked, scope, now=at)]
    if handover.schedule.span == STANDING:
        return all(facts.complete for facts in told)
    return all(covers(facts, handover.period, at) for facts in told)


def _hand_over(handover: Handover, export: Export, at: datetime) -> str:
    schedule, parcel = handover.schedule, parcel_of(handover, export)
    before = [file["name"] for file in handover.manifest.get("files", ())]
    if schedule.way == Way.PUT:
        pulse = Pulse(lambda: rows.hold(handover))
        places.put(parcel, schedule.destination, pulse, outdated=[name for name in before if name != parcel.name])
        return _sent(handover, parcel, at)
    readers: list[User] = by_mail.readers_of(handover)
    if not readers:
        raise NotAllowed("nobody to read")
    title = title_of(export)
    with transaction.atomic():
        for user in readers:
            by_mail.put(handover, parcel, user, title)
        return _sent(handover, parcel, at)


def _sent(handover: Handover, parcel: Parcel, at: datetime) -> str:
    late = at - handover.due_at > timedelta(hours=1) and not handover.press and not handover.round
    told = {"manifest": parcel.manifest, "complete": parcel.export.complete, "late": late, "reason": "", "reply": ""}
    with transaction.atomic():
        if not rows.settle(handover, HandoverState.SENT, **told):
            raise Lost
        record("handover.sent", tenant_id=handover.tenant_id, about=about(handover))
    return HandoverState.SENT


def _withheld(handover: Handover, reason: str) -> str:
    with transaction.atomic():
        if not rows.settle(handover, HandoverState.SUPPRESSED, reason=reason):
            return ""
        record("handover.withheld", tenant_id=handover.tenant_id, about=about(handover))
    return HandoverState.SUPPRESSED


def _failed(handover: Handover, why: NotTaken, *, forget: bool = False) -> str:
    """Note it for another try, or for good: then owners are told, once."""
    with transaction.atomic():
        if forget:
            Handover.objects.filter(pk=handover.pk, claims=handover.claims).update(export=None)
        if not rows.failed(handover, why.reason, why.reply[:300], for_good=why.for_good):
            return HandoverState.PENDING
        record("handover.failed", tenant_id=handover.tenant_id, about=about(handover))
        tell_of_failure(handover, why.reason)
    return HandoverState.FAILED


def rest(schedule: ExportSchedule, reason: NotOpen) -> None:
    """Have nothing more become due of a board that is gone or open no more; once, however many find out."""
    with transaction.atomic():
        same = {"what": schedule.what, "query": schedule.query}  # not one that exports something else by now
        own = ExportSchedule.objects.filter(pk=schedule.pk, active=True, removed_at=None, **same)
        if own.update(active=False, next_due=None):
            kept: dict[str, str | int] = {"schedule": str(schedule.public_id), "reason": str(reason)}
            record("schedule.rested", tenant_id=schedule.tenant_id, about=kept)


def about(handover: Handover) -> dict[str, str | int]:
    """What the audit keeps of a handover."""
    return {"schedule": str(handover.schedule.public_id), "handover": str(handover.public_id)}
