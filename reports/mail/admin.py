"""Scheduled mails and what became of them, as administrators see them: to be read, not written."""

from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.audit.record import address_of
from portal.outbox.tasks import enqueue
from portal.tenants.admin import LedgerAdmin, rerun
from reports.mail import log
from reports.mail.models import Delivery, Recipient, Subscription
from reports.mail.rights import at_the_console


@admin.register(Subscription)
class SubscriptionPages(LedgerAdmin):
    list_display = ("name", "kind", "weekday", "hour", "zone", "active", "next_due")
    list_filter = ("kind", "active")
    search_fields = ("name",)
    personal = ("filters", "subject", "note")


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
    actions = ("make_again",)

    @rerun(
        _("Make or send again what failed"),
        _("A mail of which nobody knows whether it arrived may arrive twice; that is why a person asks for it."),
    )
    def make_again(self, request: HttpRequest, row: Delivery) -> bool:
        user: Any = request.user
        author = replace(at_the_console(row.tenant), user=user, address=address_of(request))
        try:
            log.send_again(row, author, enqueue)
        except log.NotAgain as refusal:
            self.message_user(request, f"{row}: {refusal}", messages.WARNING)
            return False
        return True

    @admin.display(description=Delivery._meta.get_field("message").verbose_name)
    def outcome(self, delivery: Delivery) -> str:
        return delivery.message.get_state_display() if delivery.message else ""
