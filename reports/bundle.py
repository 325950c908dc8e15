"""Queries that one page needs, asked of the database as one statement.

Whoever needs rows adds a queryset and gets back a place where its rows will stand once the bundle was fetched. So what
is asked in two steps is a function that adds its querysets at once and returns another one, to be called after the
fetch: a :data:`Later`.
"""

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from django.db.models import IntegerField, QuerySet, TextField, Value
from django.db.models.functions import Cast, JSONArray

from portal.django_inside import surely_empty
from reports.definitions.periods import at_of

T = TypeVar("T")
Later = Callable[[], T]
_NUMBER, _TEXT = IntegerField(), TextField()
PARTS = 200  # of one statement; SQLite takes up to 500


@dataclass(slots=True)
class Got:
    """Rows of one queryset, in no order; empty until the bundle was fetched. Every value is as JSON gives it."""

    rows: list[list[Any]] = field(default_factory=list)


class Bundle:
    """Holds querysets until :meth:`fetch`. Columns of different querysets need not be alike.

    Moments do not survive JSON alike in all databases: add them as numbers.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[QuerySet[Any], Got]] = []
        self._known: dict[Hashable, Any] = {}

    def add(self, rows: QuerySet[Any], *columns: Any) -> Got:
        """``columns`` are names or expressions, over the groups where ``rows`` are grouped already."""
        got = Got()
        if not surely_empty(rows):
            place = Value(len(self._parts), output_field=_NUMBER)
            asked = rows.order_by().annotate(bundle_part=place, bundle_row=Cast(JSONArray(*columns), _TEXT))
            self._parts.append((asked.values_list("bundle_part", "bundle_row"), got))
        return got

    def once(self, key: Hashable, ask: Callable[[], T]) -> T:
        """What ``ask`` gave when it was called for this key the first time."""
        if key not in self._known:
            self._known[key] = ask()
        value: T = self._known[key]
        return value

    def fetch(self, at_once: int = PARTS) -> None:
        """One statement for each ``at_once`` querysets, none for an empty bundle."""
        waiting, self._parts = self._parts, []
        for start in range(0, len(waiting), at_once):
            parts = waiting[start : start + at_once]
            first, *others = [rows for rows, _got in parts]
            texts: list[list[str]] = [[] for _part in parts]
            for place, row in first.union(*others, all=True) if others else first:
                texts[place - start].append(row)
            for (_rows, got), rows_as_text in zip(parts, texts, strict=True):
                # All rows of a part as one text: row by row, decoding would take most of a page's time.
                got.rows = msgspec.json.decode(f"[{','.join(rows_as_text)}]")


def grouped_by(rows: QuerySet[Any], names: Sequence[str]) -> QuerySet[Any]:
    """Rows to aggregate by some columns; without any, all of them together, which gives one row even of nothing."""
    grouped: QuerySet[Any] = rows
    if not names:
        names, grouped = ("everything",), rows.annotate(everything=Value(1, output_field=_NUMBER))
    return grouped.values(*names)


def moment(microseconds: int | None) -> datetime | None:
    """A moment that was added as ``measures.Microseconds``."""
    return None if microseconds is None else at_of(microseconds)


def unfolded(value: Any) -> Any:
    """A column of JSON within a row: SQLite gives its text."""
    return json.loads(value) if isinstance(value, str) else value
