"""What a reader looks for by one word: a call by its id, a contact by its whole number or opaque id, agents by name.

Each look follows an index or a list that is short anyway, so the word costs the same however many calls there are.
Calls by a part of a number are the list's to find.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from portal.lib.phones import digits, readings, written
from reports.queries.agents import agents
from reports.queries.calls.lists import CallRow, masked, row_of
from reports.queries.contacts.contact import latest_call
from reports.queries.contacts.ids import contact_digits_of, contact_id
from reports.queries.scope import Scope
from reports.queries.seen import seen
from sync.models.agents import Agent
from sync.models.calls import Call

T = TypeVar("T")

MOST = 20  # of each kind
LONGEST = 200  # letters of a word
SHORTEST_PART = 4  # digits that may be a part of a number


@dataclass(frozen=True, slots=True)
class FoundContact:
    """``id`` is opaque, ``number`` as the reader may see it."""

    id: str
    number: str


@dataclass(frozen=True, slots=True)
class Found:
    """``part`` are digits that may be a part of a number, "" for who may not search by numbers."""

    calls: Sequence[CallRow] = ()
    contacts: Sequence[FoundContact] = ()
    agents: Sequence[Agent] = ()
    part: str = ""


def find(word: str, scope: Scope) -> Found:
    """The wall of the scope's tenant must be open. Nothing for an empty word; foreign and absent are alike."""
    word = " ".join(word[:LONGEST].split()).replace("\0", "")
    if not word:
        return Found()
    number = digits(word) if scope.sees_numbers and not any(map(str.isalpha, word)) else ""
    return Found(
        calls=_calls(word, scope),
        contacts=_contacts(word, number, scope),
        agents=with_word(word, agents(scope), str),
        part=number if len(number) >= SHORTEST_PART else "",
    )


def with_word(word: str, rows: Iterable[T], text: Callable[[T], str]) -> list[T]:
    """The first rows whose text holds every part of the word, with or without accents."""
    parts = _plain(word).split()
    return [row for row in rows if all(part in _plain(text(row)) for part in parts)][:MOST]


def _plain(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(sign))


def _calls(word: str, scope: Scope) -> list[CallRow]:
    """By our id or the vendor's. An id made of a number that the reader may not see finds nothing."""
    named = (
        seen(Call, scope).filter(external_id=word).order_by("-started_at", "-pk").values_list("pk", flat=True)[:MOST]
    )
    rows = [row for pk in named[:MOST] if (row := row_of(pk, scope))["external_id"] == word]
    with suppress(Call.DoesNotExist):
        rows.append(row_of(word, scope))
    return list({row["id"]: row for row in rows}.values())


def _contacts(word: str, number: str, scope: Scope) -> list[FoundContact]:
    ids = [contact_id(each, scope) for each in readings(number)] if number else []
    ids += [word] if contact_digits_of(word, scope) else []
    return [
        FoundContact(each, masked(written(contact_digits_of(each, scope)), scope))
        for each in dict.fromkeys(ids)
        if latest_call(each, scope)
    ]
