"""Invitations into a tenant: made, sent again, withdrawn, accepted.

An invitation stands on whoever made it: it opens nothing once he is no owner any more, or has less than he gave.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.accounts.letters import put_letter
from portal.accounts.members import (
    NotPossible,
    add_member,
    add_person,
    changes,
    demand_owner,
    find_person,
    make_grant,
)
from portal.accounts.models import Invitation
from portal.audit.record import record
from portal.outbox import post, server
from portal.outbox.models import Letter
from portal.outbox.render import Button, Rendered, letter
from portal.outbox.text import normalised
from portal.tenants import wall
from portal.tenants.brand import address_of, look_of
from portal.tenants.models.people import Membership, User
from portal.tenants.models.tenants import Tenant
from portal.tenants.rights import Holding

GOOD_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Invitee:
    """Whom to invite, and what he is to have."""

    email: str
    holding: Holding


def invite(tenant: Tenant, invitee: Invitee, *, by: User | None) -> Invitation:
    """Offer a place by mail. Raises :class:`NotPossible`. Audited; the mail leaves after the commit."""
    email = _address(invitee.email)
    holding = invitee.holding
    with wall.tenant(tenant), transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        demand_owner(by, gives=holding)
        if Membership.objects.filter(user__email=email).exists():
            raise NotPossible(_("This person is a member already."))
        if Invitation.objects.filter(Invitation.OPEN, email=email).exists():
            raise NotPossible(_("This address is invited already. Send the invitation again, or withdraw it."))
        secret, now = _new_secret(), timezone.now()
        invitation = Invitation.objects.create(
            tenant=tenant,
            email=email,
            role=holding.role,
            grant=make_grant(tenant, holding),
            invited_by=by,
            digest=_digest(secret),
            sent_at=now,
            expires_at=now + GOOD_FOR,
        )
        _note("member.invited", invitation, by, gives=holding)
        _mail(invitation, secret)
    return invitation


def resend(invitation: Invitation, *, by: User | None) -> None:
    """Mail a new link, good for as long as a first one; the old one serves no more. Raises :class:`NotPossible`.

    Whoever sends it stands for it from now on.
    """
    with wall.tenant(invitation.tenant_id), transaction.atomic():
        row, secret = _renewed(invitation, by)
        _note("invitation.sent_again", row, by)
        _mail(row, secret)


def fresh_link(invitation: Invitation, *, by: User | None) -> str:
    """A new link to hand over by another way than by mail; the old one serves no more, as after :func:`resend`.

    Only where no mail leaves: anywhere else the mail shows that the address is the invited person's own. Raises
    :class:`NotPossible`.
    """
    if server.leaves():
        raise NotPossible(_("This portal sends mails: send the invitation again instead."))
    with wall.tenant(invitation.tenant_id), transaction.atomic():
        row, secret = _renewed(invitation, by)
        _note("invitation.link_made", row, by)
    return _address_with(row, secret)


def withdraw(invitation: Invitation, *, by: User | None) -> None:
    """Close the invitation; its link serves no more, and a mail that waits does not leave. Raises
    :class:`NotPossible`."""
    with wall.tenant(invitation.tenant_id), transaction.atomic():
        row = _open(invitation)
        demand_owner(by, over=Holding.of(row.role, row.grant))
        row.withdrawn_at = timezone.now()
        row.save(update_fields=["withdrawn_at"])
        _note("invitation.withdrawn", row, by)


def find(secret: str) -> Invitation | None:
    """The invitation that a link opens; None for one that is unknown, used, withdrawn, expired, or stands no more."""
    with wall.every_tenant("whose an invitation is"):
        rows = Invitation.objects.select_related("tenant", "grant", "invited_by")
        invitation = rows.filter(digest=_digest(secret), tenant__active=True).first()
    return invitation if invitation is not None and _stands(invitation) else None


def accept(invitation: Invitation, user: User) -> Membership:
    """Give the invited person his place, however he signed in. Raises :class:`NotPossible` for anybody else, and for an
    invitation that :func:`find` would not find any more. Somebody who is a member already keeps what he has."""
    if user.email.lower() != invitation.email:
        raise NotPossible(_("This invitation is for another address."))
    with wall.tenant(invitation.tenant_id), transaction.atomic():
        Tenant.objects.select_for_update().get(pk=invitation.tenant_id)
        row = _open(invitation)
        if row.digest != invitation.digest or not _stands(row):
            raise NotPossible(_("This invitation no longer works."))
        row.accepted_at = timezone.now()
        row.save(update_fields=["accepted_at"])
        _note("invitation.accepted", row, user)
        membership = Membership.objects.filter(user=user).first()
        return membership or add_member(invitation.tenant, user, Holding.of(row.role, row.grant), by=user)


def accept_as_new(invitation: Invitation, *, name: str, password: str) -> Membership:
    """As :func:`accept`, for somebody who has no account yet. Raises IntegrityError where he got one meanwhile."""
    with transaction.atomic():
        user = add_person(invitation.email, password, name=name, language=translation.get_language() or "")
        return accept(invitation, user)


def objection(message: Letter) -> str:
    """Why an invitation that waits in the outbox may not leave any more, or ""."""
    about = message.about
    with wall.tenant(about["tenant"]):
        rows = Invitation.objects.select_related("tenant", "grant", "invited_by")
        row = rows.filter(pk=about["invitation"], digest=about["digest"]).first()
    return "" if row is not None and row.tenant.active and _stands(row) else "withdrawn"


def _stands(invitation: Invitation) -> bool:
    if invitation.accepted_at or invitation.withdrawn_at or invitation.expires_at <= timezone.now():
        return False
    with wall.tenant(invitation.tenant_id):
        try:
            demand_owner(invitation.invited_by, gives=Holding.of(invitation.role, invitation.grant))
        except NotPossible:
            return False
    return True


def _renewed(invitation: Invitation, by: User | None) -> tuple[Invitation, str]:
    """The row with a new secret, good for as long as a first one; the wall is open."""
    row = _open(invitation)
    demand_owner(by, gives=Holding.of(row.role, row.grant))
    secret, now = _new_secret(), timezone.now()
    row.digest, row.sent_at, row.expires_at, row.invited_by = _digest(secret), now, now + GOOD_FOR, by
    row.save(update_fields=["digest", "sent_at", "expires_at", "invited_by"])
    return row, secret


def _address_with(invitation: Invitation, secret: str) -> str:
    return f"{address_of(invitation.tenant)}{reverse('accept_invitation', args=[secret])}"


def _open(invitation: Invitation) -> Invitation:
    """The row as it stands now; the wall is open."""
    rows = Invitation.objects.select_related("tenant", "grant", "invited_by").select_for_update(of=("self",))
    row = rows.filter(Invitation.OPEN, pk=invitation.pk).first()
    if row is None:
        raise NotPossible(_("This invitation no longer works."))
    return row


def _address(email: str) -> str:
    try:
        return normalised(email)
    except ValidationError as error:
        raise NotPossible(error.messages[0]) from error


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _digest(secret: str) -> str:
    """The stored form: of 256 random bits a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _note(action: str, invitation: Invitation, by: User | None, *, gives: Holding | None = None) -> None:
    about = {"invitation": str(invitation.public_id)}
    record(action, tenant_id=invitation.tenant_id, user=by, about=about, changes=changes(None, gives))


def _mail(invitation: Invitation, secret: str) -> None:
    """Put the link into the outbox, in the invited person's language, or else the tenant's."""
    tenant, person = invitation.tenant, find_person(invitation.email)
    with translation.override((person.language if person else "") or tenant.language):
        mail = written(invitation, secret)
    conduct = post.Conduct(
        rule="invitation",
        about={"tenant": tenant.pk, "invitation": invitation.pk, "digest": invitation.digest},
        holds_secret=True,
        urgent=True,
    )
    put_letter(mail, to=invitation.email, reference=f"invitation:{invitation.digest}", conduct=conduct)


def written(invitation: Invitation, secret: str) -> Rendered:
    """The mail with the link, in the active language."""
    tenant = invitation.tenant
    look = look_of(tenant)
    names = {"tenant": " ".join(tenant.name.split()), "email": invitation.email, "portal": look.name}
    if invitation.invited_by is None:
        offer = _("You are invited to %(tenant)s on %(portal)s, where its calls and callbacks are reported.") % names
    else:
        names["by"] = invitation.invited_by.email
        offer = _("%(by)s invites you to %(tenant)s on %(portal)s, where its calls and callbacks are reported.") % names
    days = {"days": GOOD_FOR.days}
    return letter(
        _("Your place in %(tenant)s on %(portal)s") % names,
        [offer],
        Button(_("Accept the invitation"), _address_with(invitation, secret)),
        small=[
            _("You sign in as %(email)s.") % names,
            _("The link serves once, for %(days)d days. If you do nothing, nothing changes.") % days,
        ],
        look=look,
    )
