"""Looks at the alerts of a tenant and tells what happened to them: each thing once, however many look at once.

An alert is claimed to be looked at, and moved on by an update that holds only as long as nothing happened to it since
it was read; the event and all that is owed for it are written with that. So two that look at the same time, one that
died and one that slept tell nothing twice and lose nothing: what was not told is seen at the next look.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from portal.tenants import wall
from portal.work.clock import AHEAD
from portal.work.leases import Lease
from reports.alerts import words
from reports.alerts.access import scope_now
from reports.alerts.looking import observe
from reports.alerts.models import Alert
from reports.alerts.resting import tell_owners
from reports.alerts.rules import Phase, advance, doubt
from reports.alerts.telling import Hint, Told, readers_of, tell
from reports.alerts.wishes import looked_at, subject_at
from reports.mail.rights import NotAllowed
from reports.queries.question import QuestionError
from reports.queries.run import NotNow, patient
from reports.queries.scope import Scope

logger = logging.getLogger("ringbook.alerts")
LEASE = Lease(timedelta(minutes=6), until="claimed_until", fence="claims")  # longer than a task may run
EVERY = timedelta(seconds=50)  # an alert is not looked at more often, however often the data change


def tenants_with_alerts(at: datetime) -> list[int]:
    """Tenants with an alert that it is time to look at."""
    with wall.every_tenant("finding whose alerts are looked at"):
        rows = Alert.objects.filter(_due(at), tenant__active=True).order_by()
        return sorted(set(rows.values_list("tenant_id", flat=True)))


def judge(at: datetime, hint: Hint) -> int:
    """Look at the alerts of the tenant whose wall is open; how many things were told."""
    rows = Alert.objects.filter(_due(at)).select_related(
        "tenant", "grant", "grant__tenant", "key", "key__grant__tenant", "key__made_by"
    )
    told = 0
    for alert in rows.prefetch_related("watchers__user", "watchers__tenant").order_by("checked_at", "id"):
        with transaction.atomic():
            mine = LEASE.claim(LEASE.held(Alert.objects.filter(_due(at)), alert))
        if not mine:
            continue
        alert.claims += 1
        try:
            told += _judge(alert, at, hint)
        except Exception:  # one alert's trouble is not the others'
            logger.exception("alert %s could not be looked at", alert.pk)
            _settle(alert, at, "failed")
    return told


def _judge(alert: Alert, at: datetime, hint: Hint) -> bool:
    try:
        scope = scope_now(alert)
        subject = subject_at(alert, scope)
        with patient():
            seen = observe(subject, scope, at)
    except NotAllowed as reason:
        _settle(alert, at, str(reason))
        if str(reason) in words.RESTS:
            tell_owners(alert, str(reason))
        return False
    except (QuestionError, NotNow) as reason:
        _settle(alert, at, "no question" if isinstance(reason, QuestionError) else "failed")
        return False
    rule = alert.rule
    phase, happened = advance(_phase(alert, at), rule.holds(seen), at, alert.silence)
    if happened is None:
        _settle(alert, at, doubt(rule, seen))
        return False
    return _move(alert, phase, Told(happened, at, seen), scope=scope, hint=hint)


def _phase(alert: Alert, at: datetime) -> Phase:
    """How it stands; what was told by a clock that has been set back since makes it silent no longer."""
    ahead = alert.since is not None and alert.since > at + AHEAD
    return Phase(alert.firing) if ahead else alert.phase


def _move(alert: Alert, phase: Phase, told: Told, *, scope: Scope, hint: Hint) -> bool:
    with transaction.atomic():
        moved = _standing(alert).update(
            firing=phase.firing,
            quiet_until=phase.quiet_until,
            since=told.at,
            turns=alert.turns + 1,
            checked_at=told.at,
            doubt="",
            claimed_until=None,
        )
        if not moved:  # somebody changed, paused or removed it, or told this already
            return False
        tell(alert, told, readers_of(alert, scope), hint, scope=looked_at(alert, scope))
    return True


def _settle(alert: Alert, at: datetime, why: str) -> None:
    """Note that it was looked at; ``why`` nothing could be said, if so."""
    LEASE.settle(LEASE.held(Alert.objects.all(), alert), checked_at=at, doubt=why if why in words.DOUBTS else "")


def _standing(alert: Alert) -> QuerySet[Any]:
    """The alert, as long as it stands as it was read and this process has it."""
    rows = Alert.objects.filter(turns=alert.turns, firing=alert.firing, active=True, removed_at=None)
    return LEASE.held(rows, alert)


def _due(at: datetime) -> Q:
    """A look that was noted later than now was noted by a clock that has been set back since."""
    looked = Q(checked_at=None) | Q(checked_at__lte=at - EVERY) | Q(checked_at__gt=at + EVERY)
    return Q(active=True, removed_at=None) & looked & LEASE.free()
