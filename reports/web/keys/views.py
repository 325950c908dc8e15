"""The page of API keys: which there are, issue one, rotate one, revoke one.

A secret stands in the answer to the very request that made it, and nowhere after: no cookie, session or cache keeps it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.keys import NotStanding, issue_key, revoke_key, rotate_key
from portal.audit.record import address_of
from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.keys import ApiKey, KeyState
from portal.tenants.models.people import Role
from portal.tenants.rights import Holding, Rights, may_act_on
from reports.definitions.periods import local_date, moment_of_asking
from reports.queries.environments import environments
from reports.queries.scope import Scope
from reports.web.keys.form import KeyForm, sent_form, wished
from reports.web.shared.grants import Names, about_numbers

OVERLAPS = {
    "0": gettext_lazy("at once"),
    "1": gettext_lazy("in an hour"),
    "24": gettext_lazy("in a day"),
    "72": gettext_lazy("in three days"),
    "168": gettext_lazy("in a week"),
}
USUAL_OVERLAP = "24"
_MARKS = {KeyState.STANDING: "good", KeyState.EXPIRED: "off", KeyState.REVOKED: "off", KeyState.CLOSED: "off"}


@dataclass(frozen=True, slots=True)
class KeyLine:
    """``may_act`` is false for a key with more rights than the reader: they neither rotate nor revoke it."""

    key: ApiKey
    state: str
    mark: str
    stands: bool
    sees: str
    numbers: str
    maker: str
    made: str
    ends: str
    used: str
    may_act: bool


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.MANAGER)
def keys(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The keys, and the form of a new one; sent, it is issued and its secret shown."""
    maker, now = _holding(request), moment_of_asking()
    offered = list(environments(Scope.of(request.scope_grant)))
    form = sent_form(request.POST, maker, offered) if request.method == "POST" else KeyForm(maker, offered)
    new_key = wished(form, now) if request.method == "POST" else None
    if new_key is not None:
        key, secret = issue_key(request.tenant, new_key, by=request.user, address=address_of(request))
        return _issued(request, key, secret)
    context = {
        "page": "company",
        "form": form,
        "lines": _lines(request, maker, now),
        "overlaps": OVERLAPS,
        "usual_overlap": USUAL_OVERLAP,
    }
    return TemplateResponse(request, "reports/keys.html", context, status=400 if form.errors else 200)


@require_POST
@tenant_view(Role.MANAGER)
def key_rotate(request: TenantRequest, tenant: str, key: UUID) -> HttpResponseBase:
    """A new key in the place of one that ends a while later; the secret is shown."""
    line, hours = _line(request, key), request.POST.get("ends", "")
    if not (line.may_act and line.stands) or hours not in OVERLAPS:
        raise Http404
    overlap = timedelta(hours=int(hours))
    try:
        fresh, secret = rotate_key(line.key, overlap=overlap, by=request.user, address=address_of(request))
    except NotStanding:
        messages.error(request, _("This key is no longer valid, so nothing can take its place. Issue a new one."))
        return _to_keys(tenant)
    return _issued(request, fresh, secret, replaced=line.key, ends=str(OVERLAPS[hours]))


@require_POST
@tenant_view(Role.MANAGER)
def key_revoke(request: TenantRequest, tenant: str, key: UUID) -> HttpResponseBase:
    line = _line(request, key)
    if not line.may_act:
        raise PermissionDenied(_("This key has more rights than you. Ask an owner with full access to revoke it."))
    revoke_key(line.key, by=request.user, address=address_of(request))
    messages.success(request, _("“%(name)s” is revoked. It opens nothing any more.") % {"name": line.key.name})
    return _to_keys(tenant)


def _holding(request: TenantRequest) -> Holding:
    return Holding.of(request.membership.role, request.scope_grant)


def _line(request: TenantRequest, public_id: UUID) -> KeyLine:
    lines = _lines(request, _holding(request), moment_of_asking())
    line = next((line for line in lines if line.key.public_id == public_id), None)
    if line is None:
        raise Http404
    return line


def _lines(request: TenantRequest, reader: Holding, now: datetime) -> list[KeyLine]:
    """The newest first, those that stand before the others. An owner sees all, anybody else those that may no more than
    he may himself: the others tell of environments that he does not see.
    """
    rows = list(ApiKey.objects.select_related("grant", "made_by", "environment").order_by("-created_at", "-pk"))
    rights = Rights.by_grant(row.grant for row in rows)
    names, zone, lines = Names.of(request), request.tenant.zone, []
    for row in rows:
        opened = rights[row.grant_id].only(row.environment_id)
        held = Holding(Role(row.role), opened, row.grant.sees_numbers, row.grant.looks_up)
        may_act = may_act_on(reader, [held])
        if reader.role != Role.OWNER and not may_act:
            continue
        state = row.state(now)
        ends = row.revoked_at or row.expires_at
        line = KeyLine(
            key=row,
            state=str(state.label),
            mark=_MARKS[state],
            stands=state == KeyState.STANDING,
            sees=names.sees(opened),
            numbers=about_numbers(sees_numbers=held.sees_numbers, looks_up=held.looks_up),
            maker=row.made_by.email if row.made_by else "",
            made=figures.moment(row.created_at, zone, now=now),
            ends=_ends(ends, zone, now) if ends else "",
            used=figures.moment(row.last_used_at, zone, now=now) if row.last_used_at else "",
            may_act=may_act,
        )
        lines.append(line)
    return sorted(lines, key=lambda line: not line.stands)


def _ends(ends: datetime, zone: str, now: datetime) -> str:
    """A day with its year where it is far away, else a moment."""
    return (
        figures.day(local_date(ends, zone))
        if abs(ends - now) > timedelta(days=7)
        else figures.moment(ends, zone, now=now)
    )


def _issued(request: TenantRequest, key: ApiKey, secret: str, **about: Any) -> HttpResponseBase:
    context = {"page": "company", "key": key, "secret": secret, "base": request.build_absolute_uri("/api/v1/"), **about}
    answer = TemplateResponse(request, "reports/key_issued.html", context)
    answer["Cache-Control"] = "private, no-store"
    return answer


def _to_keys(tenant: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("reports_web:keys", args=[tenant]))
