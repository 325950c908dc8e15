"""What a company has kept and told by and by: saved reports, a board, links, an alert with events, mails with readers
and deliveries, an address that is paused. Pages that list such things are looked at with rows.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from portal.outbox.models import Cause, Message, State, Suppression
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import digest
from portal.tenants.models.people import Role, User
from portal.tenants.models.tenants import Tenant
from reports.alerts.models import Alert, AlertEvent, AlertNotice, PostState, Watcher, WebhookPost
from reports.definitions.periods import local_date
from reports.mail import links
from reports.mail.models import Delivery, DeliveryState, Recipient, Subscription
from reports.mail.subscriptions import add_recipient
from reports.saved import boards, keeping
from reports.saved.keeping import Keeper
from reports.saved.models import FrameHost, ShareLink, ViewOf

REPORTS = {
    "R1": "metrics=attempts,connect_rate,average_duration&by=day&period=last_7_days",
    "R2": "metrics=connect_rate&by=agent,status&period=this_month&compare=none",
    "R3": "metrics=attempts&by=weekday,hour_of_day&view=crossed&period=last_30_days",
}
PASSWORD = "four white horses"


@dataclass(frozen=True)
class Outside:
    """Addresses that somebody without an account opens."""

    report: str = "/shared-link/of-a-report/"
    board: str = "/shared-link/of-a-board/"
    guarded: str = "/shared-link/with-a-password/"
    frame: str = "/shared-link/for-a-frame/frame/"
    mails: tuple[tuple[str, str], ...] = ()  # what links in mails lead to, each in its reader's language


def keep(tenant: Tenant, owner: User) -> Outside:
    """Rows of each; the wall must be open."""
    keeper = Keeper(tenant, Role.OWNER, owner)
    views = [keeping.keep(keeper, name, query, ViewOf.REPORT) for name, query in REPORTS.items()]
    for view in views:
        keeping.share(keeper, view.public_id, on=True)
    board = boards.make(keeper, "B1")
    boards.put_in_order(keeper, board, [view.public_id for view in views])
    boards.share(keeper, board, on=True)
    now = timezone.now()
    common: dict[str, Any] = {"tenant": tenant, "maker": owner, "expires_at": now + timedelta(days=30)}
    for token, more in {
        "of-a-report": {"view": views[0]},
        "of-a-board": {"board": board, "any_period": True},
        "with-a-password": {"view": views[1], "password": make_password(PASSWORD)},
        "for-a-frame": {"view": views[2], "embeds": True},
        "revoked": {"view": views[2], "revoked_at": now},
    }.items():
        ShareLink.objects.create(digest=digest(token), grant=Grant.objects.create(tenant=tenant), **common, **more)
    FrameHost.objects.create(tenant=tenant, host="www.example.com")
    _alerts(tenant, owner)
    return _mails(tenant)


def _alerts(tenant: Tenant, owner: User) -> None:
    now = timezone.now()
    alert = Alert.objects.create(
        tenant=tenant, name="A1", when="above", metric="attempts", value=20, over="yesterday", zone=tenant.zone,
        webhook="https://hooks.example.com/one", webhook_host="hooks.example.com", webhook_secret="of-nobody",
        grant=Grant.objects.create(tenant=tenant), creator=owner, firing=True, since=now, checked_at=now,
    )  # fmt: skip
    Watcher.objects.create(tenant=tenant, alert=alert, user=owner, email=owner.email, as_member=True, confirmed_at=now)
    Alert.objects.create(
        tenant=tenant, name="A2", when="no_calls", over="last_hour", zone=tenant.zone, doubt="closed", checked_at=now,
        grant=Grant.objects.create(tenant=tenant), creator=owner,
    )  # fmt: skip
    for number, kind in enumerate(("fired", "recovered", "test", "fired"), 1):
        event = AlertEvent.objects.create(
            tenant=tenant, alert=alert, number=number, kind=kind, at=now - timedelta(hours=9 - number), value=21, n=21
        )
        AlertNotice.objects.create(tenant=tenant, event=event, user=owner, message=_message(tenant, owner.email, kind))
        WebhookPost.objects.create(
            tenant=tenant, event=event, host="hooks.example.com", attempts=number,
            state=PostState.FAILED if number == 4 else PostState.SENT, status=503 if number == 4 else 200,
        )  # fmt: skip


def _mails(tenant: Tenant) -> Outside:
    subscription = Subscription.objects.get()
    guests = [_guest(subscription, language) for language in ("en", "pt-br")]
    waiting = [add_recipient(subscription, f"waits-{each}@partner.example", language=each) for each in ("en", "pt-br")]
    guest = guests[0]
    now = timezone.now()
    monday = local_date(now, tenant.zone) - timedelta(days=local_date(now, tenant.zone).weekday())
    for weeks, state in enumerate((DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.FAILED), 1):
        Delivery.objects.create(
            tenant=tenant, subscription=subscription, recipient=guest, period_start=monday - timedelta(weeks=weeks),
            period_end=monday - timedelta(weeks=weeks - 1), zone=tenant.zone, due_at=now + timedelta(hours=6),
            state=state, held_until=now + timedelta(hours=6), complete=False,
        )  # fmt: skip
    Suppression.objects.create(
        tenant=tenant, address="gone@partner.example", cause=Cause.REFUSED, reason="550 5.1.1 <unknown>"
    )
    # They were asked already: a test that collects mails finds its own.
    Message.objects.filter(state=State.PENDING).update(state=State.SENT, sent_at=timezone.now())
    doors = [(who, act) for readers, act in ((guests, links.LEAVE), (waiting, links.CONFIRM)) for who in readers]
    return Outside(mails=tuple((who.language, urlsplit(links.address(who, act)).path) for who, act in doors))


def _guest(subscription: Subscription, language: str) -> Recipient:
    guest = add_recipient(subscription, f"guest-{language}@partner.example", language=language)
    guest.confirmed_at = timezone.now()
    guest.save()
    return guest


def _message(tenant: Tenant, to: str, kind: str) -> Message:
    number = Message.objects.count()
    return Message.objects.create(
        tenant=tenant, reference=f"alert:{kind}:{number}", to=to, subject="A1", text="A1", state="sent",
        message_id=f"<{number}@town>", sent_at=timezone.now(),
    )  # fmt: skip
