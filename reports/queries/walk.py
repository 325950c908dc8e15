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
from reports.queries.filters import Reach
from reports.queries.numbers import asked_number

MOST_BRANCHES = 40
Rows = QuerySet[Any]


def branches(reach: Reach, *, dated: bool) -> list[dict[str, Any]]:
    """What to hand to :meth:`Reach.calls` for parts that together are all calls, each with one index to walk."""
    if not reach.environments:
        return []
    if found_at_once(reach, dated=dated):
        return [{}]
    if reach.agent_ids is not None and len(reach.agent_ids) <= MOST_BRANCHES:
        return [{"environments": (home,), "agent": agent} for agent, home in sorted(reach.homes().items())]
    return [{"environments": (key,)} for key in sorted(reach.environments)]


def found_at_once(reach: Reach, *, dated: bool) -> bool:
    """Whether the filters name so few calls that they are looked up by contact and sorted."""
    if reach.filters.contact:
        return True
    wanted, match = asked_number(reach.filters, reach.scope)
    if not wanted or reach.lines(wanted, match):
        return False
    return match in ("exact", "ends") or reach.contacts(dated=dated) is not None


def first_rows(parts: Sequence[Rows], column: str, *, descending: bool, size: int, columns: Iterable[str]) -> list[Any]:
    """The first rows of all parts in the order of ``column`` and key, as dicts. One query on PostgreSQL.

    SQLite limits no part of a union, and asking it costs no round trip: there each part is a query.
    """
    order = (f"-{column}", "-id") if descending else (column, "id")
    told = [part.order_by(*order).values(*columns)[:size] for part in _filled(parts)]
    if not told:
        return []
    if len(told) == 1:
        return list(told[0])
    if connection.features.supports_slicing_ordering_in_compound:
        return list(told[0].union(*told[1:], all=True).order_by(*order)[:size])
    return list(islice(merge(*told, key=itemgetter(column, "id"), reverse=descending), size))


def count(parts: Sequence[Rows], column: str, most: int) -> int:
    """How many rows the parts have, counted up to ``most``. One query on PostgreSQL.

    In the order of ``column``, so that each part walks its index: without an order the whole table would be read for a
    part that lies at its end.
    """
    if not connection.features.supports_slicing_ordering_in_compound:
        found = 0
        for part in parts:
            found += part.order_by()[: most - found].count() if found < most else 0
        return found
    walked = [part.order_by(f"-{column}", "-id").values("id")[:most] for part in _filled(parts)]
    if not walked:
        return 0
    return walked[0].count() if len(walked) == 1 else walked[0].union(*walked[1:], all=True)[:most].count()


def _filled(parts: Sequence[Rows]) -> list[Rows]:
    """The parts that may hold rows: a union that begins with a part known to be empty is the next part, cut already."""
    return [part for part in parts if not surely_empty(part)]
