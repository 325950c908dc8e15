"""The base of admin pages about tenants' rows.

The console (``portal.accounts.console``) opens all tenants for its pages. A page about one row closes that again to the
row's own tenant, so its choices, its checks and whatever it saves are that tenant's by the wall itself.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, cast

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from portal.django_inside import CheckingForm
from portal.tenants import wall
from portal.tenants.base import TenantModel
from portal.tenants.models.tenants import Tenant
from portal.tenants.saved import changes_of


class _Console(Protocol):
    def note(
        self,
        request: HttpRequest,
        action: str,
        tenant_id: int | None,
        about: Mapping[str, str | int],
        changes: Any = None,
    ) -> None:
        """Keep in the tenant's audit, or for None in the platform's, what an administrator did to a row."""


class _TenantFilter(admin.RelatedFieldListFilter):
    """By tenant, under the word for it in the reader's language; the field itself has a name in none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = Tenant._meta.verbose_name


class NotedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Whatever is saved here is told to the audit, with what changed (``portal.tenants.saved``)."""

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        form.instance.told = changes_of(form, formsets or (), is_new=add)  # for the entry that follows
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.note(request, "admin.added", obj, getattr(obj, "told", None))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.note(request, "admin.changed", obj, getattr(obj, "told", None))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for row in queryset:
            self.note(request, "admin.deleted", row)
        return super().log_deletions(request, queryset)

    def note(self, request: HttpRequest, action: str, row: models.Model, changes: Any = None) -> None:
        """Tell the audit what happens to ``row``; ``changes`` as the audit takes them."""
        about = {"table": row._meta.label_lower, "row": str(row.pk)}
        cast("_Console", self.admin_site).note(request, action, self.whose_audit(row), about, changes)

    def whose_audit(self, row: Any) -> int | None:
        """The tenant that is told; None: the platform alone."""
        return None


class TenantAdmin(NotedAdmin):
    """Lists across tenants, everything else within one. A new row asks for its tenant first."""

    show_full_result_count = False
    list_per_page = 50
    list_select_related: ClassVar[Any] = ()  # beyond the keys that the list shows, which come along anyway

    def get_list_display(self, request: HttpRequest) -> Any:
        return ("whose", *super().get_list_display(request))

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        return super().get_list_display_links(request, list_display[1:])

    def get_list_filter(self, request: HttpRequest) -> Any:
        return (("tenant", _TenantFilter), *super().get_list_filter(request))

    def get_list_select_related(self, request: HttpRequest) -> Any:
        keys = {field.name for field in self.opts.concrete_fields if field.is_relation}
        return ("tenant", *self.list_select_related, *keys.intersection(self.get_list_display(request)))

    @admin.display(description=Tenant._meta.verbose_name, ordering="tenant")
    def whose(self, row: Any) -> str:
        return str(row.tenant)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """By what the list offers alone: a filter on a key's digest or a sealed token would tell it letter by letter."""
        offered = {each[0] if isinstance(each, tuple) else each for each in self.get_list_filter(request)}
        named = lookup.split("__")[0] in {*offered, self.date_hierarchy}
        return named and super().lookup_allowed(lookup, value, request)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        base = super().get_form(request, obj, change, **kwargs)
        return type(base.__name__, (_WithinTenant, base), {}) if obj is None else base

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        if object_id is None and self.has_add_permission(request):
            tenant = self.chosen_tenant(request)
            if tenant is None:
                return self.ask_for_tenant(request)
            extra_context = {"title": f"{capfirst(self.opts.verbose_name)} · {tenant}"} | (extra_context or {})
            return _within(tenant.pk, lambda: self._form_view(request, None, form_url, extra_context))
        return self._within_tenant_of(
            request, object_id, lambda: self._form_view(request, object_id, form_url, extra_context)
        )

    def _form_view(self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any) -> Any:
        row = self.get_object(request, object_id) if object_id is not None else None
        if row is not None or object_id is None:
            self.before_form(request, row)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def before_form(self, request: HttpRequest, obj: Any) -> None:
        """Called behind the row's wall before the page's transaction begins; a new row has none yet."""

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        view = super().delete_view
        return self._within_tenant_of(request, object_id, lambda: view(request, object_id, extra_context))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        view = super().history_view
        return self._within_tenant_of(request, object_id, lambda: view(request, object_id, extra_context))

    def whose_audit(self, row: TenantModel) -> int:
        return row.tenant_id

    def _within_tenant_of(
        self, request: HttpRequest, object_id: str | None, view: Callable[[], HttpResponseBase]
    ) -> HttpResponseBase:
        row: Any = self.get_object(request, object_id) if object_id is not None else None
        # Without a row Django's own view answers that there is none.
        return view() if row is None else _within(row.tenant_id, view)

    @staticmethod
    def chosen_tenant(request: HttpRequest) -> Tenant | None:
        """Whom the address names."""
        return Tenant.objects.filter(pk=_number(request.GET.get("tenant"))).first()

    def ask_for_tenant(self, request: HttpRequest) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Whose is it?"),
            "opts": self.opts,
            "choices": Tenant.objects.all(),
        }
        return TemplateResponse(request, "admin/choose_tenant.html", context)


class LedgerAdmin(TenantAdmin):
    """Rows that tell what happened: to be read, never written."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _WithinTenant(CheckingForm):
    """A form of a new row: the row is the active tenant's before anything is checked."""

    checked = frozenset({"tenant"})  # each of our constraints begins with it

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.tenant_id = wall.current()


def _within(tenant_id: int, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    with wall.tenant(tenant_id):
        response = view()
        if isinstance(response, SimpleTemplateResponse):
            response.render()
    return response


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0
