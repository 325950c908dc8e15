"""API keys as acts: issue one, revoke one. Both are audited."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.audit.record import record
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import PREFIX, ApiKey, digest, new_secret
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Environment, Tenant

_HINT = len(PREFIX) + 4


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as somebody wishes it. Bound to ``environment``, it sees that one only."""

    name: str
    role: Role = Role.VIEWER
    environment: Environment | None = None
    sees_numbers: bool = False
    expires_at: datetime | None = None


def issue_key(tenant: Tenant, new_key: NewKey, *, by: Any = None) -> tuple[ApiKey, str]:
    """The new key and its secret, which is kept nowhere: whoever calls shows it once."""
    secret = new_secret()
    with wall.tenant(tenant), transaction.atomic():
        grant = Grant.objects.create(
            tenant=tenant, all_environments=new_key.environment is None, sees_numbers=new_key.sees_numbers
        )
        if new_key.environment is not None:
            grant.environments.set([new_key.environment])
        key = ApiKey.objects.create(
            tenant=tenant,
            name=new_key.name,
            hint=secret[:_HINT],
            digest=digest(secret),
            role=new_key.role,
            grant=grant,
            environment=new_key.environment,
            expires_at=new_key.expires_at,
        )
        record("key.created", tenant_id=tenant.pk, user=by, about={"key": str(key.public_id)})
    return key, secret


def revoke_key(key: ApiKey, *, by: Any = None) -> None:
    """Close the key for good, from the next request on. A second time changes nothing."""
    with wall.tenant(key.tenant_id), transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
            record("key.revoked", tenant_id=key.tenant_id, user=by, about={"key": str(key.public_id)})
