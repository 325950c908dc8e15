"""The help page: every text of it comes from where the thing itself is declared."""

from collections.abc import Iterator

from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from portal.tenants.guards import TenantRequest, tenant_view
from reports.definitions.labels import METRIC_GROUPS
from reports.definitions.metrics import METRICS, Metric
from reports.web.help.news import releases


@require_safe
@tenant_view()
def help_page(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Asks nothing of the calls, so that it is there when they are not."""
    context = {"page": "help", "groups": list(_groups()), "releases": releases(get_language() or "en")}
    return TemplateResponse(request, "reports/help.html", context)


def _groups() -> Iterator[tuple[str | Promise, list[Metric]]]:
    """Every figure under the title of its group, as the form of any question has them."""
    for group, title in METRIC_GROUPS.items():
        yield title, [metric for metric in METRICS.values() if metric.group == group]
