"""Makes the mail of one delivery: figures, words, both forms, headers. Nothing is written or sent here."""

from base64 import b64encode
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.html import escape
from django.utils.translation import gettext as _

from portal.outbox import post
from portal.outbox.models import Letter
from portal.outbox.render import Rendered
from portal.tenants.brand import address_of, look_of
from portal.tenants.models.people import Membership, Role
from reports.mail import words
from reports.mail.answers import SavedFacts
from reports.mail.cupboard import Cover, Cupboard
from reports.mail.enclosed import Enclosed
from reports.mail.facts import Facts, Picture, Setting, covers
from reports.mail.links import leaving
from reports.mail.models import Delivery, Edition, Subscription
from reports.mail.render import render_facts
from reports.queries.run import patient
from reports.queries.scope import Scope

_LEAVE_HERE = "https://leave.invalid/here"  # no word of it has a sign that a template or MJML would write otherwise


@dataclass(frozen=True, slots=True)
class Made:
    rendered: Rendered
    facts: Facts | SavedFacts
    complete: bool
    late: bool
    headers: dict[str, str]
    rights: dict[str, Any]
    snapshot: dict[str, Any]
    files: tuple[post.Attachment, ...] = ()
    chart: Picture | None = None

    @property
    def shown(self) -> str:
        """The HTML with its image in it, for a browser, which knows of no parts beside it."""
        if self.chart is None:
            return self.rendered.html
        content = b64encode(self.chart.content).decode()
        return self.rendered.html.replace(f'"cid:{self.chart.name}"', f'"data:image/png;base64,{content}"')

    @property
    def empty(self) -> bool:
        return self.facts.empty

    @property
    def as_of(self) -> datetime | None:
        """The oldest of the last whole readings that it rests on."""
        return min((each.as_of for each in self.facts.standings if each.as_of is not None), default=None)

    def put(self, delivery: Delivery, *, reference: str, rule: str = "") -> Letter:
        """Write the mail into the outbox."""
        pictures = [post.Attachment(each.name, "image/png", each.content) for each in (self.chart,) if each]
        with translation.override(delivery.recipient.language):
            return post.put(
                tenant_id=delivery.tenant_id,
                to=delivery.recipient.email,
                subject=self.rendered.subject,
                text=self.rendered.text,
                html=self.rendered.html,
                headers=self.headers,
                reference=reference,
                attachments=(*pictures, *self.files),
                conduct=post.Conduct(rule=rule),
            )


def make(delivery: Delivery, scope: Scope, at: datetime, *, cupboard: Cupboard, leave_url: str) -> Made:
    """In the recipient's language, from what ``scope`` leaves, as a mail made at that time. The wall must be open."""
    late = delivery.late_at(at)
    with translation.override(delivery.recipient.language), patient():
        facts = cupboard.facts(delivery, scope)
        complete = all(covers(standing, facts.period, at) for standing in facts.standings)
        cover = cupboard.cover(delivery, scope)
        enclosed = cupboard.enclosed(delivery, scope)
        setting = _setting(delivery, facts, cover=cover, late=late, complete=complete, leave_url=leave_url)
        chart, reply_to = cupboard.chart(delivery, scope), cupboard.reply_to(delivery.subscription, _reply_to)
        setting = replace(setting, note=_note(delivery, enclosed), chart=chart, reply_to=reply_to)
        rendered = _rendered(delivery, scope, facts, setting, cupboard=cupboard)
        if delivery.edition == Edition.CORRECTED and _was_sent(delivery):
            rendered = replace(rendered, subject=_("Corrected: %(subject)s") % {"subject": rendered.subject})
        return Made(
            rendered,
            facts,
            complete,
            late,
            headers=_headers(delivery, setting),
            rights=cupboard.rights(delivery, scope),
            snapshot=cupboard.snapshot(delivery, scope, facts),
            files=enclosed.files,
            chart=chart,
        )


def _rendered(
    delivery: Delivery, scope: Scope, facts: Facts | SavedFacts, setting: Setting, *, cupboard: Cupboard
) -> Rendered:
    """Readers of one mail, period, scope and language read the same, but for the way to leave, which is each one's
    own: it is put in afterwards."""
    shared = replace(setting, leave_url=_LEAVE_HERE)
    key = (delivery.subscription_id, delivery.kind, delivery.period, scope, translation.get_language(), shared)
    rendered = cupboard.rendered(key, lambda: render_facts(facts, shared, zone=delivery.zone))
    text = rendered.text.replace(_LEAVE_HERE, setting.leave_url)
    return Rendered(rendered.subject, text, rendered.html.replace(_LEAVE_HERE, escape(setting.leave_url)))


def manage_url(delivery: Delivery) -> str:
    """The page of a mail, for whoever signs in."""
    path = reverse("reports_web:mail_one", args=[delivery.tenant.slug, delivery.subscription.public_id])
    return address_of(delivery.tenant) + path


def _setting(  # what surrounds the figures, all by name
    delivery: Delivery, facts: Facts | SavedFacts, *, cover: Cover, late: bool, complete: bool, leave_url: str
) -> Setting:
    tenant = delivery.tenant
    return Setting(
        tenant=tenant.name,
        name=delivery.subscription.name,
        environments=cover.environments,
        agent_count=cover.agent_count,
        filters=facts.filters,
        portal_url=f"{address_of(tenant)}/t/{tenant.slug}/",
        leave_url=leave_url,
        due_at=delivery.due_at,
        late=late,
        complete=complete,
        manage_url=manage_url(delivery) if delivery.recipient.as_member else "",
        look=look_of(tenant),
        sections=delivery.subscription.parts,
        subject=delivery.subscription.subject,
        short_limits=(tenant.short_limit_3s, tenant.short_limit_6s),
    )


def _note(delivery: Delivery, enclosed: Enclosed) -> str:
    """What its author wrote, behind what the mail corrects and what is not attached."""
    left_out = list(enclosed.left_out)
    if left_out and delivery.recipient.as_member:
        exports = address_of(delivery.tenant) + reverse("reports_web:exports", args=[delivery.tenant.slug])
        left_out.append(_("It can be had under %(address)s") % {"address": exports})
    return "\n\n".join(filter(None, (_correction(delivery), "\n".join(left_out), delivery.subscription.note)))


def _was_sent(delivery: Delivery) -> bool:
    """Whether its reader has a mail of the period already."""
    return _earlier(delivery).exists()


def _correction(delivery: Delivery) -> str:
    """For the readers of a mail that takes another's place."""
    first = _earlier(delivery).first() if delivery.edition == Edition.CORRECTED else None
    if first is None or first.message is None:
        return ""
    return _("This report takes the place of the one of %(moment)s: its figures were computed anew.") % {
        "moment": words.moment(first.message.created_at, delivery.zone)
    }


def _earlier(delivery: Delivery) -> QuerySet[Delivery]:
    """The mails that its reader has of the period, the first one first."""
    rows: QuerySet[Delivery] = Delivery.objects.filter(
        subscription=delivery.subscription,
        recipient=delivery.recipient,
        period_start=delivery.period_start,
        period_end=delivery.period_end,
        message__isnull=False,
    )
    return rows.select_related("message").order_by("id")


def _headers(delivery: Delivery, setting: Setting) -> dict[str, str]:
    headers = {
        **leaving(f"{delivery.subscription.public_id}.mail", setting.leave_url),
        "Auto-Submitted": "auto-generated",
        "Content-Language": translation.get_language() or "",
    }
    return headers | ({"Reply-To": setting.reply_to} if setting.reply_to else {})


def _reply_to(subscription: Subscription) -> str:
    """The member it names, else who set the mail up, while a member; else the first owner."""
    members = Membership.objects.filter(user__is_active=True).order_by("id")
    wanted = [user for user in (subscription.reply_to, subscription.creator) if user is not None]
    if wanted:
        here = set(members.filter(user__in=wanted).values_list("user_id", flat=True))
        if found := next((user.email for user in wanted if user.pk in here), ""):
            return str(found)
    return members.filter(role=Role.OWNER).values_list("user__email", flat=True).first() or ""
