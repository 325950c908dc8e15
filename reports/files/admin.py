"""Files that were asked for, as administrators see them: that there are some, not what is in them."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.tenants.admin import LedgerAdmin, rerun
from reports.files import jobs
from reports.files.models import Export
from reports.files.tasks import hint


@admin.register(Export)
class ExportPages(LedgerAdmin):
    list_display = ("created_at", "what", "format", "user", "key", "state", "done", "bytes", "expires_at")
    list_filter = ("state", "what", "format")
    exclude = ("query", "subject", "facts", "file", "owner", "title", "name")  # whom it is about is its asker's to know
    search_fields = ("user__email",)
    date_hierarchy = "created_at"
    actions = ("make_again",)

    @rerun(_("Make again what failed"), _("Each file that failed is made once more for whoever asked for it."))
    def make_again(self, request: HttpRequest, row: Export) -> bool:
        return jobs.retry(row, hint)
