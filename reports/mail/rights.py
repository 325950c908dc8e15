"""Who may set mails up, and what of a tenant a reader of one sees: looked up anew each time one is made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from portal.audit.record import Changes, record
from portal.outbox import domains
from portal.outbox.models import Letter
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Tenant
from portal.tenants.rights import Rights
from portal.tenants.standing import standing_member
from reports.mail.models import Delivery, Subscription
from reports.mail.readers import AddedBy, Reader
from reports.queries.scope import Scope


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


def scope_of(reader: Reader, read: Any) -> Scope:
    """What a reader who agreed may see of a mail or an alert now; raises :class:`NotAllowed`. The wall must be open."""
    if reader.removed_at is not None or read.removed_at is not None:
        raise NotAllowed("removed")
    if reader.left_at is not None:
        raise NotAllowed("left")
    if reader.confirmed_at is None:
        raise NotAllowed("not confirmed")
    return shown_to(reader, read)


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


def shown_to(reader: Reader, read: Any) -> Scope:
    """Of what is read, by its own grant, what the reader's rights leave, and for an outside address those of whoever
    added it; raises :class:`NotAllowed` where that is nothing."""
    if reader.as_member:
        grants: list[Grant | None] = [_members(reader.user_id, "no longer a member")]
    else:
        grants = [reader.grant, *_vouching(reader)]
    if not reader.as_member and domains.beyond([reader.email]):
        raise NotAllowed("domain not allowed")
    if read.grant is None:
        raise NotAllowed("no rights left")
    scope = Scope.of(read.grant)
    for grant in grants:
        if grant is None:
            raise NotAllowed("no rights left")
        scope = scope.within(Scope.of(grant))
    if not scope.environment_ids:
        raise NotAllowed("nothing to see")
    return scope


def stands(reader: Reader) -> bool:
    """Whether whoever added an outside address may still have mails sent to one."""
    try:
        _vouching(reader)
    except NotAllowed:
        return False
    return True


def _vouching(reader: Reader) -> list[Grant]:
    """The rights of whoever added an outside address; none of an administrator, whose word stands by itself."""
    if reader.added_as == AddedBy.CONSOLE:
        return []
    if reader.added_as == AddedBy.MEMBER:
        return [_members(reader.added_by_id, "nobody vouches", Role.MANAGER)]
    key = reader.added_key
    if key is None or not key.stands(timezone.now()) or not Role(key.role).covers(Role.MANAGER):
        raise NotAllowed("nobody vouches")
    return [key.grant]


def _members(user_id: int | None, otherwise: str, role: Role = Role.VIEWER) -> Grant:
    membership = standing_member(user_id, role)
    if membership is None:
        raise NotAllowed(otherwise)
    grant: Grant = membership.grant
    return grant
