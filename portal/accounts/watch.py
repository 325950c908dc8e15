"""Turns Django's and allauth's own signals about people into audit entries."""

from typing import Any

from allauth.account.signals import password_changed, password_reset
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from portal.audit.record import address_of, record
from portal.tenants.guards import members_tenants
from portal.tenants.models.people import User


def connect() -> None:
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")
    password_changed.connect(_password_changed, dispatch_uid="audit")
    password_reset.connect(_password_changed, dispatch_uid="audit")


def record_person(action: str, user: User, request: HttpRequest | None) -> None:
    """One entry in each of the person's tenants, so that every owner may read it; without any, the platform's."""
    tenant_ids: list[int | None] = [tenant.pk for tenant in members_tenants(user)]
    for tenant_id in tenant_ids or [None]:
        record(action, tenant_id=tenant_id, user=user, address=address_of(request))


def _signed_in(sender: Any, request: HttpRequest | None = None, user: Any = None, **_: Any) -> None:
    record_person("person.signed_in", user, request)


def _signed_out(sender: Any, request: HttpRequest | None = None, user: Any = None, **_: Any) -> None:
    if user is not None:
        record_person("person.signed_out", user, request)


def _password_changed(sender: Any, request: HttpRequest | None = None, user: Any = None, **_: Any) -> None:
    record_person("person.password_changed", user, request)


def _failed(sender: Any, credentials: Any = None, request: HttpRequest | None = None, **_: Any) -> None:
    """The same work whether the address is anybody's or not, so that the time taken tells nothing."""
    email = str((credentials or {}).get("email") or (credentials or {}).get("username") or "")
    user = User.objects.filter(email__iexact=email[:254]).only("pk").first()
    record("person.sign_in_failed", tenant_id=None, user=user, address=address_of(request))
