"""Reads the first rows of a list in one statement, each part of it along an index that is in the list's order.

Several environments or agents have no common order in any index: each gives its first rows, and the first of these are
the list's.
"""

from collections.abc import Iterable, Sequence
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from portal.django_inside import surely_empty
from reports.queries.calls.numbers import asked_number
from reports.queries.selector import Selector

MOST_BRANCHES = 40
Rows = QuerySet[Any]


def branches(selector: Selector, *, dated: bool) -> list[dict[str, Any]]:
    """What to hand to :meth:`Selector.calls` for parts that together are all calls, each with one index to walk."""
    if not selector.environments:
        return []
    if names_few_calls(selector, dated=dated):
        return [{}]
    if selector.agent_ids is not None and len(selector.agent_ids) <= MOST_BRANCHES:
        return [{"environments": (home,), "agent": agent} for agent, home in sorted(selector.homes().items())]
    return [{"environments": (key,)} for key in sorted(selector.environments)]


def names_few_calls(selector: Selector, *, dated: bool) -> bool:
    """Whether the filters name so few calls that they are looked up by contact and sorted."""
    if selector.filters.contact:
        return True
    wanted, match = asked_number(selector.filters)
    if not wanted or selector.lines():
        return False
    return match in ("exact", "ends") or selector.contacts(dated=dated) is not None


def first_rows(parts: Sequence[Rows], column: str, *, descending: bool, size: int, columns: Iterable[str]) -> list[Any]:
    """The first rows of all parts in the order of ``column`` and key, as dicts. One query on PostgreSQL.

    SQLite limits no part of a union, and asking it costs no round trip: there each part is a query.
    """
    order = (f"-{column}", "-id") if descending else (column, "id")
    firsts = [part.order_by(*order).values(*columns)[:size] for part in _filled(parts)]
    if not firsts:
        return []
    if len(firsts) == 1:
        return list(firsts[0])
    if connection.features.supports_slicing_ordering_in_compound:
        return list(firsts[0].union(*firsts[1:], all=True).order_by(*order)[:size])
    return list(islice(merge(*firsts, key=itemgetter(column, "id"), reverse=descending), size))


def count(parts: Sequence[Rows], column: str, most: int) -> int:
    """How many rows the parts have, counted up to ``most``. One query on PostgreSQL.

    In the order of ``column``, so that each part walks its index: without an order the whole table would be read for a
    part that lies at its end.
    """
    if not connection.features.supports_slicing_ordering_in_compound:
        total = 0
        for part in parts:
            total += part.order_by()[: most - total].count() if total < most else 0
        return total
    walked = [part.order_by(f"-{column}", "-id").values("id")[:most] for part in _filled(parts)]
    if not walked:
        return 0
    return walked[0].count() if len(walked) == 1 else walked[0].union(*walked[1:], all=True)[:most].count()


def _filled(parts: Sequence[Rows]) -> list[Rows]:
    """The parts that may hold rows: a union that begins with a part known to be empty is the next part, cut already."""
    return [part for part in parts if not surely_empty(part)]
