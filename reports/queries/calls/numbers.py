"""Calls by a number, of either party: begins, ends, contains, exact.

Our own numbers are few and stand in a table of their own, so the calls need indexes on contacts alone: forwards, which
is an index of the model, and backwards, on PostgreSQL only (sync/migrations/0014_contact_backwards.py).
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.db import connection
from django.db.models import CharField, Func, Lookup, Q, QuerySet, TextField
from django.db.models.functions import Left

from portal.lib.phones import digits, readings
from reports.definitions.filters import Filters
from reports.queries.scope import Scope
from reports.queries.seen import of_the_company
from sync.models.calls import Call
from sync.models.lines import Line
from sync.taxonomy import Direction

# A part of a number that more contacts have is found sooner by walking through the calls.
MOST_CONTACTS = 1_000
# No Brazilian number goes on after two noughts for so long: they are the sign for calls abroad, and no part of it.
_LONGEST_AFTER_NOUGHTS = 6
Wanted = tuple[str, ...]
_LOOKUPS = {"contains": "contains", "begins": "begins", "ends": "endswith", "exact": "exact"}


@CharField.register_lookup
@TextField.register_lookup
class Begins(Lookup):
    """Text that begins so, by an index: LIKE uses none on SQLite, nor on PostgreSQL under row-level security."""

    lookup_name = "begins"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        text, params = self.process_lhs(compiler, connection)
        after = self.rhs[:-1] + chr(ord(self.rhs[-1]) + 1)
        return f"{text} >= %s AND {text} < %s", (*params, self.rhs, *params, after)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        text, params = self.process_lhs(compiler, connection)
        return f"{text}::text ^@ %s", (*params, self.rhs)


class Backwards(Func):
    """A call's contact read from its end, as PostgreSQL keeps it beside the contact."""

    output_field = TextField()

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        contact: Any = self.source_expressions[0]
        names = contact.alias, "contact_backwards"
        return ".".join(compiler.quote_name_unless_alias(name) for name in names), []


def asked_number(filters: Filters) -> tuple[Wanted, str]:
    """The digits to look for, any of them, and how.

    A number and a beginning may lack the country code, as they do on our own pages; a part found anywhere needs none.
    """
    match = filters.number_match
    if match in ("begins", "exact"):
        return readings(digits(filters.number), beginning=match == "begins"), match
    wanted = digits(filters.number)
    if wanted.startswith("00") and len(wanted) > 2 + _LONGEST_AFTER_NOUGHTS:
        wanted = wanted[2:]
    return (wanted,) if wanted else (), match


def lines_like(wanted: Wanted, match: str, lines: QuerySet[Line]) -> dict[int, set[str]]:
    """Those of our own numbers that match, as the vendors write them, by environment. One query."""
    condition = _any(Q(**{f"digits__{_LOOKUPS[match]}": part}) for part in wanted)
    rows = lines.filter(condition)
    numbers: dict[int, set[str]] = defaultdict(set)
    for environment, number in rows.values_list("environment_id", "number"):
        numbers[environment].add(number)
    return dict(numbers)


def of_lines(numbers: list[str]) -> Q:
    """Calls from or to some of our own numbers."""
    outbound = Q(direction=Direction.OUTBOUND)
    return (outbound & Q(from_number__in=numbers)) | (~outbound & Q(to_number__in=numbers))


def contacts_like(wanted: Wanted, match: str, scope: Scope) -> list[str] | None:
    """The tenant's contacts that match, None for more than a list is good for. One query for each that is wanted, of
    the index alone: several at once would be read whole and sorted before the first is known.

    They are not a reader's: only filters that his scope narrows are made of them.
    """
    contacts: set[str] = set()
    for part in wanted:
        calls = of_the_company(Call, scope).filter(_of_contact(part, match))
        rows = calls.order_by("contact").values_list("contact", flat=True)
        contacts.update(rows.distinct()[: MOST_CONTACTS + 1])
        if len(contacts) > MOST_CONTACTS:
            return None
    return sorted(contacts)


def is_looked_up(wanted: Wanted, match: str, *, dated: bool) -> bool:
    """Whether the contacts that match are looked up first.

    A beginning may be of anything between one contact and half of them, and a part in the middle is in no index: it is
    walked for, through the calls of the period, or when there is none (not ``dated``) through the index of contacts.
    """
    return match == "begins" or (match == "contains" and not dated)


def of_contacts(rows: QuerySet[Call], wanted: Wanted, match: str, contacts: list[str] | None) -> QuerySet[Call]:
    """Calls of the ``contacts`` that match; without them all calls are compared, one by one but for exact and ends."""
    if contacts is not None:
        return rows.filter(contact__in=contacts)
    if match == "exact" and len(wanted) > 1:
        return rows.filter(contact__in=wanted)
    if match == "begins":  # more than a thousand contacts: said so that no index of contacts is taken for it
        beginnings = {f"beginning_{len(start)}": Left("contact", len(start)) for start in wanted}
        return rows.alias(**beginnings).filter(_any(Q(**{f"beginning_{len(start)}": start}) for start in wanted))
    (part,) = wanted
    if match == "ends" and connection.vendor == "postgresql":
        return rows.alias(backwards=Backwards("contact")).filter(backwards__begins=part[::-1])
    return rows.filter(_of_contact(part, match))


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions)


def _of_contact(wanted: str, match: str) -> Q:
    return Q(**{f"contact__{_LOOKUPS[match]}": wanted})
