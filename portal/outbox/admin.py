"""The outbox as administrators see it. Messages are read; a person may send one again, or lift a suppression."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from portal.outbox import post, server
from portal.outbox.models import Attempt, Message, PlatformAttempt, PlatformMessage, State, Suppression
from portal.tenants.admin import LedgerAdmin, confirm, noted, rerun
from portal.tenants.times import TimesInUtc

_SEND_AGAIN = _("Send again what failed or is unknown")
_SEND_ASKED = _("What is unknown may have arrived already, and arrives twice then. That is why a person asks for it.")
LISTED = ("subject", "to", "state", "attempts", "created_at", "sent_at")


def _said(reply: str, state: str) -> str:
    return reply if state == State.SUPPRESSED else server.said(reply)


class TryLines(TimesInUtc, admin.TabularInline):  # type: ignore[type-arg]
    fields = readonly_fields = ("number", "started_at", "ended_at", "outcome", "said")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("reply"))
    def said(self, row: Any) -> str:
        return _said(row.reply, row.outcome)


class AttemptLines(TryLines):
    model = Attempt


class PlatformAttemptLines(TryLines):
    model = PlatformAttempt


@admin.register(PlatformMessage)
class PlatformMessagePages(TimesInUtc, admin.ModelAdmin):  # type: ignore[type-arg]
    """Without their texts: these hold links that open an account."""

    list_display = LISTED
    list_filter = ("state", "language")
    date_hierarchy = "created_at"
    fields = (*LISTED, "became", "said", "next_attempt_at", "language", "reference", "message_id")
    readonly_fields = ("became", "said")
    inlines = (PlatformAttemptLines,)
    search_fields = ("to", "message_id")
    actions = ("send_again",)
    show_full_result_count = False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """By what the list offers alone: a filter on texts would tell a link that waits letter by letter."""
        offered = lookup.split("__")[0] in (*self.list_filter, self.date_hierarchy)
        return offered and super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("result"))
    def became(self, row: PlatformMessage) -> str:
        return server.result(row)

    @admin.display(description=_("last reply"))
    def said(self, row: PlatformMessage) -> str:
        return _said(row.last_reply, row.state)

    def has_rerun_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.change_platformmessage")

    @admin.action(description=_SEND_AGAIN, permissions=["rerun"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[PlatformMessage]) -> HttpResponse | None:
        """What held a secret, a link of a reset say, is not sent again: whoever waits for it asks anew."""
        if "confirmed" not in request.POST:
            return confirm(self, request, queryset, (_SEND_AGAIN, _SEND_ASKED))
        with transaction.atomic():
            sent = [message for message in queryset if post.send_again(message.pk, PlatformMessage)]
            noted(self, request, "admin.rerun", {"count": len(sent)})
        told = ngettext("%(count)s was asked for.", "%(count)s were asked for.", len(sent)) % {"count": len(sent)}
        self.message_user(request, told, messages.SUCCESS if sent else messages.WARNING)
        return None


@admin.register(Message)
class MessagePages(LedgerAdmin):
    list_display = LISTED
    list_filter = ("state", "language")
    date_hierarchy = "created_at"
    fields = (*LISTED, "said", "next_attempt_at", "language", "reference", "message_id", "text")
    readonly_fields = ("said",)
    inlines = (AttemptLines,)
    search_fields = ("to", "message_id")
    personal = ("text",)
    actions = ("send_again",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the text where it holds a secret, which opens something."""
        fields = super().get_fields(request, obj)
        return [name for name in fields if name != "text"] if obj is not None and obj.holds_secret else fields

    @admin.display(description=_("last reply"))
    def said(self, row: Message) -> str:
        return _said(row.last_reply, row.state)

    @rerun(_SEND_AGAIN, _SEND_ASKED)
    def send_again(self, request: HttpRequest, row: Message) -> bool:
        return post.send_again(row.pk)


@admin.register(Suppression)
class SuppressionPages(LedgerAdmin):
    list_display = ("address", "cause", "reason", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
