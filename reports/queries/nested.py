"""The nested parts of a call's payload, read tolerantly: transcript, timeline, tools, quality, insights.

No inner form is documented, so nothing is relied on: null, ``{}``, ``[]``, one object where a list is expected and JSON
inside a string are all read. What is not understood is kept and shown as text; ``recognised`` is False for a part that
holds something of which nothing was understood. Depth, elements and text are bounded.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

MAX_DEPTH = 8
MAX_ELEMENTS = 1_000
MAX_TEXT = 20_000

_SPEAKER = ("role", "speaker", "sender", "source", "participant", "type", "name")
_TEXT = ("content", "text", "message", "transcript", "transcription", "utterance", "body")
_EVENT = ("state", "new_state", "to", "status", "call_status", "event", "event_type", "type", "name")
_TIME = ("timestamp", "time", "ts", "at", "created_at", "changed_at", "start_time", "start")
_TOOL = ("name", "tool_name", "tool", "function_name", "function")
_INPUT = ("arguments", "args", "parameters", "params", "input")
_OUTPUT = ("result", "output", "response")
_SIDES = dict.fromkeys(("assistant", "agent", "bot", "ai"), "agent") | dict.fromkeys(
    ("user", "human", "caller", "customer", "callee"), "person"
)


class Turn(Struct, frozen=True):
    speaker: str  # as the vendor wrote it
    side: str  # agent, person, or "" for anybody else
    text: str
    at: datetime | None = None


class Event(Struct, frozen=True):
    name: str
    at: datetime | None = None
    time: str = ""  # as the vendor wrote it


class Tool(Struct, frozen=True):
    name: str
    input: Any = None
    output: Any = None
    failed: bool = False


class Facts(Struct, frozen=True):
    """Top-level scalars as rows, the rest folded."""

    rows: dict[str, str | int | float | bool] = {}
    rest: dict[str, Any] = {}


class Parts(Struct, frozen=True):
    """All that one call's payload tells beyond its columns; ``unrecognised`` names the parts in a form not known."""

    transcript: list[Turn] = []
    timeline: list[Event] = []
    tools: list[Tool] = []
    quality: Facts = Facts()
    insights: Facts = Facts()
    context: Facts = Facts()
    unrecognised: list[str] = []


def parts(payload: Any) -> Parts:
    """The parts of a decoded payload. A call of a vendor that has none of them gives empty ones."""
    if not isinstance(payload, Mapping):
        return Parts()
    unknown: list[str] = []
    timeline = [_event(item) for item in _elements(payload.get("call_timeline"))]
    if not any(event.name for event in timeline):
        timeline = [_event(item) for item in _elements(payload.get("call_state_changes"))]
    transcript = [_turn(item) for item in _elements(payload.get("call_transcription"))]
    tools = [_tool(item) for item in _elements(payload.get("tool_data"))]
    found = {
        "call_timeline": [event for event in timeline if event.name or event.at],
        "call_transcription": [turn for turn in transcript if turn.text],
        "tool_data": [tool for tool in tools if tool.name],
    }
    for key, items in found.items():
        if not items and _filled(payload.get(key)):
            unknown.append(key)
    facts = {key: _facts(payload.get(key), key, unknown) for key in ("call_quality", "call_insights", "call_context")}
    return Parts(
        transcript=[turn for turn in transcript if turn.text],
        timeline=[event for event in timeline if event.name or event.at],
        tools=[tool for tool in tools if tool.name or tool.input is not None or tool.output is not None],
        quality=facts["call_quality"],
        insights=facts["call_insights"],
        context=facts["call_context"],
        unrecognised=unknown,
    )


def read_moment(value: Any) -> datetime | None:
    """ISO with ``T`` or a blank, or Unix seconds or milliseconds; without an offset UTC. None when unreadable."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    try:
        if text.replace(".", "", 1).isdecimal():
            seconds = float(text)
            return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _opened(value: Any) -> Any:
    """JSON inside a string, parsed once; anything else as it is."""
    if isinstance(value, str) and value.strip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _filled(value: Any) -> bool:
    items = _elements(value)
    return any(not isinstance(item, Mapping) or item for item in items)


def _elements(value: Any) -> list[Any]:
    value = _opened(value)
    if value is None or value == "":
        return []
    if isinstance(value, list):
        return value[:MAX_ELEMENTS]
    return [value]


def _first(item: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((item[key] for key in keys if item.get(key) not in (None, "", [], {})), None)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    return json.dumps(bounded(value), ensure_ascii=False)[:MAX_TEXT]


def bounded(value: Any, depth: int = MAX_DEPTH) -> Any:
    """The value, cut below ``depth``, beyond the number of elements and the length of text that are shown."""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if not isinstance(value, Mapping | list):
        return value
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): bounded(item, depth - 1) for key, item in list(value.items())[:MAX_ELEMENTS]}
    return [bounded(item, depth - 1) for item in value[:MAX_ELEMENTS]]


def _turn(item: Any) -> Turn:
    if not isinstance(item, Mapping):
        return Turn("", "", _text(item))
    if len(item) == 1:
        ((speaker, said),) = item.items()
        if speaker not in _TEXT:
            return Turn(str(speaker), _side(str(speaker)), _text(said))
    speaker = _text(_first(item, _SPEAKER))
    text = _first(item, _TEXT)
    said = _text(item if text is None and item else text)
    return Turn(speaker, _side(speaker), said, read_moment(_first(item, _TIME)))


def _side(speaker: str) -> str:
    return _SIDES.get(speaker.strip().lower(), "")


def _event(item: Any) -> Event:
    if not isinstance(item, Mapping):
        return Event(_text(item))
    time = _first(item, _TIME)
    return Event(_text(_first(item, _EVENT)), read_moment(time), _text(time))


def _tool(item: Any) -> Tool:
    if not isinstance(item, Mapping):
        return Tool(_text(item))
    name = _first(item, _TOOL)
    if isinstance(name, Mapping):  # {"function": {"name": …, "arguments": …}}
        item = {**item, **name}
        name = _first(item, _TOOL[:-1])
    failed = bool(item.get("error")) or item.get("success") is False
    output = _first(item, _OUTPUT)
    return Tool(
        _text(name),
        bounded(_opened(_first(item, _INPUT))),
        bounded(_opened(item.get("error") if output is None and failed else output)),
        failed,
    )


def _facts(value: Any, key: str, unknown: list[str]) -> Facts:
    value = _opened(value)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        if value not in (None, "", []):
            unknown.append(key)
            return Facts(rest={key: bounded(value)})
        return Facts()
    rows = {str(name): item for name, item in value.items() if isinstance(item, str | int | float)}
    first = [name for name in ("summary", "sentiment", "outcome", "disposition") if name in rows]
    ordered = first + [name for name in rows if name not in first]
    rest = {str(name): bounded(item) for name, item in value.items() if str(name) not in rows and item is not None}
    return Facts({name: bounded(rows[name]) for name in ordered[:MAX_ELEMENTS]}, rest)
