"""Console pages about tenants and people."""

from smtplib import SMTPException
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.accounts.keys import NewKey, issue_key, revoke_key
from portal.accounts.members import send_invitation
from portal.tenants.admin import TenantAdmin
from portal.tenants.guards import members_tenants
from portal.tenants.models.grants import Grant, GrantEnvironment
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Environment, Tenant


@admin.register(Tenant)
class TenantPages(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "slug", "zone", "language", "active", "created_at")
    list_filter = ("active",)
    search_fields = ("name", "slug")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # closing is what "active" is for; history stays


@admin.register(User)
class UserPages(admin.ModelAdmin):  # type: ignore[type-arg]
    """For superusers: whoever may write people may make himself one. Passwords are chosen by mail, never here."""

    list_display = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    fields = ("email", "name", "language", "is_active", "is_staff", "is_superuser", "last_login", "date_joined")
    readonly_fields = ("last_login", "date_joined")
    actions = ("invite",)

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
        sent = 0
        for user in queryset.filter(is_active=True):
            tenants = members_tenants(user)
            try:
                send_invitation(user, tenants[0] if tenants else None)
            except (OSError, SMTPException) as error:
                problem = _("The mail could not be sent (%(error)s).") % {"error": type(error).__name__}
                self.message_user(request, problem, messages.ERROR)
                return
            sent += 1
        notice = ngettext("%(count)d link was mailed.", "%(count)d links were mailed.", sent) % {"count": sent}
        self.message_user(request, notice, messages.SUCCESS)


@admin.register(Environment)
class EnvironmentPages(TenantAdmin):
    list_display = ("name", "provider", "retired_at", "created_at")
    list_filter = ("provider",)
    search_fields = ("name",)
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

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        if not change:
            obj.grant = Grant.objects.create(tenant=obj.tenant, sees_numbers=obj.role == Role.OWNER)
        super().save_model(request, obj, form, change)


class GrantEnvironments(admin.TabularInline):  # type: ignore[type-arg]
    model = GrantEnvironment
    extra = 0
    fields = ("environment",)


@admin.register(Grant)
class GrantPages(TenantAdmin):
    """What members and keys may see. A grant comes and goes with its holder."""

    list_display = ("holder", "all_environments", "sees_numbers")
    list_select_related = ("membership__user", "api_key")
    fields = ("holder", "all_environments", "sees_numbers", "agent_keys")
    readonly_fields = ("holder",)
    inlines = (GrantEnvironments,)

    @admin.display(description=gettext_lazy("held by"))
    def holder(self, grant: Grant) -> str:
        for name in ("membership", "api_key"):
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
        return () if obj is None else ("hint", "environment", "grant", "created_at", "last_used_at", "revoked_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # revoked keys stay, for the audit names them

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        new_key = NewKey(name=obj.name, role=Role(obj.role), environment=obj.environment, expires_at=obj.expires_at)
        key, secret = issue_key(obj.tenant, new_key, by=request.user)
        obj.pk, obj.public_id, obj._state.adding = key.pk, key.public_id, False
        notice = _("The key, shown this once: %(secret)s") % {"secret": secret}
        self.message_user(request, notice, messages.WARNING)

    @admin.action(description=gettext_lazy("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            revoke_key(key, by=request.user)
