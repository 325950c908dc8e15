"""Console pages about the mirror: connections, and the ledger of what was read."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from portal.tenants import wall
from portal.tenants.admin import LedgerAdmin, TenantAdmin
from sync.connections import change_token, check_connection, explain, is_token_used
from sync.models.connections import Connection
from sync.models.quarantine import Quarantine
from sync.models.runs import Gap, Run, Window
from sync.providers import registry
from sync.providers.base import UpstreamError
from sync.rerun import request_run


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """The token goes in and never comes out: an empty field keeps the one there is."""

    base_url = forms.URLField(label=gettext_lazy("Base address"), max_length=300, assume_scheme="https")
    new_token = forms.CharField(
        label=gettext_lazy("Token"),
        required=False,
        strip=True,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Never shown again. Left empty, the present token stays."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.instance.pk and not cleaned.get("new_token"):
            self.add_error("new_token", _("A new connection needs a token."))
        environment = cleaned.get("environment") or (self.instance.pk and self.instance.environment)
        if environment:
            self._clean_settings(environment.provider, cleaned)
        return cleaned

    def clean_base_url(self) -> str:
        address = str(self.cleaned_data["base_url"]).rstrip("/")
        if not settings.UPSTREAM_ALLOW_PRIVATE and not address.startswith("https://"):
            raise ValidationError(_("The base address must begin with https://."))
        return address

    def _clean_settings(self, provider: str, cleaned: dict[str, Any]) -> None:
        try:
            cleaned["settings"] = registry.get(provider).check_settings(cleaned.get("settings") or {})
        except KeyError:
            self.add_error("environment", _("Nothing here reads that vendor."))
        except (ValueError, TypeError, AttributeError) as error:
            self.add_error("settings", str(error))


@admin.register(Connection)
class ConnectionPages(TenantAdmin):
    form = ConnectionForm
    change_form_template = "admin/sync/connection/change_form.html"
    list_display = ("environment", "provider", "base_url", "state", "since")
    list_filter = ("provider", "state")
    actions = ("check_now", "read_now")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        # A token that no key opens must not close the page on which it can be replaced.
        rows: QuerySet[Connection] = super().get_queryset(request).defer("token")
        return rows

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        written = ("base_url", "new_token", "settings", "since", "rate_per_minute")
        return (
            ("environment", *written) if obj is None else (*self.get_readonly_fields(request, obj), "state", *written)
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        return ("environment", "provider", "state_since", "token_changed_at", "blocked_until", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # its runs would go with it; "paused" stops it

    def save_model(self, request: HttpRequest, obj: Connection, form: Any, change: bool) -> None:
        token = form.cleaned_data["new_token"]
        if not change:
            obj.provider = obj.environment.provider
        super().save_model(request, obj, form, change)
        if not token:
            return
        used = is_token_used(obj.provider, token) if "new_token" in form.changed_data else False
        change_token(obj, token, check=False)
        self.note(request, "connection.token_changed" if change else "connection.created", obj)
        if used:
            told = _("A connection uses this token already. Both share the vendor's limit of requests.")
            self.message_user(request, told, messages.WARNING)

    def get_urls(self) -> list[URLPattern]:
        def below(name: str) -> Any:
            return self.admin_site.admin_view(require_POST(getattr(self, f"{name}_view")))

        own = [
            path(f"<int:object_id>/{name}/", below(name), name=f"sync_connection_{name}") for name in ("check", "read")
        ]
        return own + super().get_urls()

    def check_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._act(request, object_id, self._check)

    def read_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._act(request, object_id, self._read)

    @admin.action(description=gettext_lazy("Test"), permissions=["change"])
    def check_now(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        for connection in queryset.select_related("environment"):
            self._check(request, connection)

    @admin.action(description=gettext_lazy("Read again now"), permissions=["change"])
    def read_now(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        for connection in queryset.select_related("environment"):
            self._read(request, connection)

    def _act(self, request: HttpRequest, object_id: int, act: Any) -> HttpResponse:
        connection = self.get_object(request, str(object_id))
        if connection is None or not self.has_change_permission(request, connection):
            return redirect(reverse("admin:sync_connection_changelist"))
        act(request, connection)
        return redirect(reverse("admin:sync_connection_change", args=[object_id]))

    def _check(self, request: HttpRequest, connection: Connection) -> None:
        """Asks the vendor, so never within a transaction."""
        name = str(connection)
        try:
            with wall.tenant(connection.tenant_id):
                check_connection(connection)
        except UpstreamError as error:
            self.message_user(request, f"{name}: {explain(error)}", messages.ERROR)
        else:
            self.message_user(request, _("%(name)s works.") % {"name": name}, messages.SUCCESS)
        self.note(request, "connection.tested", connection)

    def _read(self, request: HttpRequest, connection: Connection) -> None:
        with wall.tenant(connection.tenant_id), transaction.atomic():
            request_run(connection)
            self.note(request, "connection.read_again", connection)
        told = _("%(name)s will be read again at once.") % {"name": connection}
        self.message_user(request, told, messages.SUCCESS)


@admin.register(Run)
class RunPages(LedgerAdmin):
    list_display = ("environment", "stream", "state", "started_at", "finished_at", "seen", "new", "changed", "fault")
    list_filter = ("state", "stream", "fault")
    date_hierarchy = "started_at"


@admin.register(Window)
class WindowPages(LedgerAdmin):
    list_display = ("environment", "stream", "part", "state", "mirrored", "vendor_total", "read_at", "fault")
    list_filter = ("state", "stream", "fault")
    search_fields = ("part",)
    ordering = ("-id",)


class OpenFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", gettext_lazy("open")), ("no", gettext_lazy("closed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() is None else queryset.filter(closed_at__isnull=self.value() == "yes")


@admin.register(Gap)
class GapPages(LedgerAdmin):
    list_display = ("environment", "stream", "part", "fault", "opened_at", "closed_at")
    list_filter = (OpenFilter, "stream", "fault")


@admin.register(Quarantine)
class QuarantinePages(LedgerAdmin):
    list_display = ("environment", "kind", "external_id", "reason", "first_seen_at", "last_seen_at", "released_at")
    list_filter = ("kind",)
    fields = ("environment", "kind", "external_id", "reason", "first_seen_at", "last_seen_at", "released_at", "shown")
    readonly_fields = ("shown",)
    ordering = ("-last_seen_at", "-id")

    @admin.display(description=gettext_lazy("raw text"))
    def shown(self, row: Quarantine) -> str:
        return format_html("<pre>{}</pre>", row.raw)
