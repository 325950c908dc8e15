"""The small marks of calls in a list: their flags, and how many notes they have, in one query."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Value

from reports.annotations.flags import FLAGS
from reports.annotations.models import CallFlag, CallNote
from reports.annotations.within import of_calls
from reports.queries.scope import Scope

_NOTE = ""  # stands among the flags for a note


@dataclass(frozen=True, slots=True)
class Marks:
    flags: tuple[str, ...] = ()
    notes: int = 0


def marks_of(call_ids: Iterable[UUID | str], scope: Scope) -> dict[str, Marks]:
    """The marks of some calls, by call id; calls without any are left out. One query."""
    ids = list(call_ids)
    flags = of_calls(CallFlag, ids, scope).values_list("call_id", "flag")
    notes = of_calls(CallNote, ids, scope).values_list("call_id", Value(_NOTE))
    by_call: dict[str, list[str]] = {}
    for key, word in flags.union(notes, all=True):
        by_call.setdefault(str(key), []).append(word)
    return {
        key: Marks(tuple(flag for flag in FLAGS if flag in words), words.count(_NOTE)) for key, words in by_call.items()
    }
