"""What is owed once something happened to an alert: a row of it, a mail to each reader, a post to its endpoint."""

from collections.abc import Callable, Iterable
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
from portal.outbox.render import Button, letter
from portal.outbox.tasks import enqueue
from portal.tenants.brand import address_of, look_of
from portal.tenants.models.people import User
from reports.alerts import words
from reports.alerts.access import may_be_told, scope_now
from reports.alerts.models import Alert, AlertEvent, AlertNotice, WebhookPost
from reports.alerts.rules import Happening, Observation
from reports.alerts.wishes import looked_at
from reports.mail.rights import NotAllowed
from reports.queries.question import QuestionError
from reports.queries.scope import Scope

Hint = Callable[[int, int], object]  # (tenant, post)


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened at an instant, with what was seen."""

    kind: Happening
    at: datetime
    seen: Observation


def tell(alert: Alert, told: Told, readers: Iterable[User], hint: Hint) -> AlertEvent:
    """Write an event and what is owed for it. Inside a transaction that also moves the alert on."""
    event = _event(alert, told)
    for user in readers:
        _mail(event, user)
    if alert.webhook_host:
        owed = WebhookPost.objects.create(tenant_id=alert.tenant_id, event=event, host=alert.webhook_host)
        transaction.on_commit(partial(hint, alert.tenant_id, owed.pk))
    return event


def readers_of(alert: Alert, scope: Scope) -> list[User]:
    """The members whom an alert tells and who see all that it looks at."""
    users, seen = [watcher.user for watcher in alert.watchers.all()], looked_at(alert, scope)
    return [user for user in users if may_be_told(user.pk, seen)]


def page_of(alert: Alert) -> str:
    path = reverse("reports_web:alert_one", args=[alert.tenant.slug, alert.public_id])
    return address_of(alert.tenant) + path


def objection(message: Letter) -> str:
    """Why the mail of an alert that waits in the outbox may not leave any more, or ""."""
    rows = AlertNotice.objects.select_related("event__alert__tenant", "event__alert__grant__tenant")
    notice = rows.filter(message_id=message.pk).first()
    if notice is None or notice.event.alert.removed_at is not None:
        return "removed"
    alert = notice.event.alert
    try:
        scope = looked_at(alert, scope_now(alert))
    except NotAllowed as reason:
        return str(reason)
    except QuestionError:
        return "no question"
    return "" if may_be_told(notice.user_id, scope) else "nothing to see"


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


def _mail(event: AlertEvent, user: User) -> Letter:
    alert: Any = event.alert
    tenant = alert.tenant
    with translation.override(user.language or tenant.language):
        made = letter(
            words.subject(event),
            [words.told(event)],
            Button(_("Open the alert"), page_of(alert)),
            small=[_("%(tenant)s: you get this because the alert tells you.") % {"tenant": tenant.name}],
            look=look_of(tenant),
        )
        message = post.put(
            tenant_id=alert.tenant_id,
            to=user.email,
            subject=made.subject,
            text=made.text,
            html=made.html,
            headers={"Auto-Submitted": "auto-generated"},
            reference=f"alert:{event.public_id}:{user.pk}",
            conduct=post.Conduct(rule="alert"),
        )
    if isinstance(message, Message):
        AlertNotice.objects.get_or_create(
            tenant_id=alert.tenant_id, event=event, user=user, defaults={"message": message}
        )
    transaction.on_commit(partial(enqueue, alert.tenant_id, message.pk))
    return message
