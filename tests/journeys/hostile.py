"""A vendor that sends what nobody should show as it is: markup, formulas, control characters, endless words, in every
text field of both sandboxes. ``live`` tells what of it came through alive.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from sync.sandbox.server import Sandbox

MARK = "window.__pwned"
POISONS = (
    f"<script>{MARK}=1</script>",
    f'"><img src=x onerror="{MARK}=1">',
    f"'><svg/onload={MARK}=1>",
    f"</title></style></textarea></script><script>{MARK}=1</script><!--",
    f"javascript:{MARK}=1",
    f"{{{{ {MARK} }}}}{{% debug %}}{{# x #}}${{{MARK}}}#{{7*7}}<%= 7*7 %>",
    "\u202e\u2066gnp.exe\u2069\u200f \u202dabc",
    "🧨👩‍👩‍👧‍👦🏳️‍🌈 \ufeff\u200b ﷽ Z̸̡̢a̷̧l̴g̵o̸",
    '=HYPERLINK("http://evil.example","x")',
    "+1+cmd|'/C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r\n=1+1\r\nSet-Cookie: pwned=1\r\n\r\n<b>x</b>",
    "nul\x00byte \x01\x1b[31m\x7f \x85\u2028\u2029",
    "name " * 900,
    "w" * 4000,
    '{"a": [1, {"b": null}], "c": "d"}',
    "%s %(x)s {0} {x} \\u003cscript\\u003e &lt;script&gt; %3Cscript%3E",
    "../../etc/passwd?a=1&b=2#c;d",
)
NAMED = {"name", "label", "description", "language", "initial_message"}
KEPT = {"id", "call_id", "created_at", "updated_at", "is_testing", "call_agent_id"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT|^\d+(\.\d+)?$")


def poisoned(value: Any, poison: str, *, key: str = "") -> Any:
    """The same form with the poison in place of every text, names of keys beside the known ones included."""
    if key in KEPT:
        return value
    if isinstance(value, dict):
        return {name: poisoned(inner, poison, key=name) for name, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(inner, poison) for inner in value]
    return poison if isinstance(value, str) and not _TIME.match(value) else value


def poison(box: Sandbox, now: datetime) -> None:
    """Calls, agents and campaigns of both vendors. One call's transcript is a megabyte of it."""
    world, history = box.world, box.history
    samples = list(world.calls.values())[:: max(1, len(world.calls) // len(POISONS))]
    for number, (text, sample) in enumerate(zip(POISONS, samples, strict=False)):
        at = (now - timedelta(hours=3 + number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        fixed = {"created_at": at, "updated_at": at, "is_testing": False}
        fields = poisoned({name: value for name, value in sample.items() if name != "agent"}, text) | fixed
        agent = {"id": f"hostile-{number}", "name": text, "label": text}
        usual = {"status": "completed", "direction": sample["direction"]}
        world.insert(fields | usual | {"id": f"hostile-{number}", "agent": agent})
        world.insert(fields | {"id": f"odd-{number}", "agent": sample["agent"]})
    for place, element in enumerate([*world.agents, *world.campaigns]):
        element |= dict.fromkeys(NAMED & element.keys(), POISONS[place % len(POISONS)])
    placed = [each for agent in box.originsai_agents for each in history.elements(agent) if each["call_id"]]
    fullest = max(placed, key=lambda each: len(str(each)))
    for number, text in enumerate(POISONS):
        at = now - timedelta(hours=3 + number)
        times = {"initiation_time": at, "answer_time": at + timedelta(seconds=2), "end_time": at + timedelta(minutes=2)}
        stamps = {name: moment.isoformat() for name, moment in times.items()}
        fields = poisoned(fullest, text) | stamps | {"call_id": f"0000{number:04}-0000-4000-8000-000000000000"}
        fields |= {"call_status": "ANSWERED" if number % 2 else text}
        fields["call_timeline"] = [*(fields["call_timeline"] or ()), {"event": text, "timestamp": text}]
        history.insert(8, **fields)
    megabyte = "".join(POISONS) * (1_000_000 // len("".join(POISONS)) + 1)
    # How many texts the fullest has is another number each day; all of them together stay an element that is read.
    texts = str(poisoned(fullest, "\N{SNOWMAN}")).count("\N{SNOWMAN}")
    for element in (poisoned(fullest, megabyte[: min(50_000, 1_500_000 // texts)]), fullest):
        at = (now - timedelta(hours=2)).isoformat()
        talk = {"call_transcription": megabyte} if element is fullest else {}
        history.insert(8, **element | talk | {"call_id": f"long-{len(str(element))}", "initiation_time": at})


class Alive(HTMLParser):
    """What a browser would run or load of a document beyond what our own templates hold."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._script = tag == "script"
        self.found += [f"<{tag} {name}>" for name in given if name.startswith("on")]
        for name in ("href", "src", "action", "formaction", "xlink:href", "data"):
            if re.match(r"\s*(javascript|data|vbscript):", given.get(name, ""), re.IGNORECASE):
                self.found.append(f"<{tag} {name}={given[name][:40]}>")
        if given.get("src") == "x":
            self.found.append(f"<{tag} {given}>")

    def handle_data(self, data: str) -> None:
        if self._script and MARK in data:
            self.found.append(f"script: {data[:80]}")

    def handle_endtag(self, tag: str) -> None:
        self._script = False


def live(html: str) -> list[str]:
    return Alive(html).found


_FORMULA = re.compile(r"[\s\0\ufeff]*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d[\d.,:\s]*")


def formulas(cells: Iterator[str]) -> list[str]:
    """Cells that a spreadsheet would take for a formula."""
    return [cell[:80] for cell in cells if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell.strip())]
