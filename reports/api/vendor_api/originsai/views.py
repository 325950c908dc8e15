"""OriginsAI's one endpoint, served from the mirror of one environment.

An agent's whole history is one array, as upstream. It is streamed: memory stays the same for ten calls and for a
million, and each element leaves byte for byte as it came.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path, re_path

from reports.api.vendor_api.mount import Mount, Refusal, Visit
from reports.queries.calls.masks import mask_payload
from reports.queries.vendor_api import calls as vendor
from reports.queries.vendor_api.ledger import Rests
from sync.taxonomy import Stream

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)

MOUNT = Mount(
    provider="originsai",
    unauthorized=lambda: Refusal(401, {"detail": "Not authenticated"}),
    wrong_method=lambda: Refusal(405, {"detail": "Method Not Allowed"}),
    failed=lambda: Refusal(500, {"detail": "Internal Server Error"}),
    unreadable=lambda: Refusal(400, {"detail": "Bad Request"}),
    busy=lambda sentence: Refusal(429, {"detail": sentence}),
)


def call_stats(request: HttpRequest, visit: Visit, agent_id: str) -> HttpResponseBase:
    if not _INTEGER.fullmatch(agent_id):
        wrong = {
            "loc": ["path", "agent_id"],
            "msg": "value is not a valid integer",
            "type": "type_error.integer",
        }
        raise Refusal(422, {"detail": [wrong]})
    agent = str(int(agent_id))
    key = vendor.agent_keys(visit.scope, agent)
    if key is None:
        raise Refusal(404, {"detail": "Agent not found"})
    visit.rests = Rests(Stream.CALLS, part=f"agent:{agent}")
    visit.note_transcripts("agent", str(key.public_id))
    raws: Iterable[str] = vendor.history(visit.scope, key.pk, agent)
    if not visit.scope.sees_numbers:
        raws = (msgspec.json.encode(mask_payload(msgspec.json.decode(raw))).decode() for raw in raws)
    return StreamingHttpResponse(_array(raws), content_type="application/json")


def nowhere(request: HttpRequest, visit: Visit, rest: str) -> HttpResponseBase:
    raise Refusal(404, {"detail": "Not Found"})


urlpatterns = [
    path("agents/<str:agent_id>/call_stats", MOUNT.get(call_stats)),
    # A line break, which "." leaves out, may stand in an address too.
    re_path(r"^(?P<rest>[\s\S]*)$", MOUNT.get(nowhere)),
]


def _array(raws: Iterable[str]) -> Iterator[bytes]:
    """A JSON array of the elements, in pieces of some size, so that a short element costs no write of its own."""
    piece, size, between = ["["], 1, ""
    for raw in raws:
        piece.append(between + raw)
        size += len(raw)
        between = ","
        if size > 64 * 1024:
            yield "".join(piece).encode()
            piece, size = [], 0
    piece.append("]")
    yield "".join(piece).encode()
