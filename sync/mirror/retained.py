"""What of a vendor's element belongs to which class, and the element without it."""

import re
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from portal.privacy.registry import DataClass

# What stays of an element: when and how it went, in the vendors' words for it.
_KEPT = frozenset(
    {
        "agent_id",
        "answer_time",
        "call_id",
        "created_at",
        "direction",
        "duration",
        "end_time",
        "id",
        "initiation_time",
        "is_testing",
        "org_id",
        "status",
        "updated_at",
    }
)
# By the names of members: what people said, what was written of it, what was told to or by tools, and where it lies.
_SAID = re.compile(
    r"call_context|call_insights|tool_data|.*(?:transcri|utterance|conversation|dialog|summary|messages).*",
    re.IGNORECASE,
)
_RECORDED = re.compile(r".*recording.*", re.IGNORECASE)
_EMPTY = frozenset({b"null", b"[]", b"{}", b'""'})
# An element that can't be read may hold anything of these.
OF_UNREADABLE = frozenset({DataClass.RECORDINGS, DataClass.TRANSCRIPTS, DataClass.NUMBERS, DataClass.PAYLOADS})


def without(raw: str, over: Collection[DataClass]) -> str:
    """The element of a call without the classes that are over; the text itself where it has nothing of them."""
    if DataClass.PAYLOADS in over:
        return bare(raw)
    names = [name for what, name in ((DataClass.RECORDINGS, _RECORDED), (DataClass.TRANSCRIPTS, _SAID)) if what in over]
    return _left(raw, lambda name: any(each.fullmatch(name) for each in names)) if names else raw


def without_calls(raw: str) -> str:
    """The element of a campaign without its calls, each with a number: they are rows of their own."""
    return _left(raw, lambda name: name == "calls")


def bare(raw: str) -> str:
    """When and how a call went, and nobody's words."""
    try:
        element: Any = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        element = None
    members = element if isinstance(element, dict) else {}
    kept = {name: value for name, value in members.items() if name in _KEPT and _is_plain(value)}
    return raw if members and len(kept) == len(members) else msgspec.json.encode(kept).decode()


def _left(raw: str, goes: Callable[[str], bool]) -> str:
    """The element without the members that go and hold something; the other bytes as they are."""
    try:
        members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return bare(raw)
    left = {name: value for name, value in members.items() if bytes(value).strip() in _EMPTY or not goes(name)}
    return raw if len(left) == len(members) else msgspec.json.encode(left).decode()


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)
