"""Console pages about the mirror: connections, and the ledger of what was read."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from portal.accounts.admin import EnvironmentPages
from portal.audit.record import address_of
from portal.lib.outward.trials import TESTS
from portal.tenants import wall
from portal.tenants.admin import LedgerAdmin, TenantAdmin, rerun
from portal.tenants.models.tenants import Environment
from sync.budget import note_request
from sync.bulk_pages import answer_to, template_file
from sync.connection_acts import By
from sync.connection_form import ConnectionForm
from sync.connection_forms import console_form, setting_fields
from sync.connections import (
    READ,
    TRIAL_SECONDS,
    TokenSealed,
    change_token,
    check_connection,
    explain,
    is_token_shared,
    note_tested,
)
from sync.models.connections import Connection, ConnectionState
from sync.models.quarantine import Quarantine
from sync.models.runs import Gap, Run, Window
from sync.providers import registry
from sync.providers.base import Provider
from sync.providers.errors import UpstreamError
from sync.quarantine_pages import QuarantinePages
from sync.rerun import request_part, request_run
from sync.standing import standings

_VENDORS = [provider.key for provider in registry.PROVIDERS]


class VendorFilter(admin.SimpleListFilter):
    title = gettext_lazy("vendor")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(provider.key, provider.label) for provider in registry.PROVIDERS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() is None else queryset.filter(provider=self.value())


@admin.display(description=gettext_lazy("vendor"), ordering="provider")
def vendor(row: Environment | Connection) -> str:
    return registry.get(row.provider).label if row.provider in _VENDORS else row.provider


class VendorsEnvironments(EnvironmentPages):
    """The vendor is chosen among those there are, and stays once the environment is connected."""

    def get_list_display(self, request: HttpRequest) -> Any:
        return tuple(vendor if name == "provider" else name for name in super().get_list_display(request))

    def get_list_filter(self, request: HttpRequest) -> Any:
        return tuple(VendorFilter if name == "provider" else name for name in super().get_list_filter(request))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "provider":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        vendors = [(provider.key, provider.label) for provider in registry.PROVIDERS]
        return forms.ChoiceField(choices=vendors, label=capfirst(db_field.verbose_name))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        kept = super().get_readonly_fields(request, obj)
        connected = obj is not None and Connection.objects.filter(environment=obj).exists()
        return (*kept, "provider") if connected else kept


def _named(environment: Environment) -> str:
    return f"{environment.name} · {registry.get(environment.provider).label}"


admin.site.unregister(Environment)
admin.site.register(Environment, VendorsEnvironments)


class ConnectionList(ChangeList):
    """Brings each row of the page its standing, all of them in a few queries."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        by_connection = standings(self.result_list)
        for row in self.result_list:
            row.standing = by_connection[row.pk]


@admin.register(Connection)
class ConnectionPages(TenantAdmin):
    change_form_template = "admin/sync/connection/change_form.html"
    list_display = ("environment", "standing", vendor, "base_url", "since")
    list_filter = (VendorFilter, "state")
    search_fields = ("environment__name", "base_url")
    actions = ("check_now", "read_now")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        # A token that no key opens must not close the page on which it can be replaced.
        rows: QuerySet[Connection] = super().get_queryset(request).defer("token")
        return rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ConnectionList

    @admin.display(description=Connection._meta.get_field("state").verbose_name)
    def standing(self, row: Connection) -> str:
        return str(getattr(row, "standing", None) or standings([row])[row.pk])

    def _form_view(self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any) -> Any:
        """A new one is of an environment, which says what its vendor asks for."""
        if object_id is None and self.has_add_permission(request) and self._environment(request) is None:
            rows = Environment.objects.filter(connection=None, retired_at=None, provider__in=_VENDORS)
            tenant = request.GET.get("tenant", "")
            choices = [(f"?{urlencode({'tenant': tenant, 'environment': row.pk})}", _named(row)) for row in rows]
            none = _("Every environment of this company is connected. Add one first.")
            return self.choose(request, _("Which environment does it fill?"), choices, none)
        return super()._form_view(request, object_id, form_url, extra_context)

    def _environment(self, request: HttpRequest) -> Environment | None:
        """The one that a new connection is to fill, of the tenant whose wall is open."""
        key = request.POST.get("environment") or request.GET.get("environment", "")
        known = Environment.objects.filter(provider__in=_VENDORS)
        return known.filter(pk=int(key)).first() if key.isascii() and key.isdecimal() and len(key) < 19 else None

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        chosen = self._environment(request) if db_field.name == "environment" else None
        if chosen is not None:
            kwargs |= {"queryset": Environment.objects.filter(pk=chosen.pk), "initial": chosen.pk, "empty_label": None}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _provider(self, request: HttpRequest, obj: Connection | None) -> Provider | None:
        """The vendor whose settings the form has fields for; None where that is not known, or nobody's any more."""
        row = self._environment(request) if obj is None else obj
        return registry.get(row.provider) if row is not None and row.provider in _VENDORS else None

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        provider = self._provider(request, obj)
        settings = ("settings", *(setting_fields(provider) if provider is not None else ()))
        written = ("base_url", "new_token", *settings, "since", "sure", "rate_per_minute")
        if obj is None:
            return ("environment", *written, "untested")
        return (*self.get_readonly_fields(request, obj), *written, "paused", "untested")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        return self.in_utc(("environment", "provider", "standing", "tested_at", "token_changed_at", "created_at"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # its runs would go with it; "paused" stops it

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        provider = self._provider(request, obj)
        base = ConnectionForm if provider is None else console_form(provider)
        form = super().get_form(request, obj, change, form=base, **kwargs)
        form.refusal = getattr(request, "refusal", None)  # a class of this request's own
        return form

    def before_form(self, request: HttpRequest, obj: Any) -> None:
        """Test what was sent, before the page's transaction begins: a vendor may take its time to answer."""
        may = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        if request.method != "POST" or not may:
            return
        form = self.get_form(request, obj, change=obj is not None)(request.POST, instance=obj)
        if form.is_valid() and form.needs_test:
            request.refusal = form.tested()  # type: ignore[attr-defined]

    def save_model(self, request: HttpRequest, obj: Connection, form: Any, change: bool) -> None:
        cleaned = form.cleaned_data
        if change:
            paused = self._pause(obj, form) if "paused" in form.changed_data else ()
            obj.save(update_fields=["base_url", "settings", "since", "rate_per_minute", *paused])
            if form.moves:
                hosts = {name: pair for name, pair in form.moves.items() if name == "host"}
                self.note(request, "connection.moved", obj, hosts)
        else:
            super().save_model(request, obj, form, change)
            if form.is_proven:
                note_request(obj)
        if cleaned["new_token"]:
            self._change_token(request, obj, cleaned["new_token"], change=change)
        if form.is_proven is None:
            return
        note_tested(obj, well=form.is_proven)
        if obj.state != ConnectionState.PAUSED:
            request_run(obj)

    def _pause(self, obj: Connection, form: Any) -> tuple[str, ...]:
        obj.state = ConnectionState.PAUSED if form.cleaned_data["paused"] else ConnectionState.UNTESTED
        obj.state_since = timezone.now()
        return ("state", "state_since")

    def _change_token(self, request: HttpRequest, obj: Connection, token: str, *, change: bool) -> None:
        used = is_token_shared(obj.provider, token)
        change_token(obj, token, check=False)
        self.note(request, "connection.token_changed" if change else "connection.created", obj)
        if used:
            notice = _("A connection uses this token already. Both share the vendor's limit of requests.")
            self.message_user(request, notice, messages.WARNING)

    def get_urls(self) -> list[URLPattern]:
        def below(name: str) -> Any:
            return self.admin_site.admin_view(require_POST(getattr(self, f"{name}_view")))

        own = [
            path(f"<int:object_id>/{name}/", below(name), name=f"sync_connection_{name}") for name in ("check", "read")
        ]
        many = [
            path("many/", self.admin_site.admin_view(self.many_view), name="sync_connection_many"),
            path("many/template.csv", self.admin_site.admin_view(self.template_view), name="sync_connection_template"),
        ]
        return own + many + super().get_urls()

    def many_view(self, request: HttpRequest) -> HttpResponse:
        """Environments of one tenant from a file, as on the tenant's own page."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        tenant = self.chosen_tenant(request)
        if tenant is None:
            return self.ask_for_tenant(request)
        with wall.tenant(tenant):
            context = {
                **self.admin_site.each_context(request),
                "title": f"{_('Add many from a file')} · {tenant}",
                "opts": self.opts,
                "template": reverse("admin:sync_connection_template"),
            } | answer_to(request, tenant, By(request.user, address_of(request)))
            return TemplateResponse(request, "admin/sync/connection/many.html", context).render()

    def template_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return template_file()

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
                with TESTS.take(connection.tenant_id, seconds=TRIAL_SECONDS):
                    check_connection(connection)
                if connection.state == ConnectionState.OK:
                    request_run(connection)
        except TokenSealed as error:
            self.message_user(request, f"{name}: {error}", messages.ERROR)
        except UpstreamError as error:
            self.message_user(request, f"{name}: {explain(error)}", messages.ERROR)
        else:
            self.message_user(request, _("%(name)s works.") % {"name": name}, messages.SUCCESS)
        self.note(request, "connection.tested", connection)

    def _read(self, request: HttpRequest, connection: Connection) -> None:
        with wall.tenant(connection.tenant_id), transaction.atomic():
            request_run(connection)
            self.note(request, "connection.read_again", connection)
        notice = _("%(name)s will be read again at once.") % {"name": connection}
        self.message_user(request, notice, messages.SUCCESS)


_AGAIN = gettext_lazy("Read again")
_READ_ASKED = gettext_lazy(
    "The vendor is asked for these again at once. What is mirrored already stays, and is not counted twice."
)


@admin.register(Run)
class RunPages(LedgerAdmin):
    actions = ("read_again",)
    search_fields = ("environment__name",)
    list_display = ("environment", "stream", "state", "started_at", "finished_at", "seen", "new", "changed", "fault")
    list_filter = ("state", "stream", "fault")
    date_hierarchy = "started_at"

    @rerun(_AGAIN, _READ_ASKED)
    def read_again(self, request: HttpRequest, row: Run) -> bool:
        connection = Connection.objects.defer("token").filter(pk=row.connection_id, state__in=READ).first()
        if connection is not None:
            request_run(connection)
        return connection is not None


@admin.register(Window)
class WindowPages(LedgerAdmin):
    actions = ("read_again",)
    list_display = ("environment", "stream", "part", "state", "mirrored", "vendor_total", "read_at", "fault")
    list_filter = ("state", "stream", "fault")
    search_fields = ("part", "environment__name")
    ordering = ("-id",)

    @rerun(_AGAIN, _READ_ASKED)
    def read_again(self, request: HttpRequest, row: Window) -> bool:
        return request_part(row)


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
    search_fields = ("part", "environment__name")
    actions = ("read_again",)

    @rerun(_AGAIN, _READ_ASKED)
    def read_again(self, request: HttpRequest, row: Gap) -> bool:
        return request_part(row)


admin.site.register(Quarantine, QuarantinePages)
