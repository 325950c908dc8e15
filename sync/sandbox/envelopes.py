"""What Talkover's answers have in common: a visit, an answer of ready bytes, envelopes and refusals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from sync.sandbox.faults import Faults
from sync.sandbox.journal import Journal
from sync.sandbox.world import World

DIRECTIONS = ("inbound", "outbound")
encode = msgspec.json.Encoder().encode
Item = TypeVar("Item")


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a tenant: its world, its parameters, and the faults that strike it."""

    world: World
    params: Mapping[str, str]
    struck: frozenset[str]
    faults: Faults
    journal: Journal


def refusal(status: int, message: str) -> Answer:
    return Answer(status, encode({"success": False, "message": message}))


def unauthorized(parts: Sequence[str]) -> Answer:
    """The pages of agents word it otherwise than those of calls and campaigns."""
    of_agents = parts[:1] == ["agents"] and parts[2:] != ["calls"]
    return refusal(401, "Unauthenticated." if of_agents else "Unauthorized")


def invalid(errors: Mapping[str, Sequence[str]]) -> Answer:
    return Answer(422, encode({"success": False, "message": "The given data was invalid.", "errors": errors}))


def data(element: Any) -> Answer:
    return Answer(200, encode({"success": True, "data": element}))


def page_of(items: Sequence[Item], page: int, per_page: int) -> Sequence[Item]:
    return items[(page - 1) * per_page : page * per_page]


def paged(items: Sequence[bytes], page: int, per_page: int, total: int) -> Answer:
    first = (page - 1) * per_page + 1
    pagination = {
        "current_page": page,
        "last_page": last_page(total, per_page),
        "per_page": per_page,
        "total": total,
        "from": first if items else None,
        "to": first + len(items) - 1 if items else None,
    }
    body = b'{"success":true,"data":[%b],"pagination":%b}' % (b",".join(items), encode(pagination))
    return Answer(200, body)


def last_page(total: int, per_page: int) -> int:
    return max(-(-total // per_page), 1)
