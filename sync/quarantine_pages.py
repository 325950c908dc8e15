"""Console pages about elements that could not be read: what they are, and what an administrator does about them."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from portal.audit.record import address_of
from portal.logs import redact
from portal.tenants import wall
from portal.tenants.admin import LedgerAdmin
from sync.models.quarantine import ACCEPTED, OPEN, Quarantine
from sync.reading.quarantine import LONGEST_NOTE, Refused, accept, reopen, reread

_STATES = {
    "open": (OPEN, gettext_lazy("open")),
    "accepted": (ACCEPTED, gettext_lazy("accepted as no call")),
    "released": (Q(released_at__isnull=False), gettext_lazy("released")),
}


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(key, label) for key, (_where, label) in _STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        state = _STATES.get(self.value() or "")
        return queryset if state is None else queryset.filter(state[0])


class NoteForm(forms.Form):
    note = forms.CharField(
        label=gettext_lazy("Note"),
        help_text=gettext_lazy("Why this is no call. It stays beside the element, with your name and the time."),
        max_length=LONGEST_NOTE,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60, "class": "vLargeTextField"}),
    )


class QuarantinePages(LedgerAdmin):
    change_form_template = "admin/sync/quarantine/change_form.html"
    list_display = ("environment", "day", "kind", "external_id", "why", "state", "last_seen_at")
    list_filter = (StateFilter, "environment", "kind", "stream")
    search_fields = ("external_id", "public_id")
    personal = ("shown", "note")
    fields = (
        "environment", "stream", "part", "day", "kind", "external_id", "address", "why", "times", "state",
        "first_seen_at", "last_seen_at", "released_at", "accepted_at", "accepted_by", "note", "shown",
    )  # fmt: skip
    readonly_fields = ("address", "why", "state", "shown")
    ordering = ("-last_seen_at", "-id")
    actions = ("accept_chosen", "reread_chosen")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Quarantine]:
        rows: QuerySet[Quarantine] = super().get_queryset(request)
        # A raw text may be a megabyte, and a list shows fifty.
        return rows if request.resolver_match and "object_id" in request.resolver_match.kwargs else rows.defer("raw")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Whoever may change these rows; no page of Django's does."""
        return request.user.has_perm("sync.change_quarantine")

    @admin.display(description=gettext_lazy("raw text"))
    def shown(self, row: Quarantine) -> str:
        area = '<textarea class="vLargeTextField" rows="12" cols="80" readonly aria-label="{}">{}</textarea>'
        return format_html(area, _("raw text"), row.raw)

    @admin.display(description=gettext_lazy("ID"))
    def address(self, row: Quarantine) -> str:
        """What the commands call it."""
        return str(row.public_id)

    @admin.display(description=gettext_lazy("reason"))
    def why(self, row: Quarantine) -> str:
        """It may quote what the vendor said."""
        return redact(row.reason)

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: Quarantine) -> Any:
        state = "released" if row.released_at else "accepted" if row.accepted_at else "open"
        return _STATES[state][1]

    def get_urls(self) -> list[URLPattern]:
        acts = {"reopen": self._reopen, "reread": self._reread}
        own = [
            path(f"<int:object_id>/{name}/", self._view(act), name=f"sync_quarantine_{name}")
            for name, act in acts.items()
        ]
        return own + super().get_urls()

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        more = {"may_decide": self.has_decide_permission(request)}
        return super().change_view(request, object_id, form_url, more | (extra_context or {}))

    @admin.action(description=gettext_lazy("Accept as no call…"), permissions=["decide"])
    def accept_chosen(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> HttpResponse | None:
        """Asks for the note first, then accepts all that were chosen."""
        form = NoteForm(request.POST if "note" in request.POST else None)
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": _("Accept as no call"),
                "opts": self.opts,
                "note_form": form,
                "chosen": queryset.select_related("environment"),
            }
            return TemplateResponse(request, "admin/sync/quarantine/accept.html", context)
        for row in queryset.select_related("environment"):
            self._act(request, row, lambda row=row: self._accept(request, row, form.cleaned_data["note"]))  # type: ignore[misc]
        return None

    @admin.action(description=gettext_lazy("Read again"), permissions=["decide"])
    def reread_chosen(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> None:
        for row in queryset.defer(None).select_related("environment"):
            self._act(request, row, lambda row=row: self._reread(request, row))  # type: ignore[misc]

    def _view(self, act: Callable[[HttpRequest, Quarantine], None]) -> Any:
        def view(request: HttpRequest, object_id: int) -> HttpResponse:
            row = self.get_object(request, str(object_id))
            if row is None or not self.has_decide_permission(request):
                return redirect(reverse("admin:sync_quarantine_changelist"))
            self._act(request, row, lambda: act(request, row))
            return redirect(reverse("admin:sync_quarantine_change", args=[object_id]))

        return self.admin_site.admin_view(require_POST(view))

    def _act(self, request: HttpRequest, row: Quarantine, act: Callable[[], None]) -> None:
        with wall.tenant(row.tenant_id):
            try:
                act()
            except Refused as error:
                self.message_user(request, f"{row}: {error}", messages.ERROR)

    def _reopen(self, request: HttpRequest, row: Quarantine) -> None:
        reopen(row, user=request.user, address=address_of(request))
        self.message_user(request, _("%(element)s is open again.") % {"element": row}, messages.SUCCESS)

    def _accept(self, request: HttpRequest, row: Quarantine, note: str) -> None:
        accept(row, note, user=request.user, address=address_of(request))
        self.message_user(request, _("%(element)s is accepted as no call.") % {"element": row}, messages.SUCCESS)

    def _reread(self, request: HttpRequest, row: Quarantine) -> None:
        if reread(row, user=request.user, address=address_of(request)):
            self.message_user(request, _("%(element)s was read and is mirrored.") % {"element": row}, messages.SUCCESS)
        else:
            self.message_user(request, _("%(element)s still can't be read.") % {"element": row}, messages.WARNING)
