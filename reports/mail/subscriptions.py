"""Setting up scheduled mails and their recipients. The wall of the tenant must be open, unless said otherwise."""

from datetime import datetime

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.outbox import post
from portal.outbox.models import Message
from portal.outbox.text import normalised
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership
from portal.tenants.models.tenants import Tenant
from reports.mail import links
from reports.mail.due import Kind, next_due
from reports.mail.models import Recipient, Subscription
from reports.mail.render import html


def create_weekly(
    tenant: Tenant, email: str, language: str, *, name: str = "", since: datetime | None = None
) -> Subscription:
    """A weekly mail on Mondays at 8 in the tenant's zone for one reader; opens the wall itself.

    It is due for the first time after ``since``, now by default: a time a week back makes last week's mail due. Called
    again for the same reader and name, it returns what is there.
    """
    with wall.tenant(tenant), translation.override(language), transaction.atomic():
        name = name or _("Weekly calls")
        found = Subscription.objects.filter(name=name, recipients__email=normalised(email)).first()
        if found is not None:
            return found
        subscription = Subscription(tenant=tenant, name=name, kind=Kind.WEEKLY.value, zone=tenant.zone)
        schedule(subscription, since or timezone.now())
        add_recipient(subscription, email, language=language)
        return subscription


def schedule(subscription: Subscription, after: datetime) -> None:
    """Save a subscription whose rhythm is new or changed, due next after an instant."""
    subscription.next_due = next_due(subscription.rhythm, after)
    subscription.save()


def add_recipient(
    subscription: Subscription, email: str, *, language: str, grant: Grant | None = None, name: str = ""
) -> Recipient:
    """Add a reader. A member counts as confirmed and reads by the membership; anybody else is asked first by mail, and
    reads by ``grant``: every environment, no numbers, unless another is given. Somebody who left is not added back."""
    email = normalised(email)
    membership = Membership.objects.select_related("user").filter(user__email=email, user__is_active=True).first()
    with transaction.atomic():
        if membership is None and grant is None:
            grant = Grant.objects.create(tenant_id=subscription.tenant_id)
        recipient, is_new = Recipient.objects.get_or_create(
            tenant_id=subscription.tenant_id,
            subscription=subscription,
            email=email,
            defaults={
                "name": name or (membership.user.name if membership else ""),
                "language": language,
                "as_member": membership is not None,
                "user": membership.user if membership else None,
                "grant": grant,
                "confirmed_at": timezone.now() if membership else None,
            },
        )
        if is_new and membership is None:
            invite(recipient)
    return recipient


def invite(recipient: Recipient) -> Message:
    """Put the question whether the recipient agrees into the outbox; once, however often it is called."""
    subscription, tenant = recipient.subscription, recipient.tenant
    with translation.override(recipient.language):
        context = {
            "subject": _("%(tenant)s: confirm “%(name)s”") % {"tenant": tenant.name, "name": subscription.name},
            "tenant": tenant.name,
            "name": subscription.name,
            "confirm_url": links.address(recipient, links.CONFIRM),
        }
        return post.put(
            tenant_id=recipient.tenant_id,
            to=recipient.email,
            subject=context["subject"],
            text=render_to_string("mail/invitation.txt", context),
            html=html("mail/invitation.mjml", context),
            headers={"Auto-Submitted": "auto-generated"},
            reference=f"invitation:{recipient.public_id}",
        )
