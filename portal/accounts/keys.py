"""API keys as acts: issue one, rotate one, revoke one. All are audited."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from portal.audit.record import Changes, record
from portal.tenants import wall
from portal.tenants.models.keys import PREFIX, ApiKey, digest, new_secret
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Environment, Tenant
from portal.tenants.rights import Holding, Rights

_HINT = len(PREFIX) + 4
EVERYTHING = Rights()


class NotStanding(Exception):
    """The key is revoked or has expired, so nothing can take its place."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as somebody wishes it: it sees what ``rights`` open, and bound to ``environment`` that one only."""

    name: str
    role: Role = Role.VIEWER
    environment: Environment | None = None
    sees_numbers: bool = False
    looks_up: bool = False
    expires_at: datetime | None = None
    rights: Rights = EVERYTHING


def holding_of(key: ApiKey) -> Holding:
    """What the key may, as something to compare."""
    return Holding.of(key.role, key.grant, environment_id=key.environment_id)


def issue_key(tenant: Tenant, new_key: NewKey, *, by: Any = None, address: str | None = None) -> tuple[ApiKey, str]:
    """The new key and its secret, which is kept nowhere: whoever calls shows it once.

    That nobody gives more than he has is the caller's to check.
    """
    with wall.tenant(tenant), transaction.atomic():
        key, secret = _make(tenant, new_key, by)
        about: dict[str, str | int] = {"key": str(key.public_id)}
        record("key.created", tenant_id=tenant.pk, user=by, about=about, changes=_opened(key, new_key), address=address)
    return key, secret


def rotate_key(key: ApiKey, *, overlap: timedelta, by: Any = None, address: str | None = None) -> tuple[ApiKey, str]:
    """A new key with the rights of ``key``, and its secret; the old one ends when the ``overlap`` is over, or earlier
    where it was to. The new one lasts as long as the old one was to last. Raises NotStanding.
    """
    now = timezone.now()
    ends = now + overlap
    with wall.tenant(key.tenant_id), transaction.atomic():
        # Two rotations come one after the other.
        standing = ApiKey.objects.standing(now).select_for_update(of=("self",))
        old = standing.select_related("tenant", "grant", "environment").filter(pk=key.pk).first()
        if old is None:
            raise NotStanding
        lifetime = old.expires_at - old.created_at if old.expires_at else None
        wished = NewKey(
            name=old.name,
            role=Role(old.role),
            environment=old.environment,
            sees_numbers=old.grant.sees_numbers,
            looks_up=old.grant.looks_up,
            expires_at=now + lifetime if lifetime else None,
            rights=Rights.of(old.grant),
        )
        fresh, secret = _make(old.tenant, wished, by)
        ApiKey.objects.standing(now).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=ends), pk=old.pk).update(
            expires_at=ends
        )
        about: dict[str, str | int] = {
            "key": str(fresh.public_id),
            "replaces": str(old.public_id),
            "overlap_hours": int(overlap.total_seconds() // 3600),
        }
        changes: Changes = {"expires_at": (old.expires_at, min(filter(None, (old.expires_at, ends))))}
        record("key.rotated", tenant_id=old.tenant_id, user=by, about=about, changes=changes, address=address)
    return fresh, secret


def revoke_key(key: ApiKey, *, by: Any = None, address: str | None = None) -> bool:
    """Close the key for good, from the next request on; False for one that was closed already."""
    with wall.tenant(key.tenant_id), transaction.atomic():
        closed = ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
        if closed:
            about: dict[str, str | int] = {"key": str(key.public_id)}
            record("key.revoked", tenant_id=key.tenant_id, user=by, about=about, address=address)
    return bool(closed)


def _make(tenant: Tenant, new_key: NewKey, by: Any) -> tuple[ApiKey, str]:
    secret = new_secret()
    rights = new_key.rights.only(new_key.environment.pk if new_key.environment else None)
    key = ApiKey.objects.create(
        tenant=tenant,
        name=new_key.name,
        hint=secret[:_HINT],
        digest=digest(secret),
        role=new_key.role,
        grant=rights.make_grant(tenant, sees_numbers=new_key.sees_numbers, looks_up=new_key.looks_up),
        environment=new_key.environment,
        made_by=by,
        expires_at=new_key.expires_at,
    )
    return key, secret


def _opened(key: ApiKey, new_key: NewKey) -> Changes:
    return {
        "role": (None, str(key.role)),
        "environment": (None, str(new_key.environment.public_id) if new_key.environment else None),
        "sees_numbers": (None, new_key.sees_numbers),
        "looks_up": (None, new_key.looks_up),
        "expires_at": (None, new_key.expires_at),
    }
