"""Notes that somebody opened what people said: once for each reader, subject and hour."""

from datetime import timedelta
from typing import Any, Literal

from django.db import transaction
from django.utils import timezone

from portal.audit.models import Entry
from portal.audit.record import record
from portal.tenants import wall
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.tenants import Tenant

ONCE_IN = timedelta(hours=1)
# Whose transcripts were read: one call's, or those of all calls of an agent, handed out at once.
Whose = Literal["call", "agent"]
_ACTIONS: dict[Whose, str] = {
    "call": "call.transcript_opened",
    "agent": "agent.transcripts_opened",
}


def note_transcripts(  # who, what, where and about what are one sentence
    whose: Whose,
    subject: str,
    *,
    tenant_id: int,
    user: Any = None,
    key: ApiKey | None = None,
    address: str | None = None,
) -> None:
    """Record that transcripts of ``subject``, an id, were read, unless the reader did so within the last hour."""
    action, about = _ACTIONS[whose], {str(whose): subject}
    with wall.tenant(tenant_id):
        if _noted(action, about, user, key):
            return
        with transaction.atomic():
            # Two pages opened at once wait for each other here; nothing else does.
            Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
            if not _noted(action, about, user, key):
                record(action, tenant_id=tenant_id, user=user, key=key, about=about, address=address)


def _noted(action: str, about: dict[str, str], user: Any, key: ApiKey | None) -> bool:
    since = timezone.now() - ONCE_IN
    same = {f"about__{name}": subject for name, subject in about.items()}
    rows = Entry.objects.filter(at__gt=since, action=action, **same)
    return bool(rows.filter(user_id=getattr(user, "pk", None), key=key).exists())
