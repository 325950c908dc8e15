"""The doors: who may come in to a tenant's pages, and whose an API key is.

Anyone who may not come in reads the same 404, whether the tenant exists or not. Looking people and keys up happens
across tenants, since nobody's tenant is known before; everything after that runs behind the one wall.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from portal.lib import turns
from portal.tenants import wall
from portal.tenants.admission import Admission
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey, digest
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Tenant
from portal.tenants.rights import Holding, may_act_on

P = ParamSpec("P")
logger = logging.getLogger("ringbook.guards")

_USE_NOTED_EVERY = timedelta(minutes=1)
_LONGEST_KEY = 200


class TenantRequest(HttpRequest):
    """What a view behind :func:`tenant_view` gets; for annotations only."""

    user: User
    tenant: Tenant
    membership: Membership
    memberships: list[Membership]  # all of this person's places, to change between
    scope_grant: Grant


def memberships_of(user: Any) -> list[Membership]:
    """A person's places in active tenants with their grants, by the tenant's name; none for a visitor. One query.

    Of somebody who reads, those that his session opens.
    """
    return opened_among(user, places_of(user))


def opened_among(user: Any, places: list[Membership]) -> list[Membership]:
    """Those of a person's places that his session opens."""
    admission: Admission | None = getattr(user, "admission", None)
    return [place for place in places if admission is None or admission.opens(place)]


def asking_among(user: Any, places: list[Membership]) -> list[Membership]:
    """Those of a reader's places that he enters by his company's own sign-in only."""
    return [place for place in places if _asks_for_provider(user, place)]


def _asks_for_provider(user: Any, place: Membership | None) -> bool:
    admission: Admission | None = getattr(user, "admission", None)
    return admission is not None and place is not None and admission.asks_for_provider(place)


def places_of(user: Any) -> list[Membership]:
    """As :func:`memberships_of`, whatever the session opens: for what is to be told to nobody else. One query."""
    if not user.is_authenticated:
        return []
    with wall.every_tenant("which tenants a person belongs to"):
        rows = Membership.objects.filter(user_id=user.pk, tenant__active=True)
        memberships = list(rows.select_related("tenant", "grant").order_by("tenant__name", "tenant_id"))
    for membership in memberships:
        membership.user = user
        membership.grant.tenant = membership.tenant
    return memberships


def is_administrator(request: HttpRequest) -> bool:
    """Whether a platform administrator asks. No company's identity provider makes one."""
    admission: Admission | None = getattr(request.user, "admission", None)
    held = admission is not None and admission.held_to is not None
    return bool(request.user.is_active and request.user.is_staff and not held)


def members_tenants(user: Any) -> list[Tenant]:
    """The active tenants a person belongs to, by name; none for a visitor. One query."""
    return [membership.tenant for membership in memberships_of(user)]


def membership_of(user: Any, slug: str) -> Membership | None:
    """A person's place in the active tenant of that address. One query."""
    return _among(memberships_of(user), slug)


def _among(memberships: list[Membership], slug: str) -> Membership | None:
    return next((membership for membership in memberships if membership.tenant.slug == slug), None)


def _visited(request: HttpRequest, slug: str) -> Membership | None:
    """The place that a visit gives an administrator who is no member, as ``settings.VISITS`` finds it."""
    place_of: Callable[[HttpRequest, str], Membership | None] = import_string(settings.VISITS)
    return place_of(request, slug)


def tenant_view(
    role: Role = Role.VIEWER,
    *,
    to_visits: bool = True,
    over_all: bool = False,
) -> Callable[[Callable[Concatenate[Any, str, P], HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Guard a view below ``/t/<slug:tenant>/``; use it as ``@tenant_view()`` or ``@tenant_view(Role.OWNER)``.

    The view takes the request (a :class:`TenantRequest`) and ``tenant``, the slug, as any view of that address does. It
    runs behind the wall with the tenant's zone active, and so does the rendering of a TemplateResponse and each piece
    of a streamed answer. Visitors are sent to sign in; strangers read 404, members of too low a role 403. An
    administrator's visit reads what an owner reads, and changes nothing; a view that hands out files, or is a form for
    something new, is closed to it. What acts ``over_all`` members changes nothing for whom one of them has more rights.
    """

    def guard(
        view: Callable[Concatenate[Any, str, P], HttpResponseBase],
    ) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, tenant: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            places = places_of(request.user)
            memberships = opened_among(request.user, places)
            membership = _among(memberships, tenant)
            if membership is None:
                membership = _visited(request, tenant)
                if membership is None:
                    if _asks_for_provider(request.user, _among(places, tenant)):
                        return redirect("choose")  # which leads to the company's own sign-in
                    raise Http404
                if not to_visits or request.method not in ("GET", "HEAD", "OPTIONS"):
                    raise PermissionDenied(_("A visit is for reading: it changes nothing and takes no files along."))
            if not Role(membership.role).covers(role):
                raise PermissionDenied(_("Your role in this company does not allow this."))
            turns.recognize(tenant=membership.tenant_id)
            entered: Any = request
            entered.tenant, entered.membership = membership.tenant, membership
            entered.memberships = memberships
            entered.scope_grant = membership.grant
            with wall.tenant(membership.tenant), timezone.override(membership.tenant.tzinfo):
                if over_all and request.method not in ("GET", "HEAD", "OPTIONS"):
                    _demand_rights_of_all(membership)
                response = view(entered, tenant, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse):
                    response.render()
            return _kept_private(response, membership.tenant)

        return guarded

    return guard


def _demand_rights_of_all(membership: Membership) -> None:
    members = Membership.objects.filter(user__is_active=True).select_related("grant")
    effects = Holding.by_grant(member.grant for member in members)
    if not may_act_on(Holding.of(membership.role, membership.grant), effects.values()):
        text = _("This changes the whole company, and somebody in it has more rights than you. Ask that person.")
        raise PermissionDenied(text)


def _kept_private(response: HttpResponseBase, tenant: Tenant) -> HttpResponseBase:
    # An open file asks the database nothing: it is left as it is, for the web server to send without a thread.
    is_file = getattr(response, "file_to_stream", None) is not None
    if isinstance(response, StreamingHttpResponse) and not (response.is_async or is_file):
        pieces = cast("Iterator[bytes]", response.streaming_content)
        response.streaming_content = wall.each(tenant, pieces)
    if not response.has_header("Cache-Control"):
        response["Cache-Control"] = "private, no-store"
    patch_vary_headers(response, ("Cookie",))
    return response


@dataclass(frozen=True, slots=True)
class KeyReader:
    """Who reads by API key: the key, its tenant, and what it may see."""

    key: ApiKey
    tenant: Tenant
    grant: Grant
    role: Role


def reader_of_key(secret: str) -> KeyReader | None:
    """Whose key this is; None for one that is unknown, revoked, expired, or whose maker or tenant is closed, all at the
    same cost.

    A key that serves is noted as used, at most once a minute.
    """
    now = timezone.now()
    known = secret if secret.isascii() and len(secret) <= _LONGEST_KEY else ""
    with wall.every_tenant("whose an API key is"):
        keys = ApiKey.objects.standing(now).filter(digest=digest(known), tenant__active=True)
        key = keys.select_related("tenant", "grant", "environment").first()
    if key is None:
        return None
    turns.recognize(f"key {key.pk}", tenant=key.tenant_id)
    key.grant.tenant = key.tenant
    _note_use(key, now)
    return KeyReader(key=key, tenant=key.tenant, grant=key.grant, role=Role(key.role))


def _note_use(key: ApiKey, now: datetime) -> None:
    since = now - _USE_NOTED_EVERY
    if key.last_used_at is not None and key.last_used_at > since:
        return
    try:
        with wall.tenant(key.tenant), transaction.atomic():
            stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=since)
            ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    except OperationalError:  # a busy database costs the note, never the answer
        logger.info("the use of an API key was not noted")
