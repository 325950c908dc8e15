"""Members and invitations as lines of the page: role and rights in words, last seen, second factor."""

from dataclasses import dataclass
from datetime import datetime

from portal.accounts.factors import users_with_factor
from portal.accounts.models import Invitation
from portal.accounts.sessions import last_seen
from portal.formats import figures
from portal.tenants.guards import TenantRequest
from portal.tenants.models.people import Membership
from portal.tenants.rights import Rights
from reports.web.shared.grants import Names, about_numbers


@dataclass(frozen=True, slots=True)
class MemberLine:
    member: Membership
    sees: str
    numbers: str
    seen: str
    has_factor: bool
    is_self: bool


@dataclass(frozen=True, slots=True)
class InvitationLine:
    invitation: Invitation
    sees: str
    numbers: str
    expires: str
    expired: bool


def member_lines(request: TenantRequest, now: datetime) -> list[MemberLine]:
    """By address, owners among them; five queries, however many there are."""
    rows = list(Membership.objects.select_related("user", "grant").order_by("user__email"))
    rights, names = Rights.by_grant(row.grant for row in rows), Names.of(request)
    ids = [row.user_id for row in rows]
    protected, seen = users_with_factor(ids), last_seen(ids)

    def at(row: Membership) -> str:
        moment = max(filter(None, (seen.get(row.user_id), row.user.last_login)), default=None)
        return figures.moment(moment, request.tenant.zone, now=now) if moment else ""

    return [
        MemberLine(
            member=row,
            sees=names.sees(rights[row.grant_id]),
            numbers=about_numbers(sees_numbers=row.grant.sees_numbers, looks_up=row.grant.looks_up),
            seen=at(row),
            has_factor=row.user_id in protected,
            is_self=row.user_id == request.user.pk,
        )
        for row in rows
    ]


def invitation_lines(request: TenantRequest, now: datetime) -> list[InvitationLine]:
    """Those neither accepted nor withdrawn, by address."""
    rows = list(Invitation.objects.filter(Invitation.OPEN).select_related("grant", "invited_by").order_by("email"))
    rights, names = Rights.by_grant(row.grant for row in rows), Names.of(request)
    return [
        InvitationLine(
            invitation=row,
            sees=names.sees(rights[row.grant_id]),
            numbers=about_numbers(sees_numbers=row.grant.sees_numbers, looks_up=row.grant.looks_up),
            expires=figures.moment(row.expires_at, request.tenant.zone, now=now),
            expired=row.expires_at <= now,
        )
        for row in rows
    ]
