"""What faults do to lists: drift and odd fields change the world and stay; a malformed item is only shown so once."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from sync.sandbox.faults import ITEMS, Faults, Settings
from sync.sandbox.rows import Element, Row, Selection
from sync.sandbox.world import World

_MOVES = ("insert", "change", "drop")


def drift(world: World, selection: Selection, faults: Faults) -> None:
    """Move calls within the list that is being walked: new ones at its head, changes and removals anywhere."""
    settings = faults.settings
    for move, times in zip(_MOVES, (settings.drift_inserts, settings.drift_changes, settings.drift_drops), strict=True):
        for _ in range(faults.drift_room(times)):
            rows = world.rows(selection)
            if not rows:
                return
            row = rows[faults.pick(len(rows))]
            if move == "insert":
                _insert(world, rows[0].element)
            elif move == "drop":
                world.drop(row.key[1])
            else:
                world.change(row.key[1], **_changed(row.element))


def deform(world: World, shown: Sequence[Row], kind: str, faults: Faults) -> None:
    """Give one call of the page words, fields or types that no page documents; the call keeps them."""
    if not shown:
        return
    row = shown[faults.pick(len(shown))]
    choices = _UNKNOWN if kind == "unknown" else _WRONG
    world.change(row.key[1], **choices[faults.pick(len(choices))](row.element))


def items(
    bodies: list[bytes], struck: frozenset[str], faults: Faults, names: Mapping[str, str] | None = None
) -> list[bytes]:
    """The list with one item, or those the settings name, spoiled for each kind that strikes; the world stays as it is.

    ``names`` says what another vendor calls Talkover's id, sid, duration and created_at.
    """
    steady = faults.settings.spoil_items or faults.settings.spoil_only
    for kind in ITEMS:
        if kind in struck and bodies:
            places = _steady(bodies, faults.settings) if steady else [faults.pick(len(bodies))]
            bodies = list(bodies)
            for at in places:
                choices = _ITEMS[kind]
                chosen = _sum(bodies[at])[-1] % len(choices) if steady else faults.pick(len(choices))
                bodies[at] = choices[chosen](bodies[at], names or {})
    return bodies


def _steady(bodies: Sequence[bytes], settings: Settings) -> list[int]:
    """The places of some items that are the same ones whenever a list with them is asked for."""
    if settings.spoil_only:
        return [at for at, body in enumerate(bodies) if settings.spoil_only.encode() in body]
    return sorted(range(len(bodies)), key=lambda at: _sum(bodies[at]))[: settings.spoil_items]


def _sum(body: bytes) -> bytes:
    return blake2b(body).digest()


def burst(bodies: list[bytes], struck: frozenset[str], faults: Faults) -> list[bytes]:
    """The list with more in it than anybody wants; several elements may come as one text with their commas."""
    size = int(faults.settings.burst_mb * 1_000_000)
    if "heavy" in struck and bodies:
        # One sign beyond the first plane makes a program that holds text by the character take four bytes for each.
        # A list of one or two stays below the limit of a single element, whatever hour of a day it is the first of.
        text = "\N{GRINNING FACE}".encode() + b"x" * (size // max(len(bodies), 3))
        bodies = [b'%b,"burst":"%b"}' % (body[:-1], text) for body in bodies]
    if "empty_objects" in struck:
        bodies = [*bodies, b"{}" + b",{}" * (size // 3 - 1)]
    if "nameless" in struck:
        bodies = [*bodies, *(b'{"note":%d}' % number for number in range(faults.settings.burst_count))]
    return bodies


def _insert(world: World, newest: Element) -> None:
    """A call in the same second as the newest of the list, so that every later row slides."""
    moment = newest["created_at"]
    world.insert(
        created_at=moment,
        updated_at=moment,
        **{name: newest[name] for name in ("agent", "direction", "status", "is_testing", "duration") if name in newest},
        **_ends(newest),
    )


def _ends(newest: Element) -> dict[str, Any]:
    """The line of the agent stays, the contact is drawn anew."""
    side = "to" if newest.get("direction") == "inbound" else "from"
    return {name: newest[name] for name in (side, f"{side}_formatted") if name in newest}


def _changed(element: Element) -> dict[str, Any]:
    duration = element.get("duration")
    if element.get("status") == "completed" and isinstance(duration, int):
        return {"duration": duration + 1}
    return {"is_testing": not element.get("is_testing")}


_UNKNOWN: tuple[Callable[[Element], dict[str, Any]], ...] = (
    lambda element: {"status": "voicemail"},
    lambda element: {"status": "transferred", "transferred_to": "+551120000999"},
    lambda element: {"sentiment": {"label": "neutral", "score": 0.4}, "cost": "0.0312"},
)
_WRONG: tuple[Callable[[Element], dict[str, Any]], ...] = (
    lambda element: {"duration": str(element.get("duration"))},
    lambda element: {"is_testing": "true" if element.get("is_testing") else "false"},
    lambda element: {"to_formatted": None, "from_formatted": 17},
    lambda element: {"agent": {**element["agent"], "label": ["x"]}} if isinstance(element.get("agent"), dict) else {},
)


Names = Mapping[str, str]
Spoiler = Callable[[bytes, Names], bytes]


def _with(name: str, raw: bytes) -> Spoiler:
    """A spoiler that puts raw JSON text into one field."""

    def spoil(body: bytes, names: Names) -> bytes:
        element = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        return msgspec.json.encode({**element, names.get(name, name): msgspec.Raw(raw)})

    return spoil


_ITEMS: dict[str, tuple[Spoiler, ...]] = {
    "malformed": (
        lambda body, names: b'"gone"',
        lambda body, names: b"17",
        lambda body, names: b"[]",
        _with("id", b"{}"),
        _with("id", b"[17]"),
    ),
    "nul": (_with("sid", rb'"CA\u0000x"'),),
    "surrogate": (_with("sid", rb'"CA\ud800x"'),),
    "nan": (_with("duration", b"NaN"),),
    "huge_number": (_with("duration", b"1e999"),),
    "huge_integer": (_with("duration", b"9" * 5000),),
    "deep": (_with("extra", b"[" * 100_000 + b"]" * 100_000),),
    "duplicate_keys": (lambda body, names: body[:-1] + b',"status":"failed","status":"completed"}',),
    "far_year": (_with("created_at", b'"10001-01-01T00:00:00Z"'),),
}
