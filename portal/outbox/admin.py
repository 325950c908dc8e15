"""The outbox as administrators see it. Messages are read; a person may send one again, or lift a suppression."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from portal.outbox import post
from portal.outbox.models import Attempt, Message, PlatformAttempt, PlatformMessage, Suppression
from portal.tenants import wall
from portal.tenants.admin import LedgerAdmin

LISTED = ("subject", "to", "state", "attempts", "created_at", "sent_at")


class TryLines(admin.TabularInline):  # type: ignore[type-arg]
    fields = readonly_fields = ("number", "started_at", "ended_at", "outcome", "reply")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AttemptLines(TryLines):
    model = Attempt


class PlatformAttemptLines(TryLines):
    model = PlatformAttempt


@admin.register(PlatformMessage)
class PlatformMessagePages(admin.ModelAdmin):  # type: ignore[type-arg]
    """Without their texts: these hold links that open an account."""

    list_display = LISTED
    list_filter = ("state", "language")
    date_hierarchy = "created_at"
    fields = (*LISTED, "last_reply", "next_attempt_at", "language", "reference", "message_id")
    inlines = (PlatformAttemptLines,)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Message)
class MessagePages(LedgerAdmin):
    list_display = LISTED
    list_filter = ("state", "language")
    date_hierarchy = "created_at"
    fields = (*LISTED, "last_reply", "next_attempt_at", "language", "reference", "message_id", "text")
    inlines = (AttemptLines,)
    actions = ("send_again",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the text where it holds a secret, which opens something."""
        fields = super().get_fields(request, obj)
        return [name for name in fields if name != "text"] if obj is not None and obj.holds_secret else fields

    @admin.action(description=_("Send again what failed or is unknown"), permissions=["view"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        """What is unknown may have arrived already; that is why only a person does this."""
        count = 0
        for message in queryset:
            with wall.tenant(message.tenant_id):
                if post.send_again(message.pk):
                    self.log_change(request, message, "sent again")
                    count += 1
        text = ngettext("%(count)s message will be sent again.", "%(count)s messages will be sent again.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS if count else messages.WARNING)


@admin.register(Suppression)
class SuppressionPages(LedgerAdmin):
    list_display = ("address", "reason", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
