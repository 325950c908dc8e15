"""Setting schedules up and changing them, as audited acts. The wall must be open."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.record import CHANGED, Changes
from portal.lib.ids import uuid7
from reports.handover import rows
from reports.handover.access import scope_now
from reports.handover.models import Destination, ExportSchedule, FileReader, Handover
from reports.handover.wishes import SchedulePlan, destination_of, members, plan_of
from reports.mail.due import next_due
from reports.mail.preview import TooMany
from reports.mail.rights import Author, NotAllowed

MOST_SCHEDULES = 200
MOST_TRIALS, TRIALS_WITHIN = 10, timedelta(hours=1)
RHYTHM = frozenset({"kind", "weekday", "hour", "zone", "active"})
UNTOLD = frozenset({"name", "query"})  # what a person wrote


def create(plan: SchedulePlan, author: Author) -> ExportSchedule:
    """A new schedule. What it may show is fixed now: as much as its author sees, numbers only where that is allowed.
    Raises TooMany."""
    with transaction.atomic():
        if ExportSchedule.objects.filter(removed_at=None).count() >= MOST_SCHEDULES:
            raise TooMany(_("A company has at most %(most)s export schedules.") % {"most": MOST_SCHEDULES})
        schedule = ExportSchedule(
            tenant=author.tenant,
            grant=author.rights.make_grant(author.tenant, sees_numbers=plan.numbers),
            destination=destination_of(plan),
            creator=author.user if author.key is None else None,
            key=author.key,
            **plan.columns(),
        )
        schedule.next_due = next_due(schedule.rhythm, timezone.now()) if schedule.active else None
        schedule.save()
        _set_readers(schedule, plan)
        author.note("schedule.added", about(schedule), _moved({}, _told(plan, schedule.destination)))
    return schedule


def change(schedule: ExportSchedule, plan: SchedulePlan, author: Author) -> None:
    """Make a schedule what the plan says. A new rhythm, and going on after a pause, count from now; what is due in the
    old rhythm and not made yet stays due, but for a pause. Whoever saves one whose maker has gone stands for it from
    then on, and it shows no more than he sees.
    """
    was, columns = {name: getattr(schedule, name) for name in plan.columns()}, plan.columns()
    changed = {name: value for name, value in columns.items() if was[name] != value}
    place = destination_of(plan)
    before, after = _told(plan_of(schedule), schedule.destination), _told(plan, place)
    written = changed | _taken_over(schedule, author)
    if place != schedule.destination:
        written |= {"destination": place, "suspended_at": None}
    if plan.numbers != schedule.grant.sees_numbers and "grant" not in written:
        written["grant"] = author.rights.make_grant(author.tenant, sees_numbers=plan.numbers)
    if changed.keys() & RHYTHM:
        for name, value in changed.items():
            setattr(schedule, name, value)
        written["next_due"] = next_due(schedule.rhythm, timezone.now()) if schedule.active else None
    with transaction.atomic():
        # Only what changed is written: a worker may be moving the due time along at this moment.
        if written:
            ExportSchedule.objects.filter(pk=schedule.pk, removed_at=None).update(**written)
        if changed.get("active") is False:
            rows.hold_back(schedule, "paused")
        if place != schedule.destination:
            rows.go_on(schedule)
        readers = _set_readers(schedule, plan)
        if written or readers:
            author.note(_act(changed), about(schedule), _moved(before, after))
    schedule.refresh_from_db()


def set_paused(schedule: ExportSchedule, author: Author, *, on: bool) -> None:
    """Pause a schedule, or go on with it: then it is due next as counted from now."""
    change(schedule, replace(plan_of(schedule), paused=on), author)


def confirm(schedule: ExportSchedule, since: datetime, author: Author) -> bool:
    """End the suspension that began at ``since``; whether it did. A destination that was changed again since then has
    to be confirmed again."""
    with transaction.atomic():
        own = ExportSchedule.objects.filter(pk=schedule.pk, removed_at=None, suspended_at=since)
        done = bool(own.update(suspended_at=None))
        if done:
            rows.go_on(schedule)
            author.note("schedule.confirmed", about(schedule))
    schedule.refresh_from_db()
    return done


def remove(schedule: ExportSchedule, author: Author) -> None:
    """Hand nothing over any more, not even what waits. What was handed over stays known."""
    with transaction.atomic():
        own = ExportSchedule.objects.filter(pk=schedule.pk, removed_at=None)
        if own.update(removed_at=timezone.now(), active=False, next_due=None):
            author.note("schedule.removed", about(schedule))
        rows.hold_back(schedule, "removed")


def leave(schedule: ExportSchedule, author: Author) -> None:
    """A member's own word: nothing of it is mailed to him any more."""
    with transaction.atomic():
        if FileReader.objects.filter(schedule=schedule, user=author.user).delete()[0]:
            author.note("schedule.left", about(schedule))


def try_now(schedule: ExportSchedule, author: Author) -> Handover:
    """Have the file of the latest period made and handed over at once, beside what is scheduled and under a name of its
    own; data that are not whole are not waited for. Raises TooMany."""
    now = timezone.now()
    recent = Handover.objects.filter(schedule=schedule, created_at__gt=now - TRIALS_WITHIN).exclude(press="")
    if recent.count() >= MOST_TRIALS:
        text = _("%(most)s trials were made within the hour. Wait a little.")
        raise TooMany(text % {"most": MOST_TRIALS})
    trial = rows.owed(schedule, now, press=str(uuid7()))
    with transaction.atomic():
        trial.save()
        author.note("schedule.tried", about(schedule))
    return trial


def hand_over_again(handover: Handover, author: Author) -> bool:
    """Have the file of a period made anew and handed over; False while it is on its way."""
    schedule: ExportSchedule = handover.schedule
    if schedule.removed_at is not None:
        return False
    with transaction.atomic():
        done = rows.begin_again(handover)
        if done:
            author.note("handover.again", about(schedule) | {"handover": str(handover.public_id)})
    return done


def about(schedule: ExportSchedule) -> dict[str, str | int]:
    return {"schedule": str(schedule.public_id)}


def _taken_over(schedule: ExportSchedule, author: Author) -> dict[str, Any]:
    try:
        scope_now(schedule)
    except NotAllowed:
        numbers = schedule.grant.sees_numbers and author.scope.sees_numbers
        return {
            "creator": author.user if author.key is None else None,
            "key": author.key,
            "grant": author.rights.make_grant(author.tenant, sees_numbers=numbers),
        }
    return {}


def _set_readers(schedule: ExportSchedule, plan: SchedulePlan) -> bool:
    """Make the readers those of the plan; whether that changed anything."""
    users = {user.pk: user for user in members(plan)}
    known = dict(FileReader.objects.filter(schedule=schedule).values_list("user_id", "pk"))
    gone = [pk for user_id, pk in known.items() if user_id not in users]
    new = [user for pk, user in users.items() if pk not in known]
    FileReader.objects.filter(pk__in=gone).delete()
    FileReader.objects.bulk_create(
        FileReader(tenant_id=schedule.tenant_id, schedule=schedule, user=user) for user in new
    )
    return bool(gone or new)


def _told(plan: SchedulePlan, destination: Destination | None) -> dict[str, Any]:
    """What the audit is told of a plan."""
    more = {"numbers": plan.numbers, "destination": str(destination.public_id) if destination else ""}
    return plan.columns() | more


def _moved(was: Mapping[str, Any], now: Mapping[str, Any]) -> Changes:
    """Before and after, as the audit keeps it: not what a person wrote."""
    pairs = {name: (was.get(name), now[name]) for name in now if was.get(name) != now[name]}
    return {name: (None, CHANGED) if name in UNTOLD else pair for name, pair in pairs.items()}


def _act(changed: Mapping[str, Any]) -> str:
    if "active" in changed:
        return "schedule.resumed" if changed["active"] else "schedule.paused"
    return "schedule.changed"
