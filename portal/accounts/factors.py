"""The second factor: who has one, who needs one and from when on, and what is done for somebody who lost his."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts.notices import tell
from portal.accounts.sessions import end_sessions
from portal.audit.record import record
from portal.tenants.admission import Admission
from portal.tenants.guards import members_tenants, memberships_of
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import SecondFactor, Tenant

GRACE = timedelta(days=14)
_KNOWN = "second_factor"  # in the session: when it was looked up, and the moment found
_LOOKED_UP_EVERY = timedelta(minutes=5)
_NOWHERE = ZoneInfo("UTC")  # of who is a member of no company
_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_factor(user: User) -> bool:
    return bool(users_with_factor([user.pk]))


def users_with_factor(ids: Iterable[int]) -> set[int]:
    """Which of these people are asked for a second factor when they sign in. One query."""
    rows = Authenticator.objects.filter(user_id__in=list(ids), type__in=_FACTORS)
    return set(rows.values_list("user_id", flat=True))


def due_at(user: User) -> datetime | None:
    """From when on the person gets no further without a second factor, by the clock of the company that asks for it;
    None for one who has it or needs none.

    One that his company's identity provider asked for is one.
    """
    admission: Admission = user.admission or Admission()
    memberships = list(memberships_of(user))
    zones = [membership.tenant.tzinfo for membership in memberships]
    since = [
        (moment, membership.tenant.tzinfo)
        for membership in memberships
        if not admission.factor and (moment := _asked_since(membership))
    ]
    if user.is_staff and admission.held_to is None:
        since.append((user.staff_since or user.date_joined, zones[0] if zones else _NOWHERE))
    if not since or has_factor(user):
        return None
    first, zone = min(since, key=itemgetter(0))
    return (first + GRACE).astimezone(zone)


def due_for(request: HttpRequest, user: Any = None) -> datetime | None:
    """As :func:`due_at`, of whoever is signed in, looked up every few minutes."""
    now = timezone.now()
    known = request.session.get(_KNOWN)
    if known is None or now.timestamp() - known[0] > _LOOKED_UP_EVERY.total_seconds():
        person: Any = user or request.user
        found = due_at(person)
        moment = [found.timestamp(), str(found.tzinfo)] if found else [0, ""]
        request.session[_KNOWN] = known = [now.timestamp(), *moment]
    zone = ZoneInfo(known[2]) if known[2:] and known[2] else _NOWHERE
    return datetime.fromtimestamp(known[1], zone) if known[1] else None


def look_up_again(request: HttpRequest) -> None:
    """What was found no longer holds: a factor came or went."""
    request.session.pop(_KNOWN, None)


def reset(user: User, *, by: Any = None) -> int:
    """Take away all factors of somebody who lost them, and end his sessions; how many factors there were.

    Who may ask for it is the caller's to check. Audited in each of the person's tenants; the person is told.
    """
    with transaction.atomic():
        count: int = Authenticator.objects.filter(user=user, type__in=_FACTORS).count()
        Authenticator.objects.filter(user=user).delete()
        end_sessions(user)
        ids: list[int | None] = [tenant.pk for tenant in members_tenants(user)]
        for tenant_id in ids or [None]:
            record("factors.reset", tenant_id=tenant_id, user=by, about={"user": user.pk, "factors": count})
        tell(user, "factors_reset")
    return count


def set_rule(tenant: Tenant, rule: SecondFactor, *, by: Any = None) -> None:
    """Say who of the tenant needs a second factor; the days of grace begin now. Audited."""
    if tenant.second_factor == rule:
        return
    changes = {"second_factor": (tenant.second_factor, str(rule))}
    tenant.second_factor, tenant.second_factor_since = rule, timezone.now()
    with transaction.atomic():
        tenant.save(update_fields=["second_factor", "second_factor_since"])
        record("tenant.second_factor", tenant_id=tenant.pk, user=by, changes=changes)


def _asked_since(membership: Membership) -> datetime | None:
    tenant = membership.tenant
    asked = tenant.second_factor == SecondFactor.EVERYONE or (
        tenant.second_factor == SecondFactor.MANAGERS and Role(membership.role).covers(Role.MANAGER)
    )
    return max(membership.role_since, tenant.second_factor_since) if asked else None
