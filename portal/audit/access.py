"""Notes that somebody opened what people said: once for each reader, subject and hour."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.audit.models import Entry
from portal.audit.record import record
from portal.tenants import wall
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.tenants import Tenant

ONCE_IN = timedelta(hours=1)


def note_access(  # who, what, where and about what are one sentence
    action: str,
    subject: str,
    *,
    tenant_id: int,
    user: Any = None,
    key: ApiKey | None = None,
    address: str | None = None,
) -> None:
    """Record that ``subject``, an id, was opened, unless the same reader opened it within the last hour."""
    with wall.tenant(tenant_id):
        if _noted(action, subject, user, key):
            return
        with transaction.atomic():
            # Two pages opened at once wait for each other here; nothing else does.
            Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
            if not _noted(action, subject, user, key):
                about = {"call": subject}
                record(action, tenant_id=tenant_id, user=user, key=key, about=about, address=address)


def _noted(action: str, subject: str, user: Any, key: ApiKey | None) -> bool:
    since = timezone.now() - ONCE_IN
    rows = Entry.objects.filter(at__gt=since, action=action, about__call=subject)
    return bool(rows.filter(user_id=getattr(user, "pk", None), key=key).exists())
