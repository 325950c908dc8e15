"""Setting up alerts and changing them, as audited acts. The wall must be open."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.record import CHANGED, Changes
from portal.tenants.models.people import User
from reports.alerts.access import scope_now
from reports.alerts.models import Alert, AlertEvent, PostState, Watcher, WebhookPost, new_webhook_secret
from reports.alerts.rules import Happening, Observation
from reports.alerts.telling import Hint, Told, tell
from reports.alerts.webhooks import send_again
from reports.alerts.wishes import AlertPlan, looked_at, plan_of
from reports.mail import lists
from reports.mail.preview import TooMany
from reports.mail.rights import Author, NotAllowed
from reports.queries.scope import Scope

MOST_TESTS, TESTS_WITHIN = 10, timedelta(hours=1)
MOST_ALERTS = 200
# What makes it another rule: what was told of the one before says nothing of it.
RULE = frozenset({"when", "metric", "filters", "value", "over", "minimum_n", "zone", "office"})
WRITTEN = ("name", "filters", "webhook_host")


def create(plan: AlertPlan, author: Author) -> Alert:
    """A new alert. What it may look at is fixed now: as much as its author sees. Raises TooMany."""
    with transaction.atomic():
        if Alert.objects.filter(removed_at=None).count() >= MOST_ALERTS:
            raise TooMany(_("A company has at most %(most)s alerts.") % {"most": MOST_ALERTS})
        alert = Alert(
            tenant=author.tenant,
            grant=author.rights.make_grant(author.tenant),
            creator=author.user if author.key is None else None,
            key=author.key,
            webhook=plan.webhook,
            webhook_secret=new_webhook_secret() if plan.webhook else "",
            **plan.columns(),
        )
        alert.save()
        _set_watchers(alert, plan, author)
        author.note("alert.added", about(alert, readers=len(plan.to)), _moved({}, plan.columns()))
    return alert


def change(alert: Alert, plan: AlertPlan, author: Author) -> None:
    """Make an alert what the plan says. Another rule begins anew, and so does one that goes on after a pause. Whoever
    saves an alert whose maker has gone stands for it from then on, and it sees no more than he does.
    """
    was, columns = {name: getattr(alert, name) for name in plan.columns()}, plan.columns()
    changed = {name: value for name, value in columns.items() if was[name] != value}
    moved = plan.webhook != (alert.webhook.reveal() if alert.webhook else "")
    written = changed | _taken_over(alert, author)
    if changed.keys() & (RULE | {"active"}):
        written |= {"firing": False, "quiet_until": None, "since": None, "doubt": "", "checked_at": None}
    if moved:
        written["webhook"] = plan.webhook
        written["webhook_secret"] = alert.webhook_secret or (new_webhook_secret() if plan.webhook else "")
    with transaction.atomic():
        # Whoever looks at it now looks at what it was: by another turn he finds that he has nothing to tell.
        Alert.objects.filter(pk=alert.pk).update(turns=F("turns") + 1)
        for name, value in written.items():
            setattr(alert, name, value)
        alert.save(update_fields=list(written))
        readers = _set_watchers(alert, plan, author)
        if changed or readers or moved:
            author.note(_act(changed), about(alert, readers=len(plan.to)), _moved(was, columns))


def set_paused(alert: Alert, author: Author, *, on: bool) -> None:
    change(alert, replace(plan_of(alert), paused=on), author)


def remove(alert: Alert, author: Author) -> None:
    """Tell nothing more, not even what waits. What was told stays known."""
    with transaction.atomic():
        rows = Alert.objects.filter(pk=alert.pk, removed_at=None)
        if rows.update(removed_at=timezone.now(), active=False, turns=F("turns") + 1):
            owed = WebhookPost.objects.filter(event__alert=alert, state=PostState.PENDING)
            owed.update(state=PostState.SUPPRESSED, claimed_until=None)
            author.note("alert.removed", about(alert))


def renew_secret(alert: Alert, author: Author) -> str:
    """Another secret for the webhook, to be shown once; posts are signed by it from now on."""
    alert.webhook_secret = new_webhook_secret()
    with transaction.atomic():
        alert.save(update_fields=["webhook_secret"])
        author.note("alert.secret_changed", about(alert))
    return secret_of(alert)


def secret_of(alert: Alert) -> str:
    return alert.webhook_secret.reveal() if alert.webhook_secret else ""


def test(alert: Alert, author: Author, hint: Hint) -> AlertEvent:
    """Tell a test: by mail to who asks, if a member, and to the webhook. How the alert stands does not change.

    Raises :class:`TooMany`."""
    now = timezone.now()
    recent = AlertEvent.objects.filter(kind=Happening.TEST, at__gt=now - TESTS_WITHIN, alert=alert)
    if recent.count() >= MOST_TESTS:
        raise TooMany(_("%(most)s tests went out within the hour. Wait a little.") % {"most": MOST_TESTS})
    with transaction.atomic():
        row = Alert.objects.select_for_update().select_related("tenant").get(pk=alert.pk)
        Alert.objects.filter(pk=row.pk).update(turns=row.turns + 1)
        readers = _asking(row, author)
        event = tell(row, Told(Happening.TEST, now, Observation()), readers, hint, scope=_sight(row))
        author.note("alert.tested", about(alert))
    return event


def _sight(alert: Alert) -> Scope | None:
    """What an alert looks at, to be named; None where it may look at nothing."""
    try:
        return looked_at(alert, scope_now(alert))
    except NotAllowed:
        return None


def _asking(alert: Alert, author: Author) -> list[Watcher | User]:
    """Who asks for a test, by his place on the list where he has one."""
    user = author.user
    if user is None:
        return []
    places = (row for row in alert.readers if row.user_id == user.pk and row.as_member and row.left_at is None)
    return [next(places, None) or user]


def post_again(row: WebhookPost, author: Author) -> bool:
    """Another round of tries for a webhook that failed."""
    with transaction.atomic():
        done = send_again(row)
        if done:
            author.note("alert.posted_again", about(row.event.alert))
    return done


def silence(plan: AlertPlan) -> timedelta:
    return timedelta(minutes=plan.cool_down)


def about(alert: Alert, **counts: int) -> dict[str, str | int]:
    return {"alert": str(alert.public_id), **counts}


def _taken_over(alert: Alert, author: Author) -> dict[str, Any]:
    try:
        scope_now(alert)
    except NotAllowed as reason:
        if str(reason) == "no question":  # its maker stands for it still
            return {}
        return {
            "creator": author.user if author.key is None else None,
            "key": author.key,
            "grant": author.rights.make_grant(author.tenant),
        }
    return {}


def _set_watchers(alert: Alert, plan: AlertPlan, author: Author) -> bool:
    """Make the readers those of the plan; whether that changed anything."""
    _gone, changed = lists.keep(lists.Place(Watcher, alert), plan.to, author, language_of=lambda _email: "")
    return changed


def _moved(was: Mapping[str, Any], now: Mapping[str, Any]) -> Changes:
    """Before and after, as the audit keeps it: not what a person wrote."""
    pairs = {name: (was.get(name), now[name]) for name in now if was.get(name) != now[name]}
    plain = {name: pair for name, pair in pairs.items() if name != "office"}
    moved: dict[str, Any] = {name: (None, CHANGED) if name in WRITTEN else pair for name, pair in plain.items()}
    return moved | ({"office": (None, CHANGED)} if "office" in pairs else {})


def _act(changed: Mapping[str, Any]) -> str:
    if "active" in changed:
        return "alert.resumed" if changed["active"] else "alert.paused"
    return "alert.changed"
