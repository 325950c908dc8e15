"""What members keep, and links to it, as administrators see it: to be read, taken away and revoked, never written."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.tenants import wall
from portal.tenants.admin import LedgerAdmin, confirm
from reports.saved import share_links
from reports.saved.keeping import take_away
from reports.saved.models import Board, FrameHost, SavedView, ShareLink


class KeptPages(LedgerAdmin):
    """What may be deleted; its links go with it, and are named on the page that asks."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Links alone are revoked; with what they open they go."""
        named, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return named, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with wall.tenant(obj.tenant_id):
            take_away(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in list(queryset):
            self.delete_model(request, row)


@admin.register(SavedView)
class SavedViewPages(KeptPages):
    list_display = ("name", "page", "owner", "shared", "changed_at")
    list_filter = ("page", "shared")
    search_fields = ("name", "owner__email")
    personal = ("query",)


@admin.register(Board)
class BoardPages(KeptPages):
    list_display = ("name", "owner", "shared", "opens", "changed_at")
    list_filter = ("shared", "opens")
    search_fields = ("name", "owner__email")


@admin.register(ShareLink)
class ShareLinkPages(LedgerAdmin):
    """Never the address of one, which nobody knows here, nor its password."""

    list_display = ("created_at", "view", "board", "maker", "state", "guarded", "embeds", "any_period", "expires_at")
    list_filter = ("embeds", "any_period")
    search_fields = ("view__name", "board__name", "maker__email")
    fields = (
        "view",
        "board",
        "maker",
        "grant",
        "state",
        "guarded",
        "embeds",
        "any_period",
        "created_at",
        "expires_at",
        "revoked_at",
    )
    readonly_fields = ("state", "guarded", "created_at")
    actions = ("revoke",)

    @admin.display(description=gettext_lazy("state"))
    def state(self, link: ShareLink) -> str:
        return str(share_links.STATES[share_links.state_of(link, timezone.now())])

    @admin.display(description=gettext_lazy("password"), boolean=True)
    def guarded(self, link: ShareLink) -> bool:
        return bool(link.password)

    @admin.action(description=gettext_lazy("Revoke"), permissions=["rerun"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ShareLink]) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            asked = gettext_lazy("The links open nothing from then on, and stay in the list.")
            return confirm(self, request, queryset, (gettext_lazy("Revoke"), asked))
        count = 0
        user: Any = request.user
        for link in queryset:
            with wall.tenant(link.tenant_id), transaction.atomic():
                count += share_links.revoke_at_console(link, by=user)
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, _("Revoked: %(count)s.") % {"count": count}, level)
        return None


@admin.register(FrameHost)
class FrameHostPages(LedgerAdmin):
    list_display = ("host",)
    search_fields = ("host",)
