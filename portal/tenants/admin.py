"""The base of admin pages about tenants' rows.

The console (``portal.accounts.console``) opens all tenants for its pages. A page about one row closes that again to the
row's own tenant, so its choices, its checks and whatever it saves are that tenant's by the wall itself.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ClassVar, Protocol, cast

from django.contrib import admin, messages
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.django_inside import CheckingForm
from portal.lib.ids import uuid7
from portal.tenants import wall
from portal.tenants.base import TenantModel
from portal.tenants.models.tenants import Tenant
from portal.tenants.saved import changes_of
from portal.tenants.times import TimesInUtc

_NAMED = 20  # rows that a page which confirms an action names
_POSTED = ("action", "select_across", "index", "_selected_action")  # as Django's lists send an action


class _Console(Protocol):
    def note(
        self,
        request: HttpRequest,
        action: str,
        tenant_id: int | None,
        about: Mapping[str, str | int],
        changes: Any = None,
    ) -> None:
        """Keep in the tenant's audit, or the platform's own, what an administrator did to a row of its."""

    def is_visiting(self, request: HttpRequest, tenant_id: int) -> bool:
        """Whether the administrator's visit of that tenant is open."""


class _TenantFilter(admin.RelatedFieldListFilter):
    """By tenant, under the word for it in the reader's language; the field itself has a name in none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = Tenant._meta.verbose_name


class NotedAdmin(TimesInUtc, admin.ModelAdmin):  # type: ignore[type-arg]
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
    personal: ClassVar[tuple[str, ...]] = ()  # fields that only a visit of the tenant shows
    list_select_related: ClassVar[Any] = ()  # beyond the keys that the list shows, which come along anyway

    def has_rerun_permission(self, request: HttpRequest) -> bool:
        """Whoever may change these rows; most are changed by no page of Django's."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        if obj is None or not self.personal or self._is_visiting(request, obj):
            return fields
        return [*(name for name in fields if name not in self.personal), "hidden"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *(("hidden",) if obj is not None and self.personal else ()))

    @admin.display(description=gettext_lazy("not shown"))
    def hidden(self, row: Any) -> str:
        """In the place of what holds words of people who called or were called."""
        where = reverse("admin:tenants_tenant_visit", args=[row.tenant_id])
        return format_html('<a href="{}">{}</a>', where, _("Texts of people are shown on a visit of the company."))

    def _is_visiting(self, request: HttpRequest, row: Any) -> bool:
        return cast("_Console", self.admin_site).is_visiting(request, row.tenant_id)

    def get_search_fields(self, request: HttpRequest) -> Any:
        return (*super().get_search_fields(request), "tenant__name")

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
        """By what the list offers alone: a filter on a sealed token, or on words that the page hides, would tell them
        letter by letter."""
        filters = [each[0] if isinstance(each, tuple) else each for each in self.get_list_filter(request)]
        offered = {getattr(each, "parameter_name", each) for each in filters}
        named = lookup.split("__")[0] in {*offered, self.date_hierarchy, "tenant", "id"}
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
        choices = [(f"?tenant={tenant.pk}", tenant.name) for tenant in Tenant.objects.all()]
        return self.choose(request, _("Which company is it for?"), choices, _("There is no tenant yet."))

    def choose(self, request: HttpRequest, title: str, choices: list[tuple[str, str]], none: str) -> HttpResponse:
        """A page that leads on by one of some (address, name); ``none`` is said where there is nothing to choose."""
        context = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, "choices": choices}
        return TemplateResponse(request, "admin/choose.html", context | {"none": none})


def rerun(words: Any, asked: str | Promise) -> Callable[[Callable[..., bool]], Any]:
    """Make an action of a list of what does one row's job again; ``asked`` is what the page that confirms it says.

    ``act(pages, request, row)`` runs behind the row's wall in a transaction, and says whether there was something to
    do: then the tenant's audit tells it.
    """

    def made(act: Callable[[Any, HttpRequest, Any], bool]) -> Any:
        @admin.action(description=words, permissions=["rerun"])
        @wraps(act)
        def run(pages: TenantAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            if "confirmed" not in request.POST:
                return confirm(pages, request, queryset, (words, asked))
            count = 0
            for row in queryset:
                with wall.tenant(row.tenant_id), transaction.atomic():
                    if act(pages, request, row):
                        pages.note(request, "admin.rerun", row)
                        count += 1
            level = messages.SUCCESS if count else messages.WARNING
            told = ngettext("%(count)s was asked for.", "%(count)s were asked for.", count) % {"count": count}
            pages.message_user(request, told, level)
            return None

        return run

    return made


def confirm(
    pages: admin.ModelAdmin,  # type: ignore[type-arg]
    request: HttpRequest,
    queryset: QuerySet[Any],
    words: tuple[str | Promise, str | Promise],
) -> HttpResponse:
    """The page that asks whether an action is meant; sent, it comes back with ``confirmed``."""
    context = {
        **pages.admin_site.each_context(request),
        "title": words[0],
        "asked": words[1],
        "opts": pages.opts,
        "count": queryset.count(),
        "chosen": [(getattr(row, "tenant", ""), row) for row in queryset[:_NAMED]],
        "press": uuid7(),  # tells one press of the button from the next
        "posted": {name: request.POST.getlist(name) for name in _POSTED if name in request.POST},
    }
    return TemplateResponse(request, "admin/confirm.html", context)


def noted(pages: Any, request: HttpRequest, action: str, about: Mapping[str, str | int]) -> None:
    """Keep in the platform's audit what was done to rows of no tenant."""
    cast("_Console", pages.admin_site).note(request, action, None, about)


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
