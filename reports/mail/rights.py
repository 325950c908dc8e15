"""Who may set mails up, and what of a tenant a reader of one sees: looked up anew each time one is made."""

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.utils import timezone

from portal.audit.record import Changes, record
from portal.outbox import domains
from portal.outbox.models import Letter
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Tenant
from portal.tenants.rights import Holding, Rights
from portal.tenants.standing import standing_members
from reports.mail.models import Delivery, Subscription
from reports.mail.readers import AddedBy, Reader
from reports.queries.scope import Scope

T = TypeVar("T")
SEEN_SECONDS = 5.0
TOGETHER = 100  # places of members that are looked up at once


class NotAllowed(Exception):
    """The recipient gets nothing now; the text says why, in a word of ``reports.mail.log.REASONS``."""


def unwelcome(addresses: Iterable[str]) -> list[str]:
    """Those that no mail may go to: of a domain that the company does not name, and no member's."""
    outside = domains.beyond(addresses)
    people = Membership.objects.filter(user__is_active=True, user__email__in=outside)
    members = set(people.values_list("user__email", flat=True)) if outside else set()
    return [address for address in outside if address not in members]


@dataclass(frozen=True, slots=True)
class Author:
    """Who sets a mail up: a member, an API key, or an administrator at the console, who is neither."""

    tenant: Tenant
    role: Role
    rights: Rights
    scope: Scope
    user: User | None = None
    key: ApiKey | None = None
    address: str | None = None

    @property
    def manages(self) -> bool:
        """Whether mails to others are his to set up."""
        return self.role.covers(Role.MANAGER)

    @property
    def holding(self) -> Holding:
        return Holding(self.role, self.rights, self.scope.sees_numbers, self.scope.looks_up)

    @property
    def email(self) -> str:
        return self.user.email.lower() if self.user is not None else ""

    @property
    def added_as(self) -> AddedBy:
        if self.key is not None:
            return AddedBy.KEY
        return AddedBy.CONSOLE if self.user is None else AddedBy.MEMBER

    def made(self, subscription: Subscription) -> bool:
        if self.key is not None:
            return bool(subscription.key_id == self.key.pk)
        return self.user is not None and bool(subscription.creator_id == self.user.pk)

    def note(self, action: str, about: Mapping[str, str | int], changes: Changes | None = None) -> None:
        """Keep in the tenant's audit what he did."""
        who: dict[str, Any] = {"user": self.user, "key": self.key, "address": self.address}
        record(action, tenant_id=self.tenant.pk, about=about, changes=changes, **who)


def at_the_console(tenant: Tenant) -> Author:
    """The administrator of the platform, by a command. The wall must be open."""
    scope = Scope.of(Grant(tenant=tenant, all_environments=True))
    return Author(tenant, Role.OWNER, Rights(), scope)


class RightsSeen:
    """What rights follow from, for many readers in a row of one tenant: places of members, what grants open, domains.
    Each is looked up once in some seconds, the places of the readers to come together.

    What is taken away meanwhile counts after these seconds, and whoever lost everything is asked for once more before
    his mail leaves (:func:`objection`).
    """

    def __init__(self, readers: Sequence[Reader] = ()) -> None:
        self._to_come = list(dict.fromkeys(reader.user_id for reader in readers if reader.as_member and reader.user_id))
        self._until = 0.0
        self._seen: dict[Hashable, Any] = {}

    def member(self, user_id: int | None, role: Role) -> Membership | None:
        """As :func:`standing_member`."""
        if user_id is None:
            return None
        members: dict[int, Membership | None] = self._once("members", dict)
        if user_id not in members:
            place = self._to_come.index(user_id) if user_id in self._to_come else len(self._to_come)
            wanted = {user_id, *self._to_come[place : place + TOGETHER]}
            members.update(dict.fromkeys(wanted) | standing_members(wanted))
        member = members[user_id]
        return member if member is not None and Role(member.role).covers(role) else None

    def scope(self, grant: Grant) -> Scope:
        """As :meth:`Scope.of`. Grants of all environments that are equal otherwise open the same."""
        if grant.pk is None:
            return Scope.of(grant)
        opens = None if grant.all_environments else grant.pk
        key = ("grant", opens, tuple(grant.agent_keys or ()), grant.sees_numbers, grant.looks_up)
        return self._once(key, lambda: Scope.of(grant))

    def domains(self) -> list[str]:
        return self._once("domains", domains.domains)

    def _once(self, key: Hashable, look_up: Callable[[], T]) -> T:
        if time.monotonic() > self._until:
            self._until = time.monotonic() + SEEN_SECONDS
            self._seen = {}
        if key not in self._seen:
            self._seen[key] = look_up()
        value: T = self._seen[key]
        return value


def scope_of(reader: Reader, read: Any, seen: RightsSeen | None = None) -> Scope:
    """What a reader who agreed may see of a mail or an alert now; raises :class:`NotAllowed`. The wall must be open.

    With ``seen`` it is now but for some seconds.
    """
    if reader.removed_at is not None or read.removed_at is not None:
        raise NotAllowed("removed")
    if reader.left_at is not None:
        raise NotAllowed("left")
    if reader.confirmed_at is None:
        raise NotAllowed("not confirmed")
    return shown_to(reader, read, seen)


def objection(message: Letter) -> str:
    """Why a report that waits in the outbox may not leave any more, or "": its reader may have lost the right to it."""
    rows = Delivery.objects.select_related("recipient", "subscription__grant", "tenant")
    delivery = rows.filter(message_id=message.pk).first()
    if delivery is None:
        return "removed"
    try:
        scope_of(delivery.recipient, delivery.subscription)
    except NotAllowed as reason:
        return str(reason)
    return ""


def shown_to(reader: Reader, read: Any, seen: RightsSeen | None = None) -> Scope:
    """Of what is read, by its own grant, what the reader's rights leave, and for an outside address those of whoever
    added it; raises :class:`NotAllowed` where that is nothing."""
    seen = seen or RightsSeen()
    if reader.as_member:
        grants: list[Grant | None] = [_members(seen, reader.user_id, "no longer a member")]
    else:
        grants = [reader.grant, *_vouching(reader, seen)]
    if not reader.as_member and domains.beyond([reader.email], seen.domains()):
        raise NotAllowed("domain not allowed")
    if read.grant is None:
        raise NotAllowed("no rights left")
    scope = seen.scope(read.grant)
    for grant in grants:
        if grant is None:
            raise NotAllowed("no rights left")
        scope = scope.within(seen.scope(grant))
    if not scope.environment_ids:
        raise NotAllowed("nothing to see")
    return scope


def stands(reader: Reader) -> bool:
    """Whether whoever added an outside address may still have mails sent to one."""
    try:
        _vouching(reader, RightsSeen())
    except NotAllowed:
        return False
    return True


def _vouching(reader: Reader, seen: RightsSeen) -> list[Grant]:
    """The rights of whoever added an outside address; none of an administrator, whose word stands by itself."""
    if reader.added_as == AddedBy.CONSOLE:
        return []
    if reader.added_as == AddedBy.MEMBER:
        return [_members(seen, reader.added_by_id, "nobody vouches", Role.MANAGER)]
    key = reader.added_key
    if key is None or not key.stands(timezone.now()) or not Role(key.role).covers(Role.MANAGER):
        raise NotAllowed("nobody vouches")
    return [key.grant]


def _members(seen: RightsSeen, user_id: int | None, otherwise: str, role: Role = Role.VIEWER) -> Grant:
    membership = seen.member(user_id, role)
    if membership is None:
        raise NotAllowed(otherwise)
    grant: Grant = membership.grant
    return grant
