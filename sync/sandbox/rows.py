"""Calls as they are served: each element written to JSON once, kept by UTC day, newest first.

A day filter costs its result, not the history.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

Element = dict[str, Any]
_encode = msgspec.json.Encoder().encode


def agent_id(element: Element) -> str:
    agent = element.get("agent")
    return str(agent.get("id")) if isinstance(agent, dict) else ""


class Row:
    """One call: the element as ``/calls`` serves it, and its bytes."""

    __slots__ = ("_bare", "body", "element", "key")

    def __init__(self, element: Element) -> None:
        self.element = element
        self.body = _encode(element)
        self.key = (str(element.get("created_at")), str(element.get("id")))
        self._bare: bytes | None = None

    @property
    def bare(self) -> bytes:
        """The bytes without the agent, as ``/agents/{id}/calls`` serves them."""
        if self._bare is None:
            self._bare = _encode({name: value for name, value in self.element.items() if name != "agent"})
        return self._bare


@dataclass(frozen=True, slots=True)
class Selection:
    """Which calls a list asks for. ``since`` and ``before`` are timestamps as served, half-open; empty is no bound."""

    since: str = ""
    before: str = ""
    status: str = ""
    direction: str = ""
    agent: str = ""
    search: str = ""

    def test(self) -> Callable[[Element], bool] | None:
        """What an element has to pass besides its time; None when nothing is asked."""
        equal = [(name, value) for name, value in (("status", self.status), ("direction", self.direction)) if value]
        if not (equal or self.agent or self.search):
            return None

        def passes(element: Element) -> bool:
            if any(element.get(name) != value for name, value in equal):
                return False
            if self.agent and agent_id(element) != self.agent:
                return False
            return not self.search or any(self.search in str(element.get(name)) for name in ("to", "from", "sid"))

        return passes


class CallStore:
    """All rows of one environment. Not safe from several threads by itself: its world's lock guards it."""

    def __init__(self) -> None:
        self.version = 0
        self.by_id: dict[str, Row] = {}
        self._days: dict[str, list[Row]] = {}
        self._untidy: set[str] = set()
        self._lists: OrderedDict[Selection, tuple[int, list[Row]]] = OrderedDict()

    def put(self, element: Element) -> None:
        row = Row(element)
        day = row.key[0][:10]
        self.by_id[row.key[1]] = row
        self._days.setdefault(day, []).append(row)
        self._untidy.add(day)
        self.version += 1

    def take(self, call_id: str) -> Element:
        row = self.by_id.pop(call_id)
        self._days[row.key[0][:10]].remove(row)
        self.version += 1
        return row.element

    def day(self, day: str) -> list[Row]:
        """The calls of a UTC day, newest first."""
        rows = self._days.get(day, [])
        if day in self._untidy:
            rows.sort(key=_by_key, reverse=True)
            self._untidy.discard(day)
        return rows

    def busy_days(self) -> list[str]:
        return sorted(day for day, rows in self._days.items() if rows)

    def rows(self, selection: Selection) -> Sequence[Row]:
        cached = self._lists.get(selection)
        if cached is not None and cached[0] == self.version:
            return cached[1]
        rows = list(self._walk(selection))
        self._lists[selection] = (self.version, rows)
        if len(self._lists) > 16:
            self._lists.popitem(last=False)
        return rows

    def _walk(self, selection: Selection) -> Iterator[Row]:
        since, before, passes = selection.since, selection.before, selection.test()
        for day in sorted(self._days, reverse=True):
            if (before and day >= before) or (since and day < since[:10]):
                continue
            rows: Iterable[Row] = self.day(day)
            if since > day or before[:10] == day:  # the bound lies within this day
                rows = [row for row in rows if row.key[0] >= since and (not before or row.key[0] < before)]
            if passes is not None:
                rows = [row for row in rows if passes(row.element)]
            yield from rows


def _by_key(row: Row) -> tuple[str, str]:
    return row.key
