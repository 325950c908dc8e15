"""Files that were asked for, as administrators see them: that there are some, not what is in them."""

from django.contrib import admin

from portal.tenants.admin import LedgerAdmin
from reports.files.models import Export


@admin.register(Export)
class ExportPages(LedgerAdmin):
    list_display = ("created_at", "what", "format", "user", "key", "state", "done", "bytes", "expires_at")
    list_filter = ("state", "what", "format")
    exclude = ("query", "subject", "facts", "file", "owner")  # whom a file is about is its asker's to know
    date_hierarchy = "created_at"
