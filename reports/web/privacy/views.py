"""The page on which an owner answers a person: what there is, all of it as a file, or its erasure."""

from dataclasses import dataclass

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.audit.record import address_of
from portal.formats import figures
from portal.privacy.models import Erasure, Reason
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Role
from reports.definitions.periods import local_date, moment_of_asking
from reports.files.caps import TooMany
from reports.files.jobs import Asker
from reports.privacy import exporting
from reports.privacy.erasing import NoNumber, ask
from reports.privacy.tasks import hint, hint_export
from reports.queries.scope import Scope

SHOWN = 100


@dataclass(frozen=True, slots=True)
class ErasureLine:
    """An erasure as the page tells it: without the number, which nobody has any more."""

    id: str
    reason: str
    asked: str
    done: str
    what: str


@sensitive_post_parameters("number")
@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.OWNER, over_all=True)
def erasures(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Look what there is of a person, have it as a file, or ask for an erasure; workers do either."""
    errors: dict[str, str] = {}
    found = ""
    act = request.POST.get("act", "erase")
    if request.method == "POST" and act == "look":
        found = _look(request, errors)
    elif request.method == "POST" and act == "export":
        if _export(request, errors):
            messages.success(request, _("The file is being made. It appears here as soon as it is ready."))
            return HttpResponseRedirect(reverse("reports_web:exports", args=[tenant]) + "#files")
    elif request.method == "POST":
        errors = _errors(request)
        if not errors and _ask(request, errors):
            messages.success(
                request, _("The erasure has begun. It goes on by itself, and this page says when it is done.")
            )
            return HttpResponseRedirect(reverse("reports_web:erasures", args=[tenant]))
    context = {
        "page": "company",
        "errors": errors,
        "found": found,
        "number": request.POST.get("number", "") if found else "",
        "reasons": Reason.choices,
        "reason": request.POST.get("reason", ""),
        "lines": [_line(row, request) for row in Erasure.objects.order_by("-pk")[:SHOWN]],
    }
    return TemplateResponse(request, "reports/erasures.html", context, status=400 if errors else 200)


def _look(request: TenantRequest, errors: dict[str, str]) -> str:
    """How many calls there are, in words; else what was wrong is among ``errors``."""
    try:
        seen = exporting.look(request.POST.get("number", ""), _asker(request), Scope.of(request.scope_grant))
    except NoNumber:
        errors["number"] = _no_number()
        return ""
    except exporting.SeesTooLittle:
        errors[""] = _sees_too_little()
        return ""
    if not seen.calls or seen.first is None or seen.last is None:
        return _("No calls with this number.")
    days = figures.days(*(local_date(moment, request.tenant.zone) for moment in (seen.first, seen.last)))
    calls = ngettext("%(n)s call", "%(n)s calls", seen.calls) % {"n": figures.decimal(seen.calls)}
    notes = ngettext("%(n)s note", "%(n)s notes", seen.notes) % {"n": figures.decimal(seen.notes)}
    return f"{calls} · {days} · {notes}"


def _export(request: TenantRequest, errors: dict[str, str]) -> bool:
    """Whether it was asked for; else what was wrong is among ``errors``."""
    number, scope = request.POST.get("number", ""), Scope.of(request.scope_grant)
    try:
        exporting.ask(number, _asker(request), scope, hint_export)
    except NoNumber:
        errors["number"] = _no_number()
    except exporting.SeesTooLittle:
        errors[""] = _sees_too_little()
    except TooMany as error:
        errors[""] = str(error)
    return not errors


def _asker(request: TenantRequest) -> Asker:
    return Asker(request.tenant.pk, user=request.user, address=address_of(request))


def _no_number() -> str:
    return _("Give the number with + and country code, as in +55 11 98765-4321.")


def _sees_too_little() -> str:
    return _("This needs the right to see everything of the company, full numbers included, and yours is narrower.")


def _errors(request: TenantRequest) -> dict[str, str]:
    errors = {}
    if request.POST.get("reason", "") not in Reason.values:
        errors["reason"] = _("Choose a reason.")
    if request.POST.get("sure") != "yes":
        errors["sure"] = _("Confirm that it is for good.")
    return errors


def _ask(request: TenantRequest, errors: dict[str, str]) -> bool:
    """Whether it was asked for; else what was wrong is among ``errors``."""
    reason = Reason(request.POST["reason"])
    try:
        erasure = ask(
            request.tenant.pk,
            request.POST.get("number", ""),
            reason,
            user=request.user,
            address=address_of(request),
        )
    except NoNumber:
        errors["number"] = _no_number()
        return False
    transaction.on_commit(lambda: hint(erasure.tenant_id, erasure.pk))
    return True


def _line(row: Erasure, request: TenantRequest) -> ErasureLine:
    now, zone = moment_of_asking(), request.tenant.zone
    calls = ngettext("%(n)s call", "%(n)s calls", row.calls) % {"n": figures.decimal(row.calls)}
    texts = ngettext("%(n)s other text", "%(n)s other texts", row.texts) % {"n": figures.decimal(row.texts)}
    return ErasureLine(
        id=str(row.public_id),
        reason=str(row.get_reason_display()),
        asked=figures.moment(row.asked_at, zone, now=now),
        done="" if row.done_at is None else figures.moment(row.done_at, zone, now=now),
        what=f"{calls} · {texts}",
    )
