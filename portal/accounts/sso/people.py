"""Whom a provider's word lets in, and to what."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from portal.accounts.members import add_member, add_person, find_person
from portal.accounts.models import Identity, IdentityProvider
from portal.accounts.sso.claims import Claims
from portal.accounts.sso.refusals import Refused, Why
from portal.audit.record import record
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.rights import Holding, Rights


def person_of(provider: IdentityProvider, claims: Claims) -> User:
    """The member whom the provider means. Raises :class:`Refused`.

    A subject that is new is bound to the member of its mail address, or to somebody new, where the tenant takes
    strangers: he reads everything, and no numbers. Who has an account already, because he was removed or is of another
    tenant, gets no place by it: that takes an invitation, which he accepts himself.
    """
    with wall.tenant(provider.tenant_id), transaction.atomic():
        IdentityProvider.objects.select_for_update().get(pk=provider.pk)  # people are bound one after the other
        known = Identity.objects.filter(provider=provider, subject=claims.subject).select_related("user").first()
        user = known.user if known is not None else _bound(provider, claims)
        _demand_domain(provider, user.email)
        if not user.is_active or not _has_place(user):
            raise Refused(Why.NO_PLACE, "member")
        Identity.objects.filter(provider=provider, user=user).update(used_at=timezone.now())
    return user


def speaks_for(provider: IdentityProvider, email: str) -> bool:
    domains: list[str] = provider.domains
    return email.rpartition("@")[2].lower() in domains


def _bound(provider: IdentityProvider, claims: Claims) -> User:
    if claims.email_denied:
        raise Refused(Why.NO_PLACE, "email_verified")
    _demand_domain(provider, claims.email)
    user = find_person(claims.email) or _stranger(provider, claims)
    if not _has_place(user):
        raise Refused(Why.NO_PLACE, "member")
    if Identity.objects.filter(provider=provider, user=user).exists():
        raise Refused(Why.OTHER, "sub")
    Identity.objects.create(
        tenant_id=provider.tenant_id, provider=provider, subject=claims.subject, user=user, used_at=timezone.now()
    )
    record("provider.bound", tenant_id=provider.tenant_id, user=user, about={"user": user.pk})
    return user


def _stranger(provider: IdentityProvider, claims: Claims) -> User:
    if not provider.takes_strangers:
        raise Refused(Why.NO_PLACE, "member")
    user = add_person(claims.email, name=claims.name)
    add_member(provider.tenant, user, Holding(Role.VIEWER, Rights(), sees_numbers=False, looks_up=False), by=user)
    return user


def _has_place(user: User) -> bool:
    return Membership.objects.filter(user=user, tenant__active=True).exists()


def _demand_domain(provider: IdentityProvider, email: str) -> None:
    try:
        validate_email(email)
    except ValidationError:
        raise Refused(Why.NO_PLACE, "email") from None
    if not speaks_for(provider, email):
        raise Refused(Why.NO_PLACE, "domain")
