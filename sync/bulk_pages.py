"""The page that adds many environments from a file: choose it, see what each line is worth, add those that are good."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Tenant
from sync import bulk
from sync.bulk_file import MOST_BYTES, MOST_ROWS, WrongFile, column_names, lines_of, settings_columns, template
from sync.connection_acts import By
from sync.pages import by_of, demand_adding
from sync.providers import registry


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.MANAGER, to_visits=False)
def connections_many(request: TenantRequest, tenant: str) -> HttpResponse:
    demand_adding(request)
    context = {"page": "company"} | answer_to(request, request.tenant, by_of(request))
    return TemplateResponse(request, "sync/connections_many.html", context, status=400 if context["wrong"] else 200)


@require_safe
@tenant_view(Role.MANAGER, to_visits=False)
def connections_template(request: TenantRequest, tenant: str) -> HttpResponse:
    demand_adding(request)
    return template_file()


def template_file() -> HttpResponse:
    """The file to fill in."""
    name = {"Content-Disposition": 'attachment; filename="environments.csv"'}
    return HttpResponse(template(), content_type="text/csv; charset=utf-8", headers=name)


def answer_to(request: HttpRequest, tenant: Tenant, by: By) -> dict[str, Any]:
    """What the page shows, in the portal and in the console alike. The wall of ``tenant`` must be open."""
    context: dict[str, Any] = {
        "wrong": "",
        "vendors": ", ".join(provider.key for provider in registry.PROVIDERS),
        "columns": ", ".join(column_names()),
        "settings_columns": ", ".join(settings_columns()),
        "most_rows": MOST_ROWS,
    }
    if request.method != "POST":
        return context
    try:
        if "carried" in request.POST:
            lines = bulk.opened(tenant, by.user.pk, request.POST["carried"])
            sent = set(request.POST.getlist("line"))
            chosen = {line.number for line in lines if str(line.number) in sent}
            if not chosen:
                raise WrongFile(_("No line was chosen."))
            done = bulk.add(tenant, lines, chosen, by)
            return context | {"done": done, "added": sum(each.made is not None for each in done)}
        lines = lines_of(_uploaded(request))
        found = bulk.tested(tenant, lines)
    except WrongFile as error:
        return context | {"wrong": str(error)}
    good = [each.line for each in found if not each.problem]
    return context | {"found": found, "good": len(good), "carried": bulk.sealed(tenant, by.user.pk, good)}


def _uploaded(request: HttpRequest) -> bytes:
    file = request.FILES.get("file")
    if file is None:
        raise WrongFile(_("Choose a file."))
    return bytes(file.read(MOST_BYTES + 1))
