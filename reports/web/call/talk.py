"""What was said, in order, with the tools used in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.formats import figures
from reports.queries.calls.payload_parts import Parts, Tool, Turn
from reports.web.call.latency import Answered
from reports.web.call.times import offset

MOST_LINES = 400
MOST_BYTES = 64_000  # of all that is said: a page has to stay light, however long the call was
MOST_TOOL_BYTES = 4_000
# Words for a role, not names: these become ours.
_AGENT, _PERSON = frozenset({"assistant", "agent", "bot", "ai"}), frozenset({"user", "human"})
_ROLES: Mapping[str, str | Promise] = {
    "caller": gettext_lazy("Caller"),
    "callee": gettext_lazy("Callee"),
    "customer": gettext_lazy("Customer"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A turn, or a tool when ``tool`` is there. ``speaker`` is empty where the one before goes on."""

    number: int
    side: str
    speaker: str
    text: str
    at: datetime | None
    offset: str
    cut: bool = False
    took: str = ""  # how long the answer took
    tool: "UsedTool | None" = None


@dataclass(frozen=True, slots=True)
class UsedTool:
    name: str
    input: str
    output: str
    failed: bool
    took: str


@dataclass(frozen=True, slots=True)
class Talk:
    """``shown`` of ``turns`` turns are in ``lines``; ``untimed`` are the tools whose moment is not told."""

    lines: Sequence[Line]
    turns: int
    shown: int
    untimed: Sequence[UsedTool]

    @property
    def cut(self) -> bool:
        return self.shown < self.turns or any(line.cut for line in self.lines)


def talk(parts: Parts, started: datetime, answers: Sequence[Answered], *, agent: str = "") -> Talk:
    """The conversation with its tools in place. ``agent`` names the agent where the vendor tells its role alone."""
    waiting = sorted((tool for tool in parts.tools if tool.at), key=lambda tool: tool.at or started)
    took = {answer.turn: answer.total for answer in answers if answer.turn is not None}
    lines: list[Line] = []
    left, before, shown = MOST_BYTES, "", 0
    for number, turn in enumerate(parts.transcript, 1):
        while waiting and turn.at and (waiting[0].at or started) < turn.at:
            lines.append(_tool_line(waiting.pop(0), started))
            before = ""
        if left <= 0 or len(lines) >= MOST_LINES:
            break
        text = turn.text if len(turn.text) * 4 <= left else turn.text.encode()[:left].decode("utf-8", "ignore")
        left -= len(text.encode())
        speaker = _speaker(turn, agent)
        heading = "" if speaker == before and lines else speaker
        answer = figures.value(took[number], "ms") if number in took else ""
        cut = len(text) < len(turn.text)
        when = offset(turn.at, started)
        lines.append(Line(number, turn.side, heading, text, turn.at, when, cut=cut, took=answer))
        shown, before = number, speaker
    else:
        lines.extend(_tool_line(tool, started) for tool in waiting[: max(0, MOST_LINES - len(lines))])
    untimed = [_used(tool) for tool in parts.tools if not tool.at][:MOST_LINES]
    return Talk(lines, len(parts.transcript), shown, untimed)


def _speaker(turn: Turn, agent: str) -> str:
    word = turn.speaker.strip()
    role = word.lower()
    if role in _AGENT:
        return agent or _("Agent")
    if role in _PERSON:
        return _("Person")
    return str(_ROLES.get(role, word[:80]))


def _tool_line(tool: Tool, started: datetime) -> Line:
    return Line(0, "tool", "", "", tool.at, offset(tool.at, started), tool=_used(tool))


def _used(tool: Tool) -> UsedTool:
    took = "" if tool.milliseconds is None else figures.value(tool.milliseconds, "ms")
    return UsedTool(tool.name[:200] or _("without a name"), shown(tool.input), shown(tool.output), tool.failed, took)


def shown(value: Any) -> str:
    """A folded value as text: JSON in lines, cut to what a page bears."""
    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return text if len(text) <= MOST_TOOL_BYTES else f"{text[:MOST_TOOL_BYTES]}…"
