"""The administrators' console: Django's admin, opened across tenants in this one place, with an entry for each look."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.utils.translation import gettext_lazy as _

from portal.accounts.visits import is_visiting
from portal.audit.record import Changes, address_of, record
from portal.tenants import wall
from portal.tenants.guards import is_administrator

_OURS = {"portal", "sync", "reports"}
_SHOW_NO_ROWS = {"index", "app_list", "jsi18n", "login", "logout", "password_change", "password_change_done"}


class Console(admin.AdminSite):
    site_header = site_title = "Ringbook"
    index_title = _("Administration")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """As Django's, for pages of ours: other applications' pages about people would be a way round our rules."""
        models = [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable
        ours = [model for model in models if model.__module__.split(".")[0] in _OURS]
        super().register(ours, admin_class, **options)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def across(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with wall.every_tenant("the administrators' console"):
                if self.has_permission(request):
                    self._note_look(request)
                response: HttpResponseBase = inner(request, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse):
                    response.render()
            return response

        return across

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The one sign-in page, with its limits; somebody signed in who is no administrator is refused."""
        answer: HttpResponse = secure_admin_login(super().login)(request, extra_context=extra_context)
        return answer

    def has_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """A person's password is changed on his own page, wherever he asks."""
        return redirect("account_change_password")

    def note(
        self,
        request: HttpRequest,
        action: str,
        tenant_id: int | None,
        about: Mapping[str, str | int],
        changes: Changes | None = None,
    ) -> None:
        address = address_of(request)
        record(action, tenant_id=tenant_id, user=request.user, about=about, changes=changes, address=address)

    def is_visiting(self, request: HttpRequest, tenant_id: int) -> bool:
        return is_visiting(request.user, tenant_id)

    def _note_look(self, request: HttpRequest) -> None:
        match = request.resolver_match
        if match is None or match.url_name in _SHOW_NO_ROWS:
            return
        about = {"page": str(match.url_name)[:100], "method": str(request.method)}
        row = str(match.kwargs.get("object_id", ""))
        if row.replace("-", "").isalnum():
            about["row"] = row[:100]
        record("admin.opened", tenant_id=None, user=request.user, about=about, address=address_of(request))
