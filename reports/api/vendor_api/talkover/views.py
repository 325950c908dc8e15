"""Talkover's read API, served from the mirror of one environment.

The envelope is written around the stored elements, so an element leaves byte for byte as it came. Only where a reader
may not see numbers, or where the endpoint knows no ``agent``, is an element taken apart.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.urls import path, re_path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from portal.lib import phones
from reports.api.vendor_api.mount import Mount, Refusal, Visit, answer, refused
from reports.api.vendor_api.talkover import parameters
from reports.api.vendor_api.talkover.parameters import Parameters
from reports.definitions.periods import utc_date
from reports.privacy.look_up import NumberAsker, UsedUp, look_up
from reports.queries.calls.masks import hide_in, mask_payload
from reports.queries.vendor_api import calls as vendor
from reports.queries.vendor_api import lists as vendor_lists
from reports.queries.vendor_api.ledger import Rests
from reports.queries.vendor_api.lists import Element
from sync.taxonomy import Stream


def _refusal(status: int, message: str, **more: Any) -> Refusal:
    return Refusal(status, {"success": False, "message": message, **more})


MOUNT = Mount(
    provider="talkover",
    unauthorized=lambda: _refusal(401, "Unauthorized"),
    wrong_method=lambda: _refusal(405, "This history is read-only."),
    failed=lambda: _refusal(500, "Internal server error."),
    unreadable=lambda: _refusal(400, "Bad request."),
    busy=lambda sentence: _refusal(429, sentence),
)


def calls(request: HttpRequest, visit: Visit, agent_id: str | None = None) -> HttpResponseBase:
    """All calls, or those of one agent: the latter without the agent in each."""
    if agent_id is not None and vendor.agent_keys(visit.scope, agent_id) is None:
        raise _refusal(404, "Agent not found")
    params = Parameters(request.GET)
    wanted = vendor.VendorFilter(
        status=params.choice("status", parameters.CALL_STATUSES),
        direction=params.choice("direction", parameters.DIRECTIONS),
        agent=params.text("agent_id") if agent_id is None else agent_id,
        date_from=params.day("date_from"),
        date_to=params.day("date_to"),
        **_searched(params.text("search"), visit),
    )
    number, size = params.page(), params.per_page()
    try:
        rows = vendor.calls(visit.scope, wanted)
    except vendor.HiddenNumberError:
        params.refuse("search", "The search must be a whole telephony id.")
    _check(params)
    visit.rests = Rests(Stream.CALLS, wanted.date_from, wanted.date_to)
    total = rows.count()
    offset = (number - 1) * size
    raws = vendor.page(visit.scope, rows, offset=offset, size=size) if offset < total else []
    if agent_id is not None:
        raws = [_without_agent(raw) for raw in raws]
    return _listed(raws, visit, pagination=_pagination(number, size, total, len(raws), edges=True))


def _searched(search: str, visit: Visit) -> dict[str, str]:
    """A whole number becomes the contact that it names, where this reader looks numbers up without seeing them."""
    scope = visit.scope
    if scope.sees_numbers or not scope.looks_up or not phones.whole(search):
        return {"search": search}
    asker = NumberAsker(visit.tenant, visit.grant, key=visit.key, address=visit.address)
    try:
        return {"contact": look_up(search, scope, asker)}
    except UsedUp as error:
        raise Refusal(error.status, {"success": False, "message": str(error)}, retry_after=error.retry_after) from None


def agents(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    visit.rests = Rests(Stream.AGENTS)
    params = Parameters(request.GET)
    status = params.choice("status", parameters.AGENT_STATUSES)
    direction = params.choice("direction", parameters.DIRECTIONS)
    number, size = params.page(), params.per_page()
    _check(params)
    search = params.text("search").casefold()
    elements = [
        item
        for item in vendor_lists.agents(visit.scope)
        if (not status or item.status == status)
        and (not direction or item.direction == direction)
        and _names(visit, search, item.name, item.label)
    ]
    chosen = _cut(elements, number, size)
    return _listed(chosen, visit, meta=_pagination(number, size, len(elements), len(chosen), edges=False))


def agent(request: HttpRequest, visit: Visit, agent_id: str) -> HttpResponseBase:
    visit.rests = Rests(Stream.AGENTS)
    elements = vendor_lists.agents(visit.scope, agent_id)
    if not elements:
        raise _refusal(404, "Agent not found")
    return _one(elements[0].raw, visit)


def callback_agents(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    visit.rests = Rests(Stream.AGENTS)
    return _listed([item.raw for item in vendor_lists.callback_agents(visit.scope)], visit)


def callback_stats(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Totals of the whole environment, so only for a key that may see every agent of it.

    Days in the wrong order are no days: no refusal of them is documented, here or for the lists.
    """
    today = utc_date(timezone.now())
    params = Parameters(request.GET)
    start = params.day("start_date") or today - timedelta(days=30)
    end = params.day("end_date") or today
    visit.rests = Rests(Stream.CALLBACKS)
    _check(params)
    if visit.scope.agent_ids is not None:
        raise _refusal(403, "You are not authorized to perform this action.")
    visit.rests = Rests(Stream.CALLBACKS, start, end)
    data = vendor_lists.callback_stats(visit.scope, start, end)
    return answer(msgspec.json.encode({"success": True, "data": data}))


def campaigns(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    visit.rests = Rests(Stream.CAMPAIGNS)
    params = Parameters(request.GET)
    status = params.choice("status", parameters.CAMPAIGN_STATUSES)
    kind = params.choice("campaign_type", parameters.CAMPAIGN_TYPES)
    first, last = params.day("date_from"), params.day("date_to")
    number, size = params.page(), params.per_page()
    _check(params)
    agent_id, search = params.text("agent_id"), params.text("search").casefold()
    elements = [
        item
        for item in vendor_lists.campaigns(visit.scope)
        if (not status or item.status == status)
        and (not kind or item.kind == kind)
        and (not agent_id or item.agent == agent_id)
        and (first is None or item.day >= first)
        and (last is None or item.day <= last)
        and _names(visit, search, item.name, item.description)
    ]
    chosen = _cut(elements, number, size)
    return _listed(chosen, visit, pagination=_pagination(number, size, len(elements), len(chosen), edges=True))


def campaign(request: HttpRequest, visit: Visit, campaign_id: str) -> HttpResponseBase:
    visit.rests = Rests(Stream.CAMPAIGNS)
    raw = vendor_lists.campaign(visit.scope, campaign_id)
    if raw is None:
        raise _refusal(404, "Campaign not found")
    return _one(raw, visit)


@csrf_exempt
def health(request: HttpRequest) -> HttpResponseBase:
    """Needs no key; with one it tells how far the mirror is, like every other answer."""
    if request.method not in ("GET", "HEAD"):
        return refused(MOUNT.wrong_method())
    return _healthy(request) if MOUNT.visit(request) else answer(b'{"status":"ok"}')


def nowhere(request: HttpRequest, visit: Visit, rest: str) -> HttpResponseBase:
    raise _refusal(404, "Not found")


_healthy = MOUNT.get(lambda request, visit: answer(b'{"status":"ok"}'))


def _unauthenticated() -> Refusal:
    return _refusal(401, "Unauthenticated.")


urlpatterns = [
    path("health", health),
    path("calls", MOUNT.get(calls)),
    path("agents", MOUNT.get(agents, unauthorized=_unauthenticated)),
    path("agents/<str:agent_id>", MOUNT.get(agent, unauthorized=_unauthenticated)),
    path("agents/<str:agent_id>/calls", MOUNT.get(calls)),
    path("callback-agents", MOUNT.get(callback_agents)),
    path("callback-agents/stats", MOUNT.get(callback_stats)),
    path("campaigns", MOUNT.get(campaigns)),
    path("campaigns/<str:campaign_id>", MOUNT.get(campaign)),
    # A line break, which "." leaves out, may stand in an address too.
    re_path(r"^(?P<rest>[\s\S]*)$", MOUNT.get(nowhere)),
]


def _check(params: Parameters) -> None:
    if params.errors:
        raise _refusal(422, "The given data was invalid.", errors=params.errors)


def _names(visit: Visit, search: str, *texts: str) -> bool:
    """Whether a text says what is searched for, as this reader is shown it."""
    shown = texts if visit.scope.sees_numbers else [hide_in(text, ()) for text in texts]
    return not search or any(search in text.casefold() for text in shown)


def _cut(elements: Sequence[Element], number: int, size: int) -> list[str]:
    return [item.raw for item in elements[(number - 1) * size : number * size]]


def _pagination(number: int, size: int, total: int, shown: int, *, edges: bool) -> dict[str, int | None]:
    last = max(1, -(-total // size))
    if not edges:
        return {"current_page": number, "per_page": size, "total": total, "last_page": last}
    first = (number - 1) * size + 1
    return {
        "current_page": number,
        "last_page": last,
        "per_page": size,
        "total": total,
        "from": first if shown else None,
        "to": first + shown - 1 if shown else None,
    }


def _listed(raws: Iterable[str], visit: Visit, **paging: Any) -> HttpResponse:
    elements = ",".join(_shown(raw, visit) for raw in raws)
    tail = "".join(f',"{name}":{msgspec.json.encode(value).decode()}' for name, value in paging.items())
    return answer(f'{{"success":true,"data":[{elements}]{tail}}}'.encode())


def _one(raw: str, visit: Visit) -> HttpResponse:
    return answer(f'{{"success":true,"data":{_shown(raw, visit)}}}'.encode())


def _shown(raw: str, visit: Visit) -> str:
    if visit.scope.sees_numbers:
        return raw
    return msgspec.json.encode(mask_payload(msgspec.json.decode(raw))).decode()


def _without_agent(raw: str) -> str:
    element = msgspec.json.decode(raw)
    element.pop("agent", None)
    return msgspec.json.encode(element).decode()
