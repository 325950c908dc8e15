"""What pages say about mails that reach nobody: ``{% promised %}`` around a sentence, ``{% mail_notices %}`` on top."""

from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString

from portal.outbox import feedback, server
from portal.tenants.models.people import Role

register = template.Library()
PAGES = ("mail", "alerts", "exports", "company")  # areas from which mails are sent
START = "overview"  # where owners begin


@register.simple_block_tag
def promised(content: SafeString) -> str:
    """``{% promised %}A link is on its way.{% endpromised %}``: what happens instead where no mail leaves."""
    return content if server.leaves() else escape(server.promise(""))


@register.simple_tag
def mail_troubles() -> list[str]:
    """What the console says of mails beside its alarms."""
    return server.troubles()


@register.inclusion_tag("portal/_mail_notices.html", takes_context=True)
def mail_notices(context: template.Context) -> dict[str, Any]:
    """For administrators on pages of the console, and for owners on theirs: why mails reach nobody, and which owner
    gets none."""
    request, page = context["request"], context.get("page", "")
    tenant = getattr(request, "tenant", None)
    if tenant is None:
        return {"troubles": server.troubles()}
    is_owner = getattr(getattr(request, "membership", None), "role", "") == Role.OWNER
    if not is_owner or page not in (START, *PAGES):
        return {}
    troubles = server.troubles(tenant) if page in PAGES else []
    return {"request": request, "troubles": troubles, "paused": feedback.paused_owners()}
