"""Export schedules, destinations and what was handed over, as administrators see them: to be read, not written."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.tenants.admin import LedgerAdmin, rerun
from reports.handover.models import Destination, ExportSchedule, FileReader, Handover
from reports.handover.rows import begin_again


@admin.register(Destination)
class DestinationPages(LedgerAdmin):
    list_display = ("name", "kind", "host", "port", "bucket", "removed_at")
    list_filter = ("kind",)
    search_fields = ("name", "host")
    exclude = ("secret", "private_key")


@admin.register(ExportSchedule)
class ExportSchedulePages(LedgerAdmin):
    list_display = ("name", "what", "format", "kind", "way", "active", "suspended_at", "next_due", "removed_at")
    list_filter = ("what", "way", "active")
    search_fields = ("name",)
    personal = ("query",)


@admin.register(FileReader)
class FileReaderPages(LedgerAdmin):
    list_display = ("user", "schedule")
    search_fields = ("user__email",)


@admin.register(Handover)
class HandoverPages(LedgerAdmin):
    list_display = ("due_at", "schedule", "period_start", "state", "reason", "tries", "complete", "finished_at")
    list_filter = ("state",)
    list_select_related = ("schedule",)
    date_hierarchy = "due_at"
    actions = ("run_again",)

    @rerun(_("Make and hand over once more"), _("The file is made anew from the data of now."))
    def run_again(self, request: HttpRequest, row: Any) -> bool:
        return row.schedule.removed_at is None and begin_again(row)
