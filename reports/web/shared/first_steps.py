"""The page of a company that has nothing to show yet: it leads on instead of showing empty figures."""

from django.template.response import TemplateResponse

from portal.tenants.guards import TenantRequest
from portal.tenants.models.people import Role
from reports.web.shared.frame import Frame


def first_steps(request: TenantRequest, head: Frame) -> TemplateResponse | None:
    """What to do first, where no environment is in the reader's sight; None where there is one."""
    if head.choices.environments:
        return None
    grant = request.scope_grant
    leads = Role(request.membership.role).covers(Role.MANAGER) and grant.all_environments and not grant.agent_keys
    context = {"page": head.page, "title": head.title, "may_connect": leads}
    return TemplateResponse(request, "reports/first_steps.html", context)
