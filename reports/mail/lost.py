"""Owners are told by mail what was not sent: reports that failed for good or of which nobody knows, and addresses that
are written to no more. Each once; what comes up within hours of a mail waits for the next one.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from portal.outbox import post
from portal.outbox.models import Letter, State, Suppression, Telling
from portal.outbox.render import Button, letter
from portal.outbox.tasks import enqueue
from portal.tenants import wall
from portal.tenants.brand import address_of, look_of
from portal.tenants.models.people import Membership, Role
from portal.tenants.rights import Rights
from reports.mail import access, log
from reports.mail.models import Delivery, DeliveryState
from reports.mail.rights import Author
from reports.queries.scope import Scope

logger = logging.getLogger("ringbook.mail")

LOOKED_BACK = timedelta(days=7)
QUIET = timedelta(hours=6)  # between two mails of a company
MOST_LINES = 20


def watch() -> None:
    """Tell owners what is to be told. Safe in any number of copies; one company's fault keeps no other's from it."""
    with wall.every_tenant("whose mails were not sent"):
        failed, paused = _lost().filter(tenant__active=True), _paused().filter(tenant__active=True)
        tenants = {*failed.values_list("tenant_id", flat=True), *paused.values_list("tenant_id", flat=True)}
    for tenant_id in sorted(tenants):
        try:
            with wall.tenant(tenant_id):
                _tell(tenant_id)
        except IntegrityError:
            logger.info("another process tells the owners of %s", tenant_id)
        except Exception:
            logger.exception("the owners of %s could not be told", tenant_id)


def objection(message: Letter) -> str:
    """Why such a mail may not leave any more: its reader is no owner now."""
    return "" if message.to in {owner.user.email.lower() for owner in _owners()} else "no longer an owner"


def _lost() -> QuerySet[Delivery]:
    lost = Q(state=DeliveryState.FAILED) | Q(message__state__in=(State.FAILED, State.UNKNOWN))
    rows: QuerySet[Delivery] = Delivery.objects.filter(lost, created_at__gte=timezone.now() - LOOKED_BACK)
    return rows


def _paused() -> QuerySet[Suppression]:
    rows: QuerySet[Suppression] = Suppression.objects.filter(created_at__gte=timezone.now() - LOOKED_BACK)
    return rows


def _tell(tenant_id: int) -> None:
    deliveries = {f"delivery:{pk}": pk for pk in _lost().values_list("pk", flat=True)}
    paused = {f"address:{row.pk}": row for row in _paused().order_by("pk")}
    known = set(Telling.objects.filter(what__in=[*deliveries, *paused]).values_list("what", flat=True))
    new = [what for what in (*deliveries, *paused) if what not in known]
    if not new or Telling.objects.filter(created_at__gt=timezone.now() - QUIET).exists():
        return
    with transaction.atomic():
        # All or nothing: of two that tell at once, one meets a row of the other here and takes everything back.
        Telling.objects.bulk_create([Telling(tenant_id=tenant_id, what=what) for what in new])
        keys = [deliveries[what] for what in new if what in deliveries]
        rows = [paused[what] for what in new if what in paused]
        for owner in _owners():
            _write(owner, keys, rows, reference=f"lost:{new[0]}:{owner.user_id}")


def _write(owner: Membership, keys: Sequence[int], paused: Sequence[Suppression], *, reference: str) -> None:
    """To one owner, of what he sees."""
    tenant, grant = owner.tenant, owner.grant
    author = Author(tenant, Role(owner.role), Rights.of(grant), Scope.of(grant), user=owner.user)
    lost = list(access.deliveries(author).filter(pk__in=keys))
    if not lost and not paused:
        return
    with translation.override(owner.user.language or tenant.language):
        lines = [_line(delivery) for delivery in lost]
        lines += [f"{row.address}: {row.get_cause_display()}" for row in paused]
        if len(lines) > MOST_LINES:
            left = len(lines) - MOST_LINES
            more = ngettext("%(count)s more", "%(count)s more", left) % {"count": figures.decimal(left)}
            lines = [*lines[:MOST_LINES], more]
        mail = letter(
            _subject(tenant.name, len(lost)),
            lines,
            Button(_("See what was sent"), address_of(tenant) + reverse("reports_web:mail", args=[tenant.slug])),
            small=[_("Each is told once. What nobody knows of is not sent again by itself, for it may have arrived.")],
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


def _subject(tenant: str, lost: int) -> str:
    if not lost:
        return _("%(tenant)s: addresses that get no mail any more") % {"tenant": tenant}
    text = ngettext(
        "%(tenant)s: %(count)s mail was not surely sent", "%(tenant)s: %(count)s mails were not surely sent", lost
    )
    return text % {"tenant": tenant, "count": figures.decimal(lost)}


def _line(delivery: Delivery) -> str:
    """Which one, to whom, how it stands: not what the server said, which may quote anything."""
    words = {"name": delivery.subscription.name, "email": delivery.recipient.email}
    if log.outcome(delivery) == log.Outcome.UNKNOWN:
        return _("“%(name)s” to %(email)s: nobody knows whether it arrived.") % words
    return _("“%(name)s” to %(email)s was not sent.") % words


def _owners() -> list[Membership]:
    rows = Membership.objects.filter(role=Role.OWNER, user__is_active=True).order_by("id")
    return list(rows.select_related("user", "tenant", "grant", "grant__tenant"))
