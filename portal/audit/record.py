"""Writes audit entries."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.http import HttpRequest

from portal.audit import chain
from portal.audit.models import Entry, PlatformEntry
from portal.lib.number_runs import dialled, runs
from portal.proxies import client_address
from portal.tenants import saved, wall
from portal.tenants.models.keys import ApiKey

_LONGEST = 200
_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]{6,}")  # what may be somebody's phone number

Scalar = str | int | float | bool | date | None
Value = Scalar | Sequence[str | int]  # of a list: ids
Changes = Mapping[str, tuple[Value, Value]]
CHANGED = saved.CHANGED  # the second of a pair whose values are not told


def record(  # noqa: PLR0913  # who, what, where and about what are one sentence
    action: str,
    *,
    tenant_id: int | None,
    user: Any = None,
    key: ApiKey | None = None,
    about: Mapping[str, str | int] | None = None,
    changes: Changes | None = None,
    address: str | None = None,
) -> Entry | PlatformEntry:
    """Write one entry: into the tenant's own audit, or the platform's when ``tenant_id`` is None.

    It joins the caller's transaction, so an act that is rolled back leaves no entry. ``about`` takes ids and counts
    only, ``changes`` the value before and after of roles, rights, settings and hosts: never a secret, a number or what
    a person wrote. Other values raise ValueError; a field whose value did not change is left out.
    """
    facts = dict(about or {})
    for value in facts.values():
        if not isinstance(value, str | int) or len(str(value)) > _LONGEST or "@" in str(value):
            raise ValueError("An audit entry is about ids and counts only.")
    moved = {name: [_told(was), _told(now)] for name, (was, now) in (changes or {}).items() if was != now}
    common: dict[str, Any] = {"action": action, "about": facts, "changes": moved, "address": address}
    common["user_id"] = getattr(user, "pk", None)
    if tenant_id is None:
        alone = PlatformEntry(**common)
        chain.append(alone)
        return alone
    with wall.tenant(tenant_id):
        entry = Entry(tenant_id=tenant_id, key=key, **common)
        chain.append(entry)
    return entry


def may_keep(value: Value) -> bool:
    """Whether an entry may keep a value: what looks like a number of a person or an e-mail address it may not."""
    try:
        told = _told(value)
    except ValueError:
        return False
    return not any(dialled(run) for run in runs(str(told)))


def _told(value: Value) -> Value:
    """A value as an entry may keep it; raises ValueError."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    plain: Scalar = _plain(value)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if value is not None and not isinstance(value, str | int | float):
        raise ValueError("An audit entry keeps plain values only.")
    text = value if isinstance(value, str) else ""
    if len(text) > _LONGEST or "@" in text or _NUMBER.fullmatch(text.strip()):
        raise ValueError("An audit entry keeps no number, no address and no text of people.")
    return str(value) if text else value  # a choice's own class is not kept


def address_of(request: HttpRequest | None) -> str | None:
    """The network address a request came from, as far as the trusted proxies know it; None when there is none."""
    return client_address({"REMOTE_ADDR": request.META.get("REMOTE_ADDR", "")}) if request is not None else None
