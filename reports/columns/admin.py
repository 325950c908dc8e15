"""Column files as administrators see them: how far an environment's calls stand in them, and making them anew."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.tenants.admin import LedgerAdmin, rerun
from portal.work.hints import hint
from reports.columns.models import ColumnFile, ColumnLedger
from reports.columns.sweep import mark_days
from reports.columns.tasks import refresh_one
from reports.definitions.periods import between
from sync.models.changes import DirtyDay


@admin.register(ColumnLedger)
class ColumnLedgerPages(LedgerAdmin):
    list_display = ("environment", "covers_from", "checked_at", "held_until", "owed")
    fields = list_display
    search_fields = ("environment__name",)
    actions = ("make_owed", "make_anew", "look_through")

    @admin.display(description=_("days owed"))
    def owed(self, row: ColumnLedger) -> int:
        return DirtyDay.objects.filter(environment_id=row.environment_id).count()

    @rerun(_("Make what is owed now"), _("Workers make the files of changed days at once, not at the next tick."))
    def make_owed(self, request: HttpRequest, row: ColumnLedger) -> bool:
        _hint(row)
        return True

    @rerun(
        _("Make all files anew"),
        _(
            "The files of all days are made anew from the mirror. Figures stay the same; until it is done"
            " pages may be slow."
        ),
    )
    def make_anew(self, request: HttpRequest, row: ColumnLedger) -> bool:
        for file in ColumnFile.objects.filter(environment_id=row.environment_id, retired_at=None):
            mark_days(row.environment, between(file.first_day, file.last_day))
        _hint(row)
        return True

    @rerun(_("Look through the files"), _("Each file is compared with what its row says; a broken one is made anew."))
    def look_through(self, request: HttpRequest, row: ColumnLedger) -> bool:
        return bool(ColumnLedger.objects.filter(pk=row.pk).update(checked_at=None))


def _hint(row: Any) -> None:
    transaction.on_commit(partial(hint, refresh_one, row.tenant_id, expires=60))
