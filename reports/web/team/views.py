"""The team page: who belongs to the company and what he may see; owners invite, change and remove."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts import factors
from portal.accounts.invitations import Invitee, fresh_link, invite, resend, withdraw
from portal.accounts.members import HAS_MORE, NotPossible, change_member, holding_of, remove_member
from portal.accounts.models import Invitation
from portal.outbox import server
from portal.tenants import wall
from portal.tenants.guards import TenantRequest, places_of, tenant_view
from portal.tenants.models.people import Membership, Role
from portal.tenants.rights import may_act_on
from reports.definitions.periods import moment_of_asking
from reports.queries.scope import Scope
from reports.web.team.form import PlaceForm, empty_form, form_of, read_form, wished
from reports.web.team.lines import invitation_lines, member_lines


@require_safe
@tenant_view(Role.MANAGER)
def team(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Members and open invitations; managers read them, owners act on them."""
    return _team_page(request)


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.OWNER, to_visits=False)
def team_invite(request: TenantRequest, tenant: str) -> HttpResponseBase:
    form = empty_form(holding_of(request.membership), Scope.of(request.scope_grant))
    if request.method == "POST":
        read_form(form, request.POST)
        holding = wished(form)
        try:
            if holding is not None:
                email = form.values["email"].strip()
                invite(request.tenant, Invitee(email, holding), by=request.user)
                _note_invited(request, email)
                return _to_team(tenant)
        except NotPossible as error:
            form.errors["email"] = str(error)
    context = {"page": "company", "form": form}
    return TemplateResponse(request, "reports/team_invite.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.OWNER)
def team_member(request: TenantRequest, tenant: str, member: UUID) -> HttpResponseBase:
    """One member, and the form of his place."""
    row = _member(member)
    held, own = holding_of(row), holding_of(request.membership)
    form = form_of(held, own, Scope.of(request.scope_grant)) if may_act_on(own, [held]) else None
    if request.method == "POST":
        if form is None:
            raise PermissionDenied(HAS_MORE)
        read_form(form, request.POST)
        holding = wished(form)
        try:
            if holding is not None:
                change_member(row, holding, by=request.user)
                messages.success(request, _("Saved."))
                return _after(request, row)
        except NotPossible as error:
            form.errors["role"] = str(error)
    return _member_page(request, row, form)


@require_POST
@tenant_view(Role.OWNER)
def member_act(request: TenantRequest, tenant: str, member: UUID) -> HttpResponseBase:
    """Remove a member, or take away the second factors that he lost: as ``act`` says."""
    row, act = _member(member), request.POST.get("act", "")
    if act == "reset" and may_reset(request, row):
        factors.reset(row.user, by=request.user)
        told = _("The second factor is taken away.")
        messages.success(request, f"{told} {server.promise(_('The person gets a mail about it.'))}")
        return HttpResponseRedirect(reverse("reports_web:team_member", args=[tenant, member]))
    if act != "remove":
        raise Http404
    try:
        remove_member(row, by=request.user)
    except NotPossible as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("reports_web:team_member", args=[tenant, member]))
    messages.success(request, _("%(person)s is no member any more.") % {"person": row.user})
    return _after(request, row, removed=True)


@require_POST
@tenant_view(Role.OWNER)
def invitation_act(request: TenantRequest, tenant: str, invitation: UUID) -> HttpResponseBase:
    """Send an invitation again, make a link of it to copy, or withdraw it: as ``act`` says."""
    row = Invitation.objects.select_related("tenant", "grant", "invited_by").filter(public_id=invitation).first()
    act = request.POST.get("act", "")
    if row is None or act not in ("resend", "link", "withdraw"):
        raise Http404
    try:
        if act == "resend":
            resend(row, by=request.user)
            _note_invited(request, row.email)
        elif act == "link":
            answer = _team_page(request, link=fresh_link(row, by=request.user), invited=row.email)
            answer["Cache-Control"] = "private, no-store"
            return answer
        else:
            withdraw(row, by=request.user)
            messages.success(request, _("The invitation of %(email)s is withdrawn.") % {"email": row.email})
    except NotPossible as error:
        messages.error(request, str(error))
    return _to_team(tenant)


def may_reset(request: TenantRequest, row: Membership) -> bool:
    """Whether the owner may take a member's factors away: they guard every company that person belongs to, so each of
    them has to be his, with as many rights; one's own are on one's account page, and administrators' are the console's.
    """
    own = {place.tenant_id: place for place in request.memberships if place.role == Role.OWNER}
    if row.user_id == request.user.pk or row.user.is_staff:
        return False
    return all(place.tenant_id in own and _covers(own[place.tenant_id], place) for place in places_of(row.user))


def _covers(own: Membership, place: Membership) -> bool:
    with wall.tenant(own.tenant_id):
        return may_act_on(holding_of(own), [holding_of(place)])


def _member(public_id: UUID) -> Membership:
    row = Membership.objects.select_related("user", "grant", "tenant").filter(public_id=public_id).first()
    if row is None:
        raise Http404
    return row


def _member_page(request: TenantRequest, row: Membership, form: PlaceForm | None) -> HttpResponseBase:
    """Without a form for whom the member has more rights."""
    has_factor = factors.has_factor(row.user)
    context = {
        "page": "company",
        "member": row,
        "form": form,
        "has_more": HAS_MORE,
        "has_factor": has_factor,
        "may_reset": has_factor and may_reset(request, row),
        "is_self": row.user_id == request.user.pk,
    }
    return TemplateResponse(
        request, "reports/team_member.html", context, status=400 if form is not None and form.errors else 200
    )


def _team_page(request: TenantRequest, **link: str) -> HttpResponseBase:
    """``link`` is the address of an invitation, which stands in this answer alone, and whose it is."""
    now = moment_of_asking()
    context = {
        "page": "company",
        "lines": member_lines(request, now),
        "invitations": invitation_lines(request, now),
        "may_act": request.membership.role == Role.OWNER,
        "may_copy": not server.leaves(),
        **link,
    }
    return TemplateResponse(request, "reports/team.html", context)


def _note_invited(request: TenantRequest, email: str) -> None:
    told = _("An invitation is on its way to %(email)s.") % {"email": email}
    if not server.leaves():
        told = _("%(email)s is invited, but no mail leaves this portal. Make a link below and pass it on yourself.")
        told %= {"email": email}
    messages.success(request, told)


def _after(request: TenantRequest, row: Membership, *, removed: bool = False) -> HttpResponseBase:
    """To where whoever acted may still go."""
    if row.user_id != request.user.pk:
        return _to_team(request.tenant.slug)
    start = reverse("reports_web:overview", args=[request.tenant.slug])
    return HttpResponseRedirect("/" if removed else start)


def _to_team(tenant: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("reports_web:team", args=[tenant]))
