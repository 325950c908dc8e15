"""What is owed once something happened to an alert: a row of it, a mail to each reader, a post to its endpoint."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from portal.outbox import post
from portal.outbox.models import Letter, Message
from portal.outbox.render import Button, Rendered, letter
from portal.outbox.tasks import enqueue
from portal.tenants.brand import address_of, look_of
from portal.tenants.models.people import User
from reports.alerts import words
from reports.alerts.access import demand_member_sees, demand_told, scope_now
from reports.alerts.models import Alert, AlertEvent, AlertNotice, Watcher, WebhookPost
from reports.alerts.rules import Happening, Observation
from reports.alerts.wishes import looked_at
from reports.mail import links
from reports.mail.links import leaving
from reports.mail.rights import NotAllowed
from reports.mail.words import bound
from reports.queries.question import QuestionError
from reports.queries.scope import Scope

Hint = Callable[[int, int], object]  # (tenant, post)


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened at an instant, with what was seen."""

    kind: Happening
    at: datetime
    seen: Observation


def tell(alert: Alert, told: Told, readers: Iterable[Watcher | User], hint: Hint, *, scope: Scope | None) -> AlertEvent:
    """Write an event and what is owed for it. Inside a transaction that also moves the alert on. ``scope`` is what was
    looked at, all of which the readers see."""
    event = _event(alert, told)
    for reader in readers:
        _mail(event, reader, scope)
    if alert.webhook_host:
        owed = WebhookPost.objects.create(tenant_id=alert.tenant_id, event=event, host=alert.webhook_host)
        transaction.on_commit(partial(hint, alert.tenant_id, owed.pk))
    return event


def readers_of(alert: Alert, scope: Scope) -> list[Watcher]:
    """Those whom an alert tells now: who agreed, and see all that it looks at."""
    seen, readers = looked_at(alert, scope), []
    for watcher in alert.readers:
        with suppress(NotAllowed):
            demand_told(watcher, alert, seen)
            readers.append(watcher)
    return readers


def page_of(alert: Alert) -> str:
    path = reverse("reports_web:alert_one", args=[alert.tenant.slug, alert.public_id])
    return address_of(alert.tenant) + path


def objection(message: Letter) -> str:
    """Why the mail of an alert that waits in the outbox may not leave any more, or ""."""
    rows = AlertNotice.objects.select_related("event__alert__tenant", "event__alert__grant__tenant", "watcher")
    notice = rows.filter(message_id=message.pk).first()
    if notice is None or notice.event.alert.removed_at is not None:
        return "removed"
    alert = notice.event.alert
    try:
        scope = looked_at(alert, scope_now(alert))
        if notice.watcher is not None:
            demand_told(notice.watcher, alert, scope)
        else:
            demand_member_sees(notice.user_id, scope)
    except NotAllowed as reason:
        return str(reason)
    except QuestionError:
        return "no question"
    return ""


def _event(alert: Alert, told: Told) -> AlertEvent:
    seen = told.seen
    event: AlertEvent = AlertEvent.objects.create(
        tenant_id=alert.tenant_id,
        alert=alert,
        number=alert.turns + 1,
        kind=told.kind.value,
        at=told.at,
        value=seen.value,
        n=seen.n,
        begins=seen.begins,
        ends=seen.ends,
        places=list(seen.places),
    )
    return event


def _mail(event: AlertEvent, to: Watcher | User, scope: Scope | None) -> Letter:
    """To a reader, who may leave by it; or to who asked for a test and stands on no list."""
    alert: Any = event.alert
    tenant = alert.tenant
    watcher = to if isinstance(to, Watcher) else None
    leave_url = links.address(watcher, links.LEAVE) if watcher is not None else ""
    language = watcher.tongue if watcher is not None else to.language or tenant.language
    page = "" if watcher is not None and not watcher.as_member else page_of(alert)
    with translation.override(language):
        made = composed(event, words.facts(event, scope), page=page, leave_url=leave_url)
        message = post.put(
            tenant_id=alert.tenant_id,
            to=to.email,
            subject=made.subject,
            text=made.text,
            html=made.html,
            headers=_headers(alert, leave_url),
            reference=f"alert:{event.public_id}:{to.pk}",
            conduct=post.Conduct(rule="alert"),
        )
    if isinstance(message, Message):
        whom = {"watcher": to} if isinstance(to, Watcher) else {"user": to}
        AlertNotice.objects.get_or_create(tenant_id=alert.tenant_id, message=message, defaults={"event": event, **whom})
    transaction.on_commit(partial(enqueue, alert.tenant_id, message.pk))
    return message


def composed(event: AlertEvent, facts: Sequence[tuple[str, str]], *, page: str = "", leave_url: str = "") -> Rendered:
    """The mail of an event, in the active language: without a page for whoever has no account."""
    tenant = event.alert.tenant
    return letter(
        words.subject(event),
        [bound(words.told(event))],
        Button(_("Open the alert"), page) if page else None,
        facts=facts,
        small=[_("%(tenant)s tells you of “%(name)s”.") % {"tenant": tenant.name, "name": event.alert.name}],
        links=[Button(_("Leave this alert"), leave_url)] if leave_url else (),
        look=look_of(tenant),
    )


def _headers(alert: Alert, leave_url: str) -> dict[str, str]:
    headers = {"Auto-Submitted": "auto-generated", "Content-Language": translation.get_language() or ""}
    return headers | (leaving(f"{alert.public_id}.alert", leave_url) if leave_url else {})
