"""Erasures as administrators see them: that they are owed or done, never whose."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.privacy.models import Erasure
from portal.tenants.admin import LedgerAdmin, rerun
from reports.privacy.tasks import hint


class DoneFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "done"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("owed")), ("yes", _("done"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() is None else queryset.filter(done_at__isnull=self.value() == "no")


@admin.register(Erasure)
class ErasurePages(LedgerAdmin):
    list_display = ("public_id", "reason", "asked_at", "done_at", "attempts", "calls", "texts")
    fields = ("public_id", "reason", "asked_by", "asked_at", "attempts", "claimed_until", "calls", "texts", "done_at")
    list_filter = (DoneFilter,)
    date_hierarchy = "asked_at"
    actions = ("do_now",)

    @rerun(_("Do it now"), _("A worker goes on with each of these at once, from where the last one ended."))
    def do_now(self, request: HttpRequest, row: Erasure) -> bool:
        if row.done_at is not None:
            return False
        transaction.on_commit(partial(hint, row.tenant_id, row.pk))
        return True
