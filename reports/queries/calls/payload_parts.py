"""The nested parts of a call's payload, read tolerantly: transcript, timeline, tools, quality, insights and the rest.

No inner form is documented, so nothing is relied on: null, ``{}``, ``[]``, one object where a list is expected and JSON
inside a string are all read. What is not understood is kept and shown as text; ``unrecognised`` names each part that
holds something of which nothing was understood. Depth, elements and text are bounded.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from reports.queries.calls.payload_times import Clock

MAX_DEPTH = 8
MAX_ELEMENTS = 1_000
MAX_TEXT = 20_000
MAX_NAMES = 5

_SPEAKER = ("role", "speaker", "sender", "source", "participant", "type", "name")
_TEXT = ("content", "text", "message", "transcript", "transcription", "utterance", "body")
_EVENT = ("state", "new_state", "to", "status", "call_status", "event", "event_type", "type", "name")
_TIME = ("timestamp", "time", "ts", "at", "created_at", "changed_at", "start_time", "start")
_TOOL = ("name", "tool_name", "tool", "function_name", "function")
_INPUT = ("arguments", "args", "parameters", "params", "input")
_OUTPUT = ("result", "output", "response")
_MAKER = ("provider", "model", "voice")
_UNITS = {"ms": 1.0, "s": 1000.0, "sec": 1000.0, "secs": 1000.0, "seconds": 1000.0}
_SIDES = dict.fromkeys(("assistant", "agent", "bot", "ai"), "agent") | dict.fromkeys(
    ("user", "human", "caller", "customer", "callee"), "person"
)
STAGES = {"stt": "stt_data", "llm": "llm_data", "tts": "tts_data"}


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
    at: datetime | None = None
    milliseconds: float | None = None


class Stage(Struct, frozen=True):
    """What a stage of the talk tells besides its latencies: how many turns, whose models, and tokens by their key."""

    turns: int = 0
    makers: list[str] = []
    tokens: dict[str, int] = {}


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
    audio: Facts = Facts()
    stages: dict[str, Stage] = {}
    unrecognised: list[str] = []


def parts(payload: Any, since: datetime | None = None) -> Parts:
    """The parts of a decoded payload. A call of a vendor that has none of them gives empty ones.

    ``since`` is the moment that times written as seconds of the call count from.
    """
    if not isinstance(payload, Mapping):
        return Parts()
    clock = Clock(since)
    unknown: list[str] = []
    timeline = [_event(item, clock) for item in _elements(payload.get("call_timeline"))]
    if not any(event.name for event in timeline):
        timeline = [_event(item, clock) for item in _elements(payload.get("call_state_changes"))]
    transcript = [_turn(item, clock) for item in _elements(payload.get("call_transcription"))]
    tools = [_tool(item, clock) for item in _elements(payload.get("tool_data"))]
    understood = {
        "call_timeline": [event for event in timeline if event.name or event.at],
        "call_transcription": [turn for turn in transcript if turn.text],
        "tool_data": [tool for tool in tools if tool.name],
    }
    for key, items in understood.items():
        if not items and _filled(payload.get(key)):
            unknown.append(key)
    facts = {
        key: _facts(payload.get(key), key, unknown)
        for key in ("call_quality", "call_insights", "call_context", "audio_config")
    }
    return Parts(
        transcript=[turn for turn in transcript if turn.text],
        timeline=[event for event in timeline if event.name or event.at],
        tools=[tool for tool in tools if tool.name or tool.input is not None or tool.output is not None],
        quality=facts["call_quality"],
        insights=facts["call_insights"],
        context=facts["call_context"],
        audio=facts["audio_config"],
        stages={name: _stage(items) for name, key in STAGES.items() if (items := _elements(payload.get(key)))},
        unrecognised=unknown,
    )


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


def _opened(value: Any) -> Any:
    """JSON inside a string, parsed once; anything else as it is."""
    if isinstance(value, str) and value.strip()[:1] in ("{", "["):
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return value
    return value


def _filled(value: Any) -> bool:
    items = _elements(value)
    return any(not isinstance(item, Mapping) or item for item in items)


def _elements(value: Any) -> list[Any]:
    value = _opened(value)
    if value is None or value == "" or value == {}:
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


def _turn(item: Any, clock: Clock) -> Turn:
    if not isinstance(item, Mapping):
        return Turn("", "", _text(item))
    if len(item) == 1:
        ((speaker, words),) = item.items()
        if speaker not in _TEXT:
            return Turn(str(speaker)[:MAX_TEXT], _side(str(speaker)), _text(words))
    speaker = _text(_first(item, _SPEAKER))
    text = _first(item, _TEXT)
    spoken = _text(item if text is None and item else text)
    return Turn(speaker, _side(speaker), spoken, clock.read(_first(item, _TIME)))


def _side(speaker: str) -> str:
    return _SIDES.get(speaker.strip().lower(), "")


def _event(item: Any, clock: Clock) -> Event:
    if not isinstance(item, Mapping):
        return Event(_text(item))
    time = _first(item, _TIME)
    return Event(_text(_first(item, _EVENT)), clock.read(time), _text(time))


def _tool(item: Any, clock: Clock) -> Tool:
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
        clock.read(_first(item, (*_TIME, "called_at", "started_at"))),
        _milliseconds(item),
    )


def _milliseconds(item: Mapping[str, Any]) -> float | None:
    """How long it took: the first number whose key says a duration and its unit."""
    for key, value in item.items():
        word, _, unit = str(key).lower().rpartition("_")
        timed = any(part in word for part in ("duration", "latency", "elapsed"))
        if timed and unit in _UNITS and isinstance(value, int | float) and 0 <= value * _UNITS[unit] <= 3_600_000:
            return value * _UNITS[unit]
    return None


def _stage(items: list[Any]) -> Stage:
    makers: dict[str, None] = {}
    tokens: dict[str, int] = {}
    for item in items:
        if not isinstance(item, Mapping):
            continue
        for key in _MAKER:
            if isinstance(value := item.get(key), str) and value and len(makers) < MAX_NAMES:
                makers.setdefault(value[:200])
        for key, value in item.items():
            counted = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**9
            if counted and "token" in key.lower() and (key in tokens or len(tokens) < MAX_NAMES):
                tokens[key] = tokens.get(key, 0) + value
    return Stage(len(items), list(makers), tokens)


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
