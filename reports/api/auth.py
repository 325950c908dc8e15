"""Who asks: an API key, or a member's session. Both become a :class:`Reader`, and its Scope is all that a view sees.

A member of one tenant needs to name none; a member of several names one with ``?tenant=slug``. A tenant that is not
the member's, or not the key's, and one that does not exist are answered alike.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotFound, PermissionDenied, ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from portal.lib import turns
from portal.tenants import wall
from portal.tenants.guards import KeyReader, membership_of, memberships_of, reader_of_key
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership, Role
from portal.tenants.models.tenants import Tenant
from reports.queries.scope import Scope

if TYPE_CHECKING:  # the framework's views read the settings that name the classes below
    from rest_framework.views import APIView

SCHEME = "Bearer"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, what he may see, and whose wall has to be open for it. ``key`` is None for a member. The scope is made
    of the grant, and of the environment that a key is bound to."""

    tenant: Tenant
    role: Role
    scope: Scope
    grant: Grant
    key: ApiKey | None = None


def scope_of(tenant: Tenant, grant: Grant, environment_id: int | None = None) -> Scope:
    """The grant's scope, narrowed to the environment that a key is bound to. One or two queries."""
    with wall.tenant(tenant):
        scope = Scope.of(grant)
    return scope if environment_id is None else scope.only(environment_id)


def key_in(header: bytes) -> str | None:
    """The secret of an ``Authorization: Bearer …`` header; None without one, "" for one that holds no single word."""
    words = header.split()
    if not words or words[0].lower() != SCHEME.lower().encode():
        return None
    return words[1].decode("latin-1") if len(words) == 2 else ""


class KeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer ring_…``."""

    def authenticate(self, request: Request) -> tuple[Any, Reader] | None:
        secret = key_in(get_authorization_header(request))
        if secret is None:
            return None
        reader: KeyReader | None = reader_of_key(secret)
        if reader is None:
            raise AuthenticationFailed(_("This API key is not valid."))
        if request.query_params.get("tenant", reader.tenant.slug) not in ("", reader.tenant.slug):
            raise NotFound
        scope = scope_of(reader.tenant, reader.grant, reader.key.environment_id)
        return AnonymousUser(), Reader(reader.tenant, reader.role, scope, reader.grant, reader.key)

    def authenticate_header(self, request: Request) -> str:
        return f'{SCHEME} realm="Ringbook"'


class MemberAuthentication(SessionAuthentication):
    """A signed-in member's session. Requests that write need the CSRF token, as on a page."""

    def authenticate(self, request: Request) -> tuple[Any, Reader] | None:
        signed_in = super().authenticate(request)
        if signed_in is None:
            return None
        user: Any = signed_in[0]
        slug = request.query_params.get("tenant")
        membership = membership_of(user, slug) if slug else self._only_place(user)
        if membership is None:
            raise NotFound
        turns.recognize(tenant=membership.tenant_id)
        scope = scope_of(membership.tenant, membership.grant)
        return user, Reader(membership.tenant, Role(membership.role), scope, membership.grant)

    @staticmethod
    def _only_place(user: Any) -> Membership:
        memberships = memberships_of(user)
        if not memberships:
            raise PermissionDenied(_("You belong to no company here."))
        if len(memberships) > 1:
            raise ValidationError({"tenant": [_("You belong to several companies: name one of them.")]})
        return memberships[0]


class HasReader(BasePermission):
    """Lets in whoever one of the two authentications has recognised."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.auth, Reader)
