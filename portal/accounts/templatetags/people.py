"""What the frame of every page knows about its reader."""

from typing import Any

from django import template

from portal.tenants.guards import members_tenants
from portal.tenants.models.tenants import Tenant

register = template.Library()


@register.simple_tag
def tenants_of(user: Any) -> list[Tenant]:
    """The companies a reader may change between. One query."""
    return members_tenants(user)
