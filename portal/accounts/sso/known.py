"""Addresses of sign-in: those of companies, and the one that a browser signed in by before."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from portal.accounts.models import IdentityProvider
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant

COOKIE = "ringbook_company"
_AGE = timedelta(days=365)
_SALT = "portal.accounts.sso.known"


def provider_at(public_id: UUID) -> IdentityProvider | None:
    """Whose address of sign-in it is; None for one that is nobody's. One query."""
    with wall.every_tenant("whose address of sign-in it is"):
        rows = IdentityProvider.objects.filter(public_id=public_id, tenant__active=True)
        return rows.select_related("tenant").first()


def addresses_of(tenants: Iterable[Tenant]) -> list[tuple[Tenant, str]]:
    """Each with its address of sign-in, if it has one."""
    found = []
    for tenant in tenants:
        with wall.tenant(tenant):
            public_id = IdentityProvider.objects.values_list("public_id", flat=True).first()
        if public_id is not None:
            found.append((tenant, reverse("company_start", args=[public_id])))
    return found


def remember(response: HttpResponse, provider: IdentityProvider) -> None:
    """Let this browser lead straight to the company's sign-in, for a year after the latest."""
    response.set_cookie(
        COOKIE,
        signing.dumps(str(provider.public_id), salt=_SALT),
        max_age=_AGE,
        path="/accounts/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def address_for(request: HttpRequest) -> str:
    """Where somebody begins who signs in by his company from this browser."""
    try:
        known = UUID(signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=_AGE))
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        return reverse("company")
    return reverse("company_start", args=[known])
