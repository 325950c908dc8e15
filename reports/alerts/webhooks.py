"""Posting what alerts tell to endpoints of the company's own: signed, guarded, tried again, each answer kept.

``Ringbook-Signature: t=<unix>,v1=<hex>`` holds the HMAC-SHA256 of ``t.body`` under the alert's secret; whoever receives
it compares, and refuses what is older than a few minutes. The id of the event stays the same when a post is repeated.
"""

import hashlib
import hmac
import json
import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.lib.outward.asking import Reply
from portal.lib.outward.asking import post as post_to
from portal.lib.outward.errors import Unreachable
from portal.outbox.text import one_line
from portal.tenants import wall
from portal.work.clock import AHEAD
from portal.work.leases import Lease
from reports.alerts import words
from reports.alerts.access import demand_vouched
from reports.alerts.models import AlertEvent, PostState, WebhookForm, WebhookPost
from reports.alerts.rules import Happening
from reports.alerts.telling import page_of
from reports.mail.rights import NotAllowed

logger = logging.getLogger("ringbook.alerts")
LEASE = Lease(timedelta(minutes=6), until="claimed_until")  # longer than a task may run
DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
HEADER = "Ringbook-Signature"


def signature(secret: str, body: bytes, at: int) -> str:
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"


def body_of(event: AlertEvent) -> bytes:
    """What is posted, in the company's language and the form that its endpoint takes."""
    alert = event.alert
    with translation.override(alert.tenant.language):
        title, text, link = words.subject(event), words.told(event), page_of(alert)
        if alert.webhook_form == WebhookForm.SLACK:
            content: dict[str, Any] = {"text": f"*{_escaped(title)}*\n{_escaped(text)}\n<{link}>"}
        elif alert.webhook_form == WebhookForm.TEAMS:
            content = _card(title, text, link)
        else:
            content = _facts(event) | {"title": title, "text": text, "url": link}
    return json.dumps(content, ensure_ascii=False).encode()


def send(post_id: int) -> str:
    """Post one if it is due and nobody else is at it; the state it is in afterwards. Never inside a transaction."""
    with transaction.atomic(durable=True):
        mine = LEASE.claim(WebhookPost.objects.filter(_ready(), pk=post_id), tries=F("tries") + 1)
    row = _rows().filter(pk=post_id).first()
    if row is None or not mine:
        return row.state if row is not None else ""
    alert = row.event.alert
    if alert.removed_at is not None or not alert.webhook_host:
        return _settle(row, PostState.SUPPRESSED, "removed")
    try:
        demand_vouched(alert)
        return _judged(row, _posted(row))
    except NotAllowed as reason:
        return _settle(row, PostState.SUPPRESSED, str(reason))
    except Unreachable as error:
        return _failed(row, error.detail)
    except Exception:  # a secret that does not open, a fault of ours: the row says so and waits
        logger.exception("webhook %s could not be posted", row.pk)
        return _failed(row, "")


def send_again(row: WebhookPost) -> bool:
    """A person's decision: another round of tries for one that failed. False when it is on its way, or arrived."""
    failed = WebhookPost.objects.filter(pk=row.pk, state=PostState.FAILED)
    return bool(failed.update(state=PostState.PENDING, next_attempt_at=None, claimed_until=None, tries=0))


def overdue(*, limit: int = 500) -> list[tuple[int, int]]:
    """(tenant, post) of what waits, is due and is claimed by nobody, across all tenants, oldest first."""
    with wall.every_tenant("webhooks that are owed"):
        rows = WebhookPost.objects.filter(_ready(), tenant__active=True).order_by("id")
        return list(rows.values_list("tenant_id", "id")[:limit])


def _posted(row: WebhookPost) -> Reply:
    alert, at = row.event.alert, int(timezone.now().timestamp())
    body = body_of(row.event)
    headers = {
        "Content-Type": "application/json",
        HEADER: signature(alert.webhook_secret.reveal(), body, at),
        "Ringbook-Event": str(row.event.public_id),
    }
    return post_to(alert.webhook.reveal(), body, headers, allow_private=settings.UPSTREAM_ALLOW_PRIVATE)


def _judged(row: WebhookPost, reply: Reply) -> str:
    text = one_line(reply.content[:2000].decode("utf-8", "replace"), limit=300)
    if 200 <= reply.status < 300:
        return _settle(row, PostState.SENT, text, status=reply.status, sent_at=Now())
    return _failed(row, text, status=reply.status)


def _failed(row: WebhookPost, reply: str, status: int | None = None) -> str:
    if row.tries > len(DELAYS):
        return _settle(row, PostState.FAILED, reply, status=status)
    after = Now() + DELAYS[row.tries - 1]
    return _settle(row, PostState.PENDING, reply, status=status, next_attempt_at=after)


def _settle(row: WebhookPost, state: PostState, reply: str, **fields: Any) -> str:
    held = LEASE.held(WebhookPost.objects.filter(state=PostState.PENDING), row)
    with transaction.atomic(durable=True):
        LEASE.settle(held, state=state, reply=one_line(reply, limit=300), **fields)
    return state


def _ready() -> Q:
    ahead = Q(next_attempt_at__gt=Now() + DELAYS[-1] + AHEAD)  # set by a clock that was ahead
    due = Q(next_attempt_at=None) | Q(next_attempt_at__lte=Now()) | ahead
    return Q(state=PostState.PENDING) & due & LEASE.free()


def _rows() -> QuerySet[WebhookPost]:
    rows: QuerySet[WebhookPost] = WebhookPost.objects.select_related(
        "event__alert__tenant",
        "event__alert__grant__tenant",
        "event__alert__key__grant__tenant",
        "event__alert__key__made_by",
    )
    return rows


def _facts(event: AlertEvent) -> dict[str, Any]:
    alert = event.alert
    return {
        "id": str(event.public_id),
        "event": event.kind,
        "at": _moment(event.at),
        "tenant": alert.tenant.slug,
        "alert": {
            "id": str(alert.public_id),
            "name": alert.name,
            "when": alert.when,
            "metric": alert.metric or None,
            "threshold": alert.value,
            "over": alert.over or None,
        },
        "value": event.value,
        "n": event.n,
        "from": _moment(event.begins),
        "until": _moment(event.ends),
        "environments": event.places,
        "test": event.kind == Happening.TEST,
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _escaped(text: str) -> str:
    """Slack's three characters, so that a name is no link and no mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _card(title: str, text: str, link: str) -> dict[str, Any]:
    """A message with an adaptive card, as workflows of Teams take it."""
    blocks = [
        {"type": "TextBlock", "text": title, "weight": "Bolder", "wrap": True},
        {"type": "TextBlock", "text": text, "wrap": True},
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        "actions": [{"type": "Action.OpenUrl", "title": _("Open the alert"), "url": link}],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}
