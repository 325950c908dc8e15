"""Sets of contacts: how a day's are kept, and how many different ones several sets have together.

A contact is the primary key of its row in ``Contact``, a small integer. The contacts of a day are these in order, as
32-bit numbers, compressed, as text: of some two bytes a contact. To count the different ones of a year, each marks its
place in an array of bytes, which is exact and needs a byte for each contact there ever was.
"""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from zlib import compress, decompress

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from portal.django_inside import statement
from reports.rollups.models import Contact
from sync.models.calls import Call

SPARSE = 50  # contacts at most one in so many: a set is smaller than the array
_MET, _TRIED = 2, 1


def packed(keys: Iterable[int]) -> str:
    return b64encode(compress(array("I", sorted(keys)).tobytes(), 6)).decode()


def unpacked(text: str) -> "array[int]":
    found = array("I")
    if text:
        found.frombytes(decompress(b64decode(text)))
    return found


@dataclass(slots=True)
class Crowd:
    """Contacts of some calls: those met (a connected call) and those only tried, some of them in both or several times.

    ``new`` are numbers that have no key yet, and whether they were met.
    """

    met: list[Collection[int]] = field(default_factory=list)
    tried: list[Collection[int]] = field(default_factory=list)
    new: dict[str, bool] = field(default_factory=dict)

    def count(self) -> tuple[int, int]:
        """How many different contacts, and how many of them were met."""
        people, reached = self._known()
        return people + len(self.new), reached + sum(self.new.values())

    def _known(self) -> tuple[int, int]:
        if len(self.met) + len(self.tried) <= 2 and len(self.met) <= 1:  # one day of one environment: no contact twice
            reached = sum(map(len, self.met))
            return reached + sum(map(len, self.tried)), reached
        total = sum(map(len, self.met)) + sum(map(len, self.tried))
        last = max((keys[-1] for keys in (*self.met, *self.tried) if keys), default=0)  # type: ignore[index]
        if total * SPARSE < last:
            reached_keys: set[int] = set().union(*self.met)
            return len(reached_keys.union(*self.tried)), len(reached_keys)
        marks = bytearray(last + 1)
        for keys in self.tried:
            for key in keys:
                marks[key] = _TRIED
        for keys in self.met:
            for key in keys:
                marks[key] = _MET
        reached = marks.count(_MET)
        return reached + marks.count(_TRIED), reached


def know(calls: QuerySet[Call]) -> None:
    """Give every contact of the calls a key that has none yet.

    One statement, in the order of numbers, so that two at once wait for each other and never in a circle.
    """
    known = Contact.objects.filter(number=OuterRef("contact"))
    new = calls.exclude(contact="").filter(~Exists(known)).values_list("tenant_id", "contact").distinct()
    sql, values = statement(new.order_by("contact"))
    table = connection.ops.quote_name(Contact._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} (tenant_id, number) {sql} ON CONFLICT DO NOTHING", values)


def key_in_sql() -> Subquery:
    """The key of a call's contact; null where it has none."""
    return Subquery(Contact.objects.filter(number=OuterRef("contact")).values("pk")[:1])
