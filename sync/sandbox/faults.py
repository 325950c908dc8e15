"""What goes wrong on demand, in one notation for tests, the command line and ``POST /_sandbox/faults``.

``NAME``, ``NAME=RATE`` or ``NAME@KEY=VALUE,KEY=VALUE`` is a rule: ``429=0.02`` spoils two answers in a hundred,
``500@path=/campaigns,times=2`` the next two of that list, ``500@day=2026-07-03`` every answer whose dates hold the day.
Keys are path (with * as a wildcard), day, page, tenant, vendor, times, rate. ``NAME=VALUE`` with a name of
:class:`Settings` sets how a fault looks: ``retry_after=date``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from email.utils import formatdate
from fnmatch import fnmatchcase
from random import Random
from threading import Lock
from time import time
from typing import Any
from zoneinfo import ZoneInfo

# Answered instead of the truth.
STATUSES = ("400", "401", "403", "404", "422", "429", "500", "502", "503")
DOCUMENTS = ("html", "empty", "null", "object", "broken")
# The truth, sent badly.
WIRES = ("slow", "drip", "drip_head", "endless_head", "hang", "truncated", "cut", "cut_chunked", "reset")
# The truth, compressed, which is no fault by itself.
CODINGS = ("gzip",)
# The truth of a list with something in it that is not.
LISTS = ("empty_page", "vanished")
# More than a reader can want: each element long, elements that hold nothing, elements without an id.
BURSTS = ("heavy", "empty_objects", "nameless")
ITEMS = (
    "malformed", "nul", "surrogate", "nan", "huge_number", "huge_integer", "deep", "duplicate_keys", "far_year",
)  # fmt: skip
# The truth itself moves: the world changes, and stays changed.
CHANGES = ("drift", "unknown", "wrong_types")
KINDS = (*STATUSES, *DOCUMENTS, *WIRES, *CODINGS, *LISTS, *BURSTS, *ITEMS, *CHANGES)
_INSTEAD = frozenset((*STATUSES, *DOCUMENTS, *WIRES))


class FaultError(ValueError):
    """A fault that can't be read; the text is one sentence."""


@dataclass(slots=True)
class Settings:
    retry_after: str = "1"  # of a 429: text as it is, or date, past, missing
    slow_seconds: float = 5.0
    drip_seconds: float = 10.0
    burst_mb: float = 20.0  # of a heavy list, or of empty objects
    burst_count: int = 20_000  # elements without an id
    latency: float = 0.0  # seconds before every answer
    date_skew: float = 0.0  # seconds the Date header is ahead
    reject_after: int = -1  # that many requests more, then 401 for good
    day_zone: str = ""  # the vendor's days are this zone's, not UTC's
    exclusive_end: bool = False  # the vendor leaves out date_to itself
    spoil_items: int = 0  # of a list, always the same ones; 0: one, by chance
    spoil_only: str = ""  # of a list, those that hold this text
    drift_inserts: int = 2  # calls a drift adds, changes and removes
    drift_changes: int = 2
    drift_drops: int = 1
    drift_limit: int = 200  # calls that may move in all


@dataclass(slots=True)
class Rule:
    kind: str
    rate: float = 1.0
    path: str = ""
    day: str = ""
    page: str = ""
    tenant: str = ""
    vendor: str = ""
    times: int = -1  # how often it still strikes; below zero: for ever

    def fits(self, target: "Target") -> bool:
        return (
            self.times != 0
            and (not self.path or fnmatchcase(target.path, self.path))
            and self.tenant in ("", target.tenant)
            and self.vendor in ("", target.vendor)
            and self.page in ("", target.params.get("page") or "1")
            and (not self.day or target.holds(self.day))
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A request as rules see it: the path below the vendor's base address."""

    vendor: str
    tenant: str
    path: str
    params: Mapping[str, str]

    def holds(self, day: str) -> bool:
        first = self.params.get("date_from") or self.params.get("start_date") or ""
        last = self.params.get("date_to") or self.params.get("end_date") or ""
        return bool(first or last) and first <= day and (not last or day <= last)


class Faults:
    """The rules in force. Chance is drawn from a seed, under a lock."""

    def __init__(self, *specs: str, seed: int = 1) -> None:
        self.specs = specs
        self.settings = Settings()
        self.rules: list[Rule] = []
        self.struck: dict[str, int] = {}  # how often each kind struck
        self.drifted = 0
        self._seen = 0
        self._lock = Lock()
        self._rng = Random(seed)  # noqa: S311
        for spec in specs:
            self._read(spec)

    @classmethod
    def of(cls, specs: "Faults | Iterable[str] | None") -> "Faults":
        return specs if isinstance(specs, Faults) else cls(*(specs or ()))

    def strikes(self, target: Target) -> frozenset[str]:
        """The kinds that strike this request; at most one of those that replace the answer or spoil its sending."""
        with self._lock:
            self._seen += 1
            struck: set[str] = set()
            if 0 <= self.settings.reject_after < self._seen:
                struck.add("401")
            for rule in self.rules:
                if rule.kind in _INSTEAD and struck & _INSTEAD:
                    continue
                if rule.kind == "empty_page" and not rule.page and target.params.get("page", "1") == "1":
                    continue  # in the middle, unless a rule says where
                if rule.fits(target) and self._rng.random() < rule.rate:
                    rule.times -= rule.times > 0
                    struck.add(rule.kind)
            for kind in struck:
                self.struck[kind] = self.struck.get(kind, 0) + 1
            return frozenset(struck)

    def drift_room(self, moves: int) -> int:
        """How many of the wanted moves are still allowed; they count as made."""
        with self._lock:
            room = max(min(moves, self.settings.drift_limit - self.drifted), 0)
            self.drifted += room
            return room

    def pick(self, count: int) -> int:
        with self._lock:
            return self._rng.randrange(count)

    def retry_after(self) -> dict[str, str]:
        form = self.settings.retry_after
        if form == "missing":
            return {}
        if form in ("date", "past"):
            at = time() + self.settings.date_skew + (2 if form == "date" else -3600)
            return {"Retry-After": formatdate(at, usegmt=True)}
        return {"Retry-After": form}

    def _read(self, spec: str) -> None:
        head, _, tail = spec.partition("@")
        name, given, value = head.partition("=")
        if given and name in _SETTINGS and not tail:
            setattr(self.settings, name, _setting(name, value))
            return
        if name not in KINDS:
            raise FaultError(f"There is no fault “{name}”. There are: {', '.join((*KINDS, *_SETTINGS))}.")
        rule = Rule(name, rate=_number(spec, value) if given else 1.0)
        for pair in filter(None, tail.split(",")):
            key, _, text = pair.partition("=")
            if key in ("path", "day", "page", "tenant", "vendor"):
                setattr(rule, key, text)
            elif key == "times":
                rule.times = int(_number(spec, text))
            elif key == "rate":
                rule.rate = _number(spec, text)
            else:
                raise FaultError(f"“{key}” in “{spec}” is none of path, day, page, tenant, vendor, times, rate.")
        if rule.day:
            _day(spec, rule.day)
        self.rules.append(rule)


_SETTINGS: dict[str, Any] = {item.name: item.default for item in fields(Settings)}


def _setting(name: str, value: str) -> Any:
    kind = type(_SETTINGS[name])
    if kind is bool:
        return value.lower() in ("1", "true", "yes", "on")
    if name == "day_zone" and value:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError) as error:
            raise FaultError(f"“{value}” is no time zone.") from error
    return value if kind is str else kind(_number(f"{name}={value}", value))


def _number(spec: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise FaultError(f"“{spec}” needs a number, not “{text}”.") from error


def _day(spec: str, text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise FaultError(f"“{spec}” needs a day as 2026-07-03.") from error
