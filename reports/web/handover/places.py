"""Destinations of files, for managers: set up, their server's key confirmed, tried, changed, removed."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Role
from reports.handover import access, destinations
from reports.handover.handing import NotTaken
from reports.handover.models import Destination
from reports.handover.words import failure
from reports.mail.preview import TooMany
from reports.queries.question import QuestionError
from reports.web.handover.form import place_form, sent_place
from reports.web.handover.words import place_line
from reports.web.mail.views import author_of


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@tenant_view(Role.MANAGER, to_visits=False)
def destination_new(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The form of a new destination; sent, its server is asked for its key, which then is to be confirmed."""
    form = sent_place(request.POST) if request.method == "POST" else place_form()
    if request.method == "POST":
        try:
            made = destinations.create_place(destinations.read_place(form.values), author_of(request))
        except QuestionError as error:
            form.errors = error.errors
        except TooMany as error:
            form.errors = {"": str(error)}
        except NotTaken as error:
            form.errors = {"host": failure(error)}
        else:
            return _to(tenant, made.public_id)
    context = {"page": "exports", "form": form}
    return TemplateResponse(request, "reports/destination_new.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@tenant_view(Role.MANAGER)
def destination_one(request: TenantRequest, tenant: str, destination: UUID) -> HttpResponseBase:
    """One destination: where it is, by which key it is known, and its form, in which secrets are dots."""
    row = _own(request, destination)
    form = sent_place(request.POST, row) if request.method == "POST" else place_form(row)
    if request.method == "POST":
        try:
            destinations.change_place(row, destinations.read_place(form.values, before=row), author_of(request))
        except QuestionError as error:
            form.errors = error.errors
        except NotTaken as error:
            form.errors = {"host": failure(error)}
        else:
            messages.success(request, _("The destination is changed."))
            return _to(tenant, row.public_id)
        row = _own(request, destination)
    author = author_of(request)
    schedules = [each.schedule for each in access.schedules(author) if each.schedule.destination_id == row.pk]
    context: dict[str, Any] = {
        "page": "exports",
        "line": place_line(row),
        "form": form,
        "may_change": bool(access.changeable_places([row], author)),
        "suspended": [schedule for schedule in schedules if schedule.suspended_at is not None],
    }
    return TemplateResponse(request, "reports/destination_one.html", context, status=400 if form.errors else 200)


@require_POST
@tenant_view(Role.MANAGER)
def destination_act(request: TenantRequest, tenant: str, destination: UUID) -> HttpResponseBase:
    """Confirm the key that the server showed, look at it again, try whether files can be put there, or remove it."""
    row, author, act = _own(request, destination), author_of(request), request.POST.get("act", "")
    try:
        if act == "confirm":
            if destinations.confirm(row, request.POST.get("fingerprint", ""), author):
                messages.success(request, _("The key is confirmed. Files are put there as long as it stays the same."))
            else:
                messages.error(request, _("This is not the key that the server showed."))
        elif act == "look":
            destinations.look_again(row, author)
        elif act == "try":
            destinations.try_place(row, author)
            messages.success(request, _("A small file was written there and removed again."))
        elif act == "remove":
            destinations.remove_place(row, author)
            messages.success(request, _("“%(name)s” is removed.") % {"name": row.name})
            return HttpResponseRedirect(reverse("reports_web:schedules", args=[tenant]))
        else:
            raise Http404
    except NotTaken as error:
        messages.error(request, failure(error))
    except destinations.InUse as error:
        messages.error(request, str(error))
    return _to(tenant, row.public_id)


def _own(request: TenantRequest, destination: UUID) -> Destination:
    try:
        return access.destination(destination, author_of(request))
    except Destination.DoesNotExist:
        raise Http404 from None


def _to(tenant: str, destination: UUID) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("reports_web:destination_one", args=[tenant, destination]))
