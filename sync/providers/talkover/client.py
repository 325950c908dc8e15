"""Talkover: which requests read which stream, and what an answer must look like to count as one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from sync.providers.access import Access
from sync.providers.base import NOTHING, Ask, FormField, Page, Part
from sync.providers.errors import UpstreamError
from sync.providers.http import Http
from sync.providers.refusals import redacted
from sync.providers.talkover import normalise, promised
from sync.providers.tolerant import Unreadable, alone, broken, digest, key_of, split_list, split_object
from sync.providers.values import clean, read_count
from sync.records import AgentRecord, BrokenRecord, CallbackAgentRecord, CallRecord, CampaignRecord, Record
from sync.taxonomy import Fact, Fault, Stream

_PER_PAGE = ("per_page", "100")
_Listed = CallRecord | AgentRecord | CallbackAgentRecord | CampaignRecord | BrokenRecord
_TIMES = {"call": ("created_at",)}
_LISTS: dict[str, tuple[str, Callable[[normalise.Raw, bytes], _Listed]]] = {
    "calls": ("call", promised.call),
    "agents": ("agent", normalise.agent),
    "callback-agents": ("callback-agent", normalise.callback_agent),
    "campaigns": ("campaign", normalise.campaign),
}


class Talkover:
    key = "talkover"
    label = "Talkover"
    base_url = "https://app.talkover.ai/api/v1"
    base_path = "/api/v1"
    credential_hint = "In Talkover, open the environment's settings and copy its API token. It begins with talq_."
    fields: tuple[FormField, ...] = ()
    streams: tuple[Stream, ...] = (Stream.AGENTS, Stream.CALLS, Stream.CALLBACKS, Stream.CAMPAIGNS)
    daily: frozenset[Stream] = frozenset({Stream.CALLS, Stream.CALLBACKS})
    facts: frozenset[Fact] = frozenset({Fact.CALLBACK_TOTALS, Fact.CALLBACK_ROUTES, Fact.CAMPAIGNS, Fact.LIST_PRICE})
    needs_token = True
    settles_hours: int | None = 2  # no end is told, and the longest call is one hour

    def check_settings(self, settings: Mapping[str, str]) -> dict[str, str]:
        if settings:
            raise ValueError(f"Talkover has no setting named {sorted(settings)[0]}.")
        return {}

    def session(self, access: Access) -> Http:
        return Http(access, headers={"Authorization": f"Bearer {access.token}"})

    def check(self, http: Http) -> None:
        # Not /health: that one answers without a token.
        _elements(_members(http.get("/agents", (("per_page", "1"),))))

    def parts(self, stream: Stream, settings: Mapping[str, str], days: Sequence[date]) -> list[Part]:
        if stream in self.daily:
            return [Part(stream, day.isoformat(), day) for day in days]
        return [Part(stream, "all")]

    def asks(self, part: Part, settings: Mapping[str, str]) -> list[Ask]:
        match part.stream:
            case Stream.CALLS:
                return [Ask("calls", "/calls", (*_days(part, "date_from", "date_to"), _PER_PAGE), paged=True)]
            case Stream.CALLBACKS:
                # Never wide: the totals of three days can't be cut down to one again.
                exact = replace(part, wide=False)
                return [Ask("callback-day", "/callback-agents/stats", _days(exact, "start_date", "end_date"))]
            case Stream.AGENTS:
                return [Ask("agents", "/agents", (_PER_PAGE,), paged=True), Ask("callback-agents", "/callback-agents")]
            case Stream.CAMPAIGNS:
                return [Ask("campaigns", "/campaigns", (_PER_PAGE,), paged=True)]

    def follow(self, part: Part, ask: Ask, page: Page) -> list[Ask]:
        match ask.kind:
            case "agents":
                agents = (record.external_id for record in page.records if isinstance(record, AgentRecord))
                return [Ask("price", f"/agents/{path}/pricing/summary", optional=True) for path in _paths(agents)]
            case "campaigns":
                campaigns = (record.external_id for record in page.records if isinstance(record, CampaignRecord))
                return [Ask("campaign-detail", f"/campaigns/{path}", optional=True) for path in _paths(campaigns)]
            case "callback-agents" if ask.page < (page.last_page or 1):
                return [ask.at(ask.page + 1)]  # no page names paging here, but another says that every list has it
        return []

    def read(self, ask: Ask, http: Http, known: Mapping[bytes, str] = NOTHING) -> Iterator[Page]:
        turned = (("page", str(ask.page)),) if ask.paged or ask.page > 1 else ()
        members = _members(http.get(ask.path, (*ask.params, *turned)))
        yield _listed(ask.kind, members, known) if ask.kind in _LISTS else _single(ask, members)

    def reread(self, element: BrokenRecord, settings: Mapping[str, str]) -> Record:
        of_lists: dict[str, Callable[[normalise.Raw, bytes], Record]] = dict(_LISTS.values())
        reader = of_lists.get(element.kind) or _reader(element.kind, element.external_id)
        return reader(element.raw.encode(), element.digest)

    def count(self, day: date, http: Http) -> int | None:
        text = day.isoformat()
        members = _members(http.get("/calls", (("date_from", text), ("date_to", text), ("per_page", "1"))))
        _elements(members)
        return _paging(members)[0]


TALKOVER = Talkover()


def _days(part: Part, first: str, last: str) -> tuple[tuple[str, str], ...]:
    if part.day is None:
        raise ValueError("a daily part names its day")
    margin = timedelta(days=1 if part.wide else 0)
    return ((first, (part.day - margin).isoformat()), (last, (part.day + margin).isoformat()))


def _paths(ids: Iterable[str]) -> Iterator[str]:
    """The ids as path segments. Dots alone would climb out of their place, so they are left out."""
    return (quote(key, safe="") for key in ids if key not in (".", ".."))


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    members = split_object(body)
    if bytes(members.get("success", b"true")).strip() == b"false":
        message = clean(_decoded(members.get("message", b"null")), 1000)
        raise UpstreamError(Fault.FORM, redacted(f"The answer says that it failed: {message}"))
    if "data" not in members:
        raise UpstreamError(Fault.FORM, "The answer has no data.")
    return members


def _elements(members: Mapping[str, msgspec.Raw]) -> list[msgspec.Raw]:
    return split_list(members["data"])


def _listed(name: str, members: Mapping[str, msgspec.Raw], known: Mapping[bytes, str]) -> Page:
    kind, reader = _LISTS[name]
    page = Page([], [], *_paging(members))
    for raw in _elements(members):
        mark = digest(raw)
        if mark in known:
            page.keys.append(known[mark])
            continue
        try:
            with alone(raw):
                record = reader(raw, mark)
        except Unreadable as error:
            record = broken(kind, raw, str(error), time_keys=_TIMES.get(kind, ()))
        page.records.append(record)
        page.keys.append(record.external_id or key_of(mark))
    return page


def _single(ask: Ask, members: Mapping[str, msgspec.Raw]) -> Page:
    raw = members["data"]
    if not bytes(raw).lstrip().startswith(b"{"):
        raise UpstreamError(Fault.FORM, "The answer's data is not an object.")
    key = ask.params[0][1] if ask.kind == "callback-day" else unquote(ask.path.split("/")[2])
    record: Record
    try:
        record = _reader(ask.kind, key)(raw, digest(raw))
    except Unreadable as error:
        record = broken(ask.kind, raw, str(error), external_id=key)
    return Page([record], [key])


def _reader(kind: str, key: str) -> Callable[[normalise.Raw, bytes], Record]:
    """How to read an element that is not of a list. ``key`` is what it is about, which only the question says."""
    match kind:
        case "price":
            return partial(normalise.price, agent_id=key)
        case "campaign-detail":
            return partial(normalise.campaign, detail=True)
        case "callback-day":
            return partial(normalise.callback_day, day=date.fromisoformat(key))
    raise ValueError(f"no such element: {kind}")


def _paging(members: Mapping[str, msgspec.Raw]) -> tuple[int | None, int | None]:
    """Total and last page, from whichever of the two paging objects is there; the last page is derived if not told."""
    paging = _decoded(members.get("pagination", b"null")) or _decoded(members.get("meta", b"null"))
    if not isinstance(paging, dict):
        return None, None
    total, last = read_count(paging.get("total")), read_count(paging.get("last_page"))
    if last is None and total is not None and (size := read_count(paging.get("per_page"))):
        last = max(-(-total // size), 1)
    return total, last


def _decoded(raw: normalise.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
