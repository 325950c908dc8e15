"""Owners are told by mail what was not sent: reports that failed for good or of which nobody knows, periods that were
passed over after a time of silence, mails that rest because what they show is gone, and addresses that are written to
no more. Each once; what comes up within hours of a mail waits for the next one, except an owner's address that is
paused: a forged bounce may have silenced that owner, so the others hear of it at once.
"""

import logging
from collections.abc import Container
from dataclasses import dataclass
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
from portal.work.clock import AHEAD
from reports.mail import access, log
from reports.mail.models import Delivery, DeliveryState, Edition, Subscription
from reports.mail.rights import Author
from reports.mail.words import title
from reports.queries.scope import Scope

logger = logging.getLogger("ringbook.mail")

LOOKED_BACK = timedelta(days=60)  # a mail may have waited for data for long before it failed
QUIET = timedelta(hours=6)  # between two mails of a company
MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class _News:
    """What is not told yet, each by the key under which it is told once."""

    lost: dict[str, int]  # deliveries
    passed: dict[str, int]  # of each silence one delivery
    resting: dict[str, int]  # mails
    paused: dict[str, Suppression]

    @property
    def keys(self) -> list[str]:
        return [*self.lost, *self.passed, *self.resting, *self.paused]

    def but(self, known: Container[str]) -> "_News":
        return _News(
            {key: row for key, row in self.lost.items() if key not in known},
            {key: row for key, row in self.passed.items() if key not in known},
            {key: row for key, row in self.resting.items() if key not in known},
            {key: row for key, row in self.paused.items() if key not in known},
        )


def watch() -> None:
    """Tell owners what is to be told. Safe in any number of copies; one company's fault keeps no other's from it."""
    with wall.every_tenant("whose mails were not sent"):
        tenants: set[int] = set()
        for rows in (_lost(), _passed(), _resting(), _paused()):
            tenants.update(rows.filter(tenant__active=True).values_list("tenant_id", flat=True))
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
    return "" if message.to in owners_addresses() else "no longer an owner"


def _lost() -> QuerySet[Delivery]:
    lost = Q(state=DeliveryState.FAILED) | Q(message__state__in=(State.FAILED, State.UNKNOWN))
    rows: QuerySet[Delivery] = Delivery.objects.filter(lost, created_at__gte=timezone.now() - LOOKED_BACK)
    return rows


def _passed() -> QuerySet[Delivery]:
    rows: QuerySet[Delivery] = Delivery.objects.filter(
        passed_over__gt=0, edition=Edition.SCHEDULED, created_at__gte=timezone.now() - LOOKED_BACK
    )
    return rows


def _resting() -> QuerySet[Subscription]:
    rows: QuerySet[Subscription] = Subscription.objects.filter(
        rested_at__gte=timezone.now() - LOOKED_BACK, removed_at=None
    )
    return rows.exclude(rests="")


def _paused() -> QuerySet[Suppression]:
    rows: QuerySet[Suppression] = Suppression.objects.filter(created_at__gte=timezone.now() - LOOKED_BACK)
    return rows


def _tell(tenant_id: int) -> None:
    news = _news()
    known = set(Telling.objects.filter(what__in=news.keys).values_list("what", flat=True))
    news = news.but(known)
    now = timezone.now()
    recent = Telling.objects.filter(created_at__gt=now - QUIET, created_at__lte=now + AHEAD)
    recent = recent.exclude(what__startswith="alert:")  # an alert that rests is told of at once, by itself
    addresses = owners_addresses()
    silenced = any(row.address in addresses for row in news.paused.values())
    if not news.keys or not addresses or (recent.exists() and not silenced):
        return
    with transaction.atomic():
        # All or nothing: of two that tell at once, one meets a row of the other here and takes everything back.
        Telling.objects.bulk_create([Telling(tenant_id=tenant_id, what=what) for what in news.keys])
        for owner in owners():
            _write(owner, news, reference=f"lost:{news.keys[0]}:{owner.user_id}")


def _news() -> _News:
    return _News(
        lost={f"delivery:{pk}": pk for pk in _lost().values_list("pk", flat=True)},
        passed={
            f"passed:{mail}:{start:%Y%m%d}": pk
            for pk, mail, start in _passed().order_by("-pk").values_list("pk", "subscription_id", "period_start")
        },
        resting={f"rests:{pk}:{since:%Y%m%d%H%M%S}": pk for pk, since in _resting().values_list("pk", "rested_at")},
        paused={f"address:{row.pk}": row for row in _paused().order_by("pk")},
    )


def _write(owner: Membership, news: _News, *, reference: str) -> None:
    """To one owner, of what he sees."""
    tenant, grant = owner.tenant, owner.grant
    author = Author(tenant, Role(owner.role), Rights.of(grant), Scope.of(grant), user=owner.user)
    deliveries = access.deliveries(author)
    lost = list(deliveries.filter(pk__in=news.lost.values()))
    passed = list(deliveries.filter(pk__in=news.passed.values()))
    mails = access.subscriptions(author) if news.resting else []
    resting = [shown.subscription for shown in mails if shown.subscription.pk in news.resting.values()]
    if not any((lost, passed, resting, news.paused)):
        return
    with translation.override(owner.user.language or tenant.language):
        lines = [*map(_line, lost), *map(_rest, resting), *map(_silence, passed)]
        addresses = owners_addresses()
        lines += [_pause(row, is_owner=row.address in addresses) for row in news.paused.values()]
        if len(lines) > MOST_LINES:
            left = len(lines) - MOST_LINES
            more = ngettext("%(count)s more", "%(count)s more", left) % {"count": figures.decimal(left)}
            lines = [*lines[:MOST_LINES], more]
        mail = letter(
            _subject(tenant.name, len(lost), only_addresses=not (passed or resting)),
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


def _subject(tenant: str, lost: int, *, only_addresses: bool) -> str:
    if not lost and not only_addresses:
        return _("%(tenant)s: scheduled mails that were not sent") % {"tenant": tenant}
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


def _pause(row: Suppression, *, is_owner: bool) -> str:
    words = {"email": row.address, "why": row.get_cause_display()}
    if is_owner:
        return _("No mail goes to the owner %(email)s any more. %(why)s If this is wrong, lift the pause.") % words
    return _("%(email)s: %(why)s") % words


def _rest(subscription: Subscription) -> str:
    words = {"name": subscription.name, "why": log.REASONS[subscription.rests]}
    return _("“%(name)s” rests: %(why)s") % words


def _silence(delivery: Delivery) -> str:
    days = title(delivery.kind, delivery.period)
    return f"{_('“%(name)s”, %(days)s') % {'name': delivery.subscription.name, 'days': days}}: {log.passed(delivery)}."


def owners_addresses() -> set[str]:
    return {owner.user.email.lower() for owner in owners()}


def owners() -> list[Membership]:
    """Of the company whose wall is open."""
    rows = Membership.objects.filter(role=Role.OWNER, user__is_active=True).order_by("id")
    return list(rows.select_related("user", "tenant", "grant", "grant__tenant"))
