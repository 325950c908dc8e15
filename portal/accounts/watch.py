"""Turns Django's and allauth's own signals about people into audit entries."""

from typing import Any

from allauth.account.signals import password_changed, password_reset
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from portal.accounts.admissions import keep
from portal.accounts.factors import due_for, look_up_again
from portal.accounts.notices import tell
from portal.accounts.sessions import end_sessions, note_sign_in
from portal.audit.record import address_of, record
from portal.tenants.guards import members_tenants
from portal.tenants.models.people import User


def connect() -> None:
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")
    password_changed.connect(_password_changed, dispatch_uid="audit")
    password_reset.connect(_password_changed, dispatch_uid="audit")
    authenticator_added.connect(_factor_added, dispatch_uid="audit")
    authenticator_removed.connect(_factor_removed, dispatch_uid="audit")
    authenticator_reset.connect(_codes_made, dispatch_uid="audit")


def record_person(action: str, user: User, request: HttpRequest | None) -> None:
    """One entry in each of the person's tenants, so that every owner may read it; without any, the platform's."""
    tenant_ids: list[int | None] = [tenant.pk for tenant in members_tenants(user)]
    for tenant_id in tenant_ids or [None]:
        record(action, tenant_id=tenant_id, user=user, address=address_of(request))


def _signed_in(sender: Any, request: HttpRequest | None = None, user: Any = None, **_: Any) -> None:
    by_provider = user.admission is not None and user.admission.held_to is not None
    record_person("person.signed_in_by_provider" if by_provider else "person.signed_in", user, request)
    if request is not None:
        keep(request, user)
        note_sign_in(request)
        look_up_again(request)
        due_for(request, user)


def _signed_out(sender: Any, request: HttpRequest | None = None, user: Any = None, **_: Any) -> None:
    if user is not None:
        record_person("person.signed_out", user, request)


def _password_changed(sender: Any, request: HttpRequest | None = None, user: Any = None, **_: Any) -> None:
    _changed(request, user, "person.password_changed", "password_changed")


def _factor_added(sender: Any, request: HttpRequest, user: Any, authenticator: Any, **_: Any) -> None:
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:  # those come along with the first factor
        _changed(request, user, "factor.added", "factor_added")


def _factor_removed(sender: Any, request: HttpRequest, user: Any, authenticator: Any, **_: Any) -> None:
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        _changed(request, user, "factor.removed", "factor_removed")


def _codes_made(sender: Any, request: HttpRequest, user: Any, **_: Any) -> None:
    _changed(request, user, "factor.codes_made", "codes_made")


def _changed(request: HttpRequest | None, user: User, action: str, kind: str) -> None:
    """Whoever is signed in elsewhere proves anew that he is who he was."""
    record_person(action, user, request)
    end_sessions(user, but=request)
    tell(user, kind)
    if request is not None:
        look_up_again(request)


def _failed(sender: Any, credentials: Any = None, request: HttpRequest | None = None, **_: Any) -> None:
    """The same work whether the address is anybody's or not, so that the time taken tells nothing."""
    email = str((credentials or {}).get("email") or (credentials or {}).get("username") or "")
    user = User.objects.filter(email=email[:254].lower()).only("pk").first()
    record("person.sign_in_failed", tenant_id=None, user=user, address=address_of(request))
