"""``{% company_address %}``: where the sign-in page leads whoever comes by his company."""

from typing import Any
from urllib.parse import urlencode

from django import template

from portal.accounts.sso.known import address_for

register = template.Library()


@register.simple_tag(takes_context=True)
def company_address(context: dict[str, Any]) -> str:
    request = context["request"]
    target = request.GET.get("next", "")
    return f"{address_for(request)}?{urlencode({'next': target})}" if target else address_for(request)
