"""Scheduled mails and what became of them, as administrators see them: to be read, not written."""

from django.contrib import admin

from portal.tenants.admin import LedgerAdmin
from reports.mail.models import Delivery, Recipient, Subscription


@admin.register(Subscription)
class SubscriptionPages(LedgerAdmin):
    list_display = ("name", "kind", "weekday", "hour", "zone", "active", "next_due")
    list_filter = ("kind", "active")


@admin.register(Recipient)
class RecipientPages(LedgerAdmin):
    list_display = ("email", "subscription", "language", "as_member", "confirmed_at", "left_at")
    list_filter = ("language", "as_member")


@admin.register(Delivery)
class DeliveryPages(LedgerAdmin):
    list_display = ("period_start", "subscription", "recipient", "state", "outcome", "complete", "late", "due_at")
    list_filter = ("state", "complete", "late")
    list_select_related = ("message",)
    date_hierarchy = "due_at"

    @admin.display(description=Delivery._meta.get_field("message").verbose_name)
    def outcome(self, delivery: Delivery) -> str:
        return delivery.message.get_state_display() if delivery.message else ""
