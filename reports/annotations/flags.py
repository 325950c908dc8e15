"""Flags of calls: held up by members, seen by every member whose scope holds the call."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from portal.audit.record import record
from portal.tenants.models.people import Membership, Role
from reports.annotations.models import CallFlag, Flag
from reports.annotations.within import of_calls
from reports.definitions.labels import Words
from reports.queries.calls.lists import call
from reports.queries.scope import Scope

FLAGS: dict[str, Words] = dict(Flag.choices)


@dataclass(frozen=True, slots=True)
class Raised:
    """One flag of a call: who holds it up, by name, and whether the reader does."""

    flag: str
    label: Words
    names: tuple[str, ...] = ()
    mine: bool = False
    others: bool = False


def flags_of(call_ids: Iterable[UUID | str], scope: Scope) -> dict[str, tuple[str, ...]]:
    """The flags of some calls, by call id, in the order of the words; calls without any are left out. One query."""
    by_call: dict[str, set[str]] = defaultdict(set)
    for key, flag in of_calls(CallFlag, call_ids, scope).values_list("call_id", "flag"):
        by_call[str(key)].add(flag)
    return {key: tuple(word for word in FLAGS if word in words) for key, words in by_call.items()}


def raised(call_id: UUID | str, scope: Scope, user: Any = None) -> list[Raised]:
    """Every flag there is, with who holds it up on this call. One query."""
    rows = of_calls(CallFlag, [call_id], scope).select_related("member").order_by("set_at", "id")
    held: dict[str, list[CallFlag]] = defaultdict(list)
    for row in rows:
        held[row.flag].append(row)
    return [
        Raised(
            flag,
            label,
            tuple(str(row.member or "") for row in held[flag]),
            mine=any(row.member_id == user.pk for row in held[flag]) if user else False,
            others=any(row.member_id != user.pk for row in held[flag]) if user else bool(held[flag]),
        )
        for flag, label in FLAGS.items()
    ]


def set_flag(call_id: UUID | str, flag: str, scope: Scope, membership: Membership, *, on: bool) -> None:
    """Hold a flag up, or take it down: one's own, and as a manager everybody's.

    Raises ValueError for a word that is no flag and Call.DoesNotExist for a call that the member may not see.
    """
    if flag not in FLAGS:
        raise ValueError("There is no such flag.")
    row, user = call(call_id, scope), membership.user
    with transaction.atomic():
        if on:
            _row, done = CallFlag.objects.get_or_create(tenant_id=row.tenant_id, call=row, flag=flag, member=user)
        else:
            rows = CallFlag.objects.filter(call=row, flag=flag)
            if not Role(membership.role).covers(Role.MANAGER):
                rows = rows.filter(member=user)
            done = bool(rows.delete()[0])
        if done:
            about = {"call": str(row.pk), "flag": flag}
            record("flag.set" if on else "flag.cleared", tenant_id=row.tenant_id, user=user, about=about)
