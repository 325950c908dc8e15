"""Owners are told once of an alert that rests: whoever set it up is gone, or sees nothing of what it looks at."""

from functools import partial

from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from portal.outbox import post
from portal.outbox.models import Telling
from portal.outbox.render import Button, letter
from portal.outbox.tasks import enqueue
from portal.tenants.brand import address_of, look_of
from portal.tenants.models.people import Membership
from portal.tenants.rights import Holding, may_act_on
from reports.alerts import words
from reports.alerts.models import Alert
from reports.mail.lost import owners

TELLING = "alert:"  # what the keys of its tellings begin with


def tell_owners(alert: Alert, why: str) -> bool:
    """Tell each owner who may change the alert that it rests, and why: once for each maker that it had; whether it was
    news. ``why`` is a word of ``words.RESTS``. The wall must be open."""
    with transaction.atomic():
        what = f"{TELLING}{alert.pk}:{alert.grant_id}:{why}"
        _row, is_new = Telling.objects.get_or_create(tenant_id=alert.tenant_id, what=what)
        if is_new:
            effects = Holding.by_grant([alert.grant]).values()
            for owner in owners():
                if may_act_on(Holding.of(owner.role, owner.grant), effects):
                    _write(alert, why, owner, reference=f"{what}:{owner.user_id}")
    return is_new


def _write(alert: Alert, why: str, owner: Membership, *, reference: str) -> None:
    tenant = alert.tenant
    path = reverse("reports_web:alert_one", args=[tenant.slug, alert.public_id])
    with translation.override(owner.user.language or tenant.language):
        mail = letter(
            _("%(tenant)s: the alert “%(name)s” rests") % {"tenant": tenant.name, "name": alert.name},
            [f"{words.sentence(alert)}.", str(words.DOUBTS[why])],
            Button(_("Open the alert"), address_of(tenant) + path),
            small=[_("It tells nothing until somebody saves it, who then stands for it. You are told this once.")],
            look=look_of(tenant),
        )
        message = post.put(
            tenant_id=tenant.pk,
            to=owner.user.email,
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            headers={"Auto-Submitted": "auto-generated"},
            reference=reference,
            conduct=post.Conduct(rule="lost"),
        )
    transaction.on_commit(partial(enqueue, tenant.pk, message.pk))
