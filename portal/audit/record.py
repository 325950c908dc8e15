"""Writes audit entries."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from django.http import HttpRequest

from portal.audit.models import Entry, PlatformEntry
from portal.tenants import wall
from portal.tenants.models.keys import ApiKey

_LONGEST = 200


def record(  # who, what, where and about what are one sentence
    action: str,
    *,
    tenant_id: int | None,
    user: Any = None,
    key: ApiKey | None = None,
    about: Mapping[str, str | int] | None = None,
    address: str | None = None,
) -> Entry | PlatformEntry:
    """Write one entry: into the tenant's own audit, or the platform's when ``tenant_id`` is None.

    It joins the caller's transaction, so an act that is rolled back leaves no entry. ``about`` takes ids and counts
    only; other values raise ValueError.
    """
    facts = dict(about or {})
    for value in facts.values():
        if not isinstance(value, str | int) or len(str(value)) > _LONGEST or "@" in str(value):
            raise ValueError("An audit entry is about ids and counts only.")
    user_id = getattr(user, "pk", None)
    if tenant_id is None:
        return PlatformEntry.objects.create(action=action, user_id=user_id, about=facts, address=address)
    with wall.tenant(tenant_id):
        entry: Entry = Entry.objects.create(
            tenant_id=tenant_id, action=action, user_id=user_id, key=key, about=facts, address=address
        )
    return entry


def address_of(request: HttpRequest | None) -> str | None:
    """The network address a request came from, as the server in front says it; None when there is none."""
    if request is None:
        return None
    try:
        return str(ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None
