"""The page of a company that has nothing to show yet: it leads on instead of showing empty figures."""

from django.template.response import TemplateResponse
from django.utils.functional import Promise

from portal.tenants.guards import TenantRequest
from portal.tenants.models.people import Role
from reports.web.shared.frame import Choices


def first_steps(
    request: TenantRequest, choices: Choices, *, page: str, title: str | Promise
) -> TemplateResponse | None:
    """What to do first, where no environment is in the reader's sight; None where there is one."""
    if choices.environments:
        return None
    grant = request.scope_grant
    leads = Role(request.membership.role).covers(Role.MANAGER) and grant.all_environments and not grant.agent_keys
    context = {"page": page, "title": title, "may_connect": leads}
    return TemplateResponse(request, "reports/first_steps.html", context)
