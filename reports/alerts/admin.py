"""Alerts and what they told, as administrators see them: to be read, not written."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.tenants.admin import LedgerAdmin, rerun
from reports.alerts import words
from reports.alerts.models import Alert, AlertEvent, Watcher, WebhookPost
from reports.alerts.webhooks import send_again


@admin.register(Alert)
class AlertPages(LedgerAdmin):
    list_display = ("name", "when", "metric", "over", "active", "firing", "since", "checked_at", "doubt")
    list_filter = ("when", "active", "firing")
    search_fields = ("name",)
    personal = ("filters",)
    exclude = ("webhook", "webhook_secret")


@admin.register(Watcher)
class WatcherPages(LedgerAdmin):
    list_display = ("email", "alert", "as_member", "created_at", "added_as", "added_by", "confirmed_at", "left_at")
    list_filter = ("as_member", "added_as")
    list_select_related = ("alert", "added_by")
    search_fields = ("email",)


@admin.register(AlertEvent)
class AlertEventPages(LedgerAdmin):
    list_display = ("at", "alert", "kind", "value", "n")
    list_filter = ("kind",)
    list_select_related = ("alert",)
    date_hierarchy = "at"


@admin.register(WebhookPost)
class WebhookPostPages(LedgerAdmin):
    list_display = ("created_at", "host", "state", "attempts", "status", "answer", "sent_at")
    list_filter = ("state",)
    exclude = ("reply",)
    readonly_fields = ("answer",)
    search_fields = ("host",)
    actions = ("post_again",)

    @admin.display(description=_("last reply"))
    def answer(self, row: WebhookPost) -> str:
        return words.reply(row)

    @rerun(_("Post again what failed"), _("The endpoint gets it under the same id once more."))
    def post_again(self, request: HttpRequest, row: Any) -> bool:
        return send_again(row)
