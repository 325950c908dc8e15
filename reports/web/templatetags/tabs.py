"""What a page was chosen to be about goes along when the reader changes tabs: ``{% carried as chosen %}``."""

from collections.abc import Mapping
from typing import Any

from django import template

from reports.web.shared.selection import carried as carried_from

register = template.Library()


@register.simple_tag(takes_context=True)
def carried(context: template.Context) -> Mapping[str, str]:
    """The queries of the tabs: what the page says was chosen on it, else what its address holds."""
    if "period_query" in context:
        return {"period": context["period_query"], "days": context.get("days_query", context["period_query"])}
    request: Any = context["request"]
    query = carried_from(request.GET)
    return {"period": query, "days": query}
