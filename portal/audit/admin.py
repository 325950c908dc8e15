"""The audit as administrators read it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from portal.audit.models import Entry, PlatformEntry
from portal.tenants.admin import LedgerAdmin
from portal.tenants.times import TimesInUtc

_SHOWN = ("at", "action", "user_id", "about", "address")


@admin.register(Entry)
class EntryPages(LedgerAdmin):
    list_display = _SHOWN
    fields = (*_SHOWN, "key_id")
    list_filter = ("action",)
    date_hierarchy = "at"


@admin.register(PlatformEntry)
class PlatformEntryPages(TimesInUtc, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = _SHOWN
    fields = _SHOWN
    list_filter = ("action",)
    date_hierarchy = "at"
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
