"""Scheduled mails and what became of them, as administrators see them: to be read, not written."""

from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.audit.record import address_of
from portal.lib.ids import uuid7
from portal.outbox.tasks import enqueue
from portal.tenants.admin import LedgerAdmin, rerun
from reports.mail import again, log
from reports.mail.models import Delivery, Edition, Recipient, Subscription
from reports.mail.preview import TooMany
from reports.mail.rights import Author, at_the_console
from reports.queries.question import QuestionError


@admin.register(Subscription)
class SubscriptionPages(LedgerAdmin):
    list_display = ("name", "kind", "weekday", "hour", "zone", "active", "next_due")
    list_filter = ("kind", "active")
    search_fields = ("name",)
    personal = ("filters", "subject", "note", "view", "board")


@admin.register(Recipient)
class RecipientPages(LedgerAdmin):
    list_display = ("email", "subscription", "language", "as_member", "confirmed_at", "left_at")
    list_filter = ("language", "as_member")
    search_fields = ("email",)


@admin.register(Delivery)
class DeliveryPages(LedgerAdmin):
    list_display = (
        "period_start",
        "subscription",
        "recipient",
        "edition",
        "state",
        "outcome",
        "complete",
        "late",
        "due_at",
    )
    list_filter = ("state", "edition", "complete", "late")
    list_select_related = ("message",)
    search_fields = ("subscription__name",)
    date_hierarchy = "due_at"
    personal = ("snapshot",)
    actions = ("make_again", "send_same", "send_corrected")

    @rerun(
        _("Make or send again what failed"),
        _("A mail of which nobody knows whether it arrived may arrive twice; that is why a person asks for it."),
    )
    def make_again(self, request: HttpRequest, row: Delivery) -> bool:
        try:
            log.send_again(row, self._author(request, row), enqueue)
        except log.NotAgain as refusal:
            self.message_user(request, f"{row}: {refusal}", messages.WARNING)
            return False
        return True

    @rerun(
        _("Send the mail of this period again, as it was"),
        _("Its reader gets the mail once more, word by word, and its subject says so."),
    )
    def send_same(self, request: HttpRequest, row: Delivery) -> bool:
        return self._send_period(request, row, Edition.SAME)

    @rerun(
        _("Send the mail of this period again, computed anew"),
        _("Its reader gets the report as it reads today, and is told which mail it takes the place of."),
    )
    def send_corrected(self, request: HttpRequest, row: Delivery) -> bool:
        return self._send_period(request, row, Edition.CORRECTED)

    def _send_period(self, request: HttpRequest, row: Delivery, edition: Edition) -> bool:
        # The page that asked whether it is meant made the key: sent twice, it sends once.
        key = f"{request.POST.get('press') or uuid7()}"[:40]
        press = again.Press(row.period, edition, (row.recipient,), f"{key}:{row.recipient_id}")
        try:
            again.send_period(row.subscription, press, self._author(request, row), enqueue)
        except (QuestionError, TooMany) as refusal:
            texts = refusal.errors.values() if isinstance(refusal, QuestionError) else [str(refusal)]
            self.message_user(request, f"{row}: {' '.join(texts)}", messages.WARNING)
            return False
        return True

    @staticmethod
    def _author(request: HttpRequest, row: Delivery) -> Author:
        user: Any = request.user
        return replace(at_the_console(row.tenant), user=user, address=address_of(request))

    @admin.display(description=Delivery._meta.get_field("message").verbose_name)
    def outcome(self, delivery: Delivery) -> str:
        return delivery.message.get_state_display() if delivery.message else ""
