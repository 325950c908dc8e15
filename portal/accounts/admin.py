"""Console pages about tenants and people."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.accounts.brand_form import LogoForm
from portal.accounts.branding import note_brand
from portal.accounts.keys import NewKey, issue_key, revoke_key
from portal.accounts.members import remove_at_console, revoke_excess
from portal.accounts.resets import send_first_link
from portal.accounts.visit_pages import visit_urls
from portal.outbox import server
from portal.tenants.admin import NotedAdmin, TenantAdmin
from portal.tenants.guards import members_tenants
from portal.tenants.models.grants import Grant, GrantEnvironment
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Environment, Tenant


@admin.register(Tenant)
class TenantPages(NotedAdmin):
    form = LogoForm
    list_display = ("name", "slug", "zone", "language", "active", "created_at")
    list_filter = ("active",)
    search_fields = ("name", "slug")
    change_form_template = "admin/tenants/tenant/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        return visit_urls(self) + super().get_urls()

    def whose_audit(self, row: Tenant) -> int:
        return row.pk

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        if "second_factor" in form.changed_data:
            obj.second_factor_since = timezone.now()
        super().save_model(request, obj, form, change)
        note_brand(form, by=request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # closing is what "active" is for; history stays


@admin.register(User)
class UserPages(NotedAdmin):
    """For superusers: whoever may write people may make himself one. Passwords are chosen by mail, never here."""

    list_display = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("email",)
    fields = ("email", "name", "language", "is_active", "is_staff", "is_superuser", "last_login", "date_joined")
    readonly_fields = ("last_login", "date_joined")
    actions = ("invite",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """By what the list shows alone: ``?password__startswith=`` would tell a hash letter by letter."""
        return lookup.split("__")[0] in self.list_filter and super().lookup_allowed(lookup, value, request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # "active" closes the account; what the person did stays told

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        obj.email = obj.email.lower()
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)

    @admin.action(description=gettext_lazy("Mail a link to choose a password"))
    def invite(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        people = list(queryset.filter(is_active=True))
        with transaction.atomic():
            for user in people:
                tenant = next(iter(members_tenants(user)), None)
                send_first_link(user, at=tenant)
        count = {"count": len(people)}
        notice = ngettext("%(count)d link is on its way.", "%(count)d links are on their way.", len(people)) % count
        self.message_user(request, server.promise(notice), messages.SUCCESS)


@admin.register(Environment)
class EnvironmentPages(TenantAdmin):
    list_display = ("name", "provider", "retired_at", "created_at")
    list_filter = ("provider",)
    search_fields = ("name", "public_id")
    readonly_fields = ("public_id", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # history hangs on it


@admin.register(Membership)
class MembershipPages(TenantAdmin):
    list_display = ("user", "role", "created_at")
    list_filter = ("role",)
    search_fields = ("user__email", "user__name")
    autocomplete_fields = ("user",)
    fields = ("user", "role", "grant", "created_at")
    readonly_fields = ("grant", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A place is nobody else's later: one person is taken out, and the other added."""
        return (*super().get_readonly_fields(request, obj), *(("user",) if obj is not None else ()))

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        if not change:
            obj.grant = Grant.objects.create(tenant=obj.tenant, sees_numbers=obj.role == Role.OWNER)
        super().save_model(request, obj, form, change)
        if change:
            revoke_excess(obj, by=request.user)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        remove_at_console(obj, by=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for row in list(queryset):
            remove_at_console(row, by=request.user)


class GrantEnvironments(admin.TabularInline):  # type: ignore[type-arg]
    model = GrantEnvironment
    extra = 0
    fields = ("environment",)


@admin.register(Grant)
class GrantPages(TenantAdmin):
    """What members and keys may see. A grant comes and goes with its holder."""

    list_display = ("holder", "all_environments", "sees_numbers")
    list_select_related = ("membership__user", "api_key", "invitation")
    fields = ("holder", "all_environments", "sees_numbers", "agent_keys")
    readonly_fields = ("holder",)
    inlines = (GrantEnvironments,)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if held_by := Membership.objects.filter(grant=form.instance).first():
            revoke_excess(held_by, by=request.user)

    @admin.display(description=gettext_lazy("held by"))
    def holder(self, grant: Grant) -> str:
        for name in ("membership", "api_key", "invitation"):
            related = getattr(grant, name, None)
            if related is not None:
                return str(related)
        return "–"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for row in formset.save(commit=False):
            row.tenant_id = form.instance.tenant_id
            row.save()
        for row in formset.deleted_objects:
            row.delete()


@admin.register(ApiKey)
class ApiKeyPages(TenantAdmin):
    list_display = ("name", "hint", "role", "environment", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("role",)
    search_fields = ("name", "hint")
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("name", "role", "environment", "expires_at")
        return ("name", "role", "expires_at", *self.get_readonly_fields(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        return self.in_utc(("hint", "environment", "grant", "made_by", "created_at", "last_used_at", "revoked_at"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # revoked keys stay, for the audit names them

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        new_key = NewKey(name=obj.name, role=Role(obj.role), environment=obj.environment, expires_at=obj.expires_at)
        key, secret = issue_key(obj.tenant, new_key, by=request.user)
        obj.pk, obj.public_id, obj._state.adding = key.pk, key.public_id, False
        issued: Any = request
        issued.new_secret = secret  # for response_add alone

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """The secret stands in this very answer: a message would be kept in a cookie or a session until it is read."""
        issued: Any = request
        context = {
            **self.admin_site.each_context(request),
            "title": _("The new API key"),
            "opts": self.opts,
            "key": obj,
            "secret": issued.new_secret,
        }
        return TemplateResponse(request, "admin/tenants/apikey/issued.html", context)

    @admin.action(description=gettext_lazy("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            revoke_key(key, by=request.user)
