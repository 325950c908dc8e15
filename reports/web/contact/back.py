"""The way back from a contact: its address carries the page it was reached from, and what that page had chosen."""

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

FROM, CALL = "from", "call"
_OWN = (FROM, CALL, "cursor")
_PAGES: dict[str, str | Promise] = {"calls": gettext_lazy("Calls"), "callbacks": gettext_lazy("Callbacks")}


@dataclass(frozen=True, slots=True)
class Back:
    """``carried`` is the query string that keeps it on the contact's own pages."""

    label: str | Promise
    href: str
    carried: str


def back(params: QueryDict, slug: str) -> Back:
    """Where a reader of the contact goes back to; the list of calls where the address does not say."""
    page, chosen, carried = params.get(FROM, ""), params.copy(), params.copy()
    for name in _OWN:
        chosen.pop(name, None)
    carried.pop("cursor", None)
    query = f"?{written}" if (written := chosen.urlencode(safe=",")) else ""
    if call := _call(params):
        return Back(
            gettext_lazy("The call"), reverse("reports_web:call", args=[slug, call]) + query, carried.urlencode()
        )
    name = page if page in _PAGES else "calls"
    return Back(_PAGES[name], reverse(f"reports_web:{name}", args=[slug]) + query, carried.urlencode())


def _call(params: QueryDict) -> UUID | None:
    if params.get(FROM) != CALL:
        return None
    try:
        return UUID(params.get(CALL, ""))
    except ValueError:
        return None


def leading_here(page: str, query: str, **more: str) -> str:
    """The query string of a link to a contact from a page with that query string."""
    chosen = query.removeprefix("?")
    return "?" + "&".join(part for part in (urlencode({FROM: page, **more}), chosen) if part)
