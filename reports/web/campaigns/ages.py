"""Campaigns at the same age: day 3 against day 3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from portal.formats import figures
from reports.queries.campaigns.calls import Age
from reports.web.shared.charts import KINDS, Look, Plot, Series, Slot, lines

MOST_DAYS = 60


@dataclass(frozen=True, slots=True)
class AgeRow:
    """What a campaign had come to at the age compared, or at its end where it never was as old."""

    name: str
    href: str  # "" for the campaign itself
    day: str
    calls: str
    connected: str
    rate: str
    shorter: str  # how old it became, where that is less


@dataclass(frozen=True, slots=True)
class Compared:
    age: int
    rows: tuple[AgeRow, ...]
    rates: Plot
    left_out: tuple[str, ...]


def compared(row: Any, others: Sequence[Any], ages: Mapping[int, tuple[Age, ...]], *, tenant: str) -> Compared | None:
    """The campaign beside its like, at the age it has now; None without another to compare with."""
    own = ages.get(row.pk)
    like = [other for other in others if other.pk in ages]
    if own is None or not like:
        return None
    age = own[-1].number
    members = [row, *like][: len(KINDS)]
    shown = min(MOST_DAYS, max(len(ages[member.pk]) for member in members))
    slots = [Slot(name=_("Day %(n)s") % {"n": number}, label=str(number)) for number in range(1, shown + 1)]
    return Compared(
        age=age,
        rows=tuple(
            _row(member, ages[member.pk], age, "" if member is row else _href(member, tenant)) for member in members
        ),
        rates=lines(
            slots,
            [
                Series(kind, member.name, _rates(ages[member.pk], shown))
                for kind, member in zip(KINDS, members, strict=False)
            ],
            Look(unit="percent", height=150, heading=_("Day of the campaign"), newest_first=False),
        ),
        left_out=tuple(other.name for other in others if other.pk not in ages and other.total_calls),
    )


def _href(row: Any, tenant: str) -> str:
    return reverse("reports_web:campaign", args=[tenant, row.public_id])


def _rates(ages: Sequence[Age], shown: int) -> tuple[float | None, ...]:
    rates = [age.connect_rate for age in ages[:shown]]
    return (*rates, *[None] * (shown - len(rates)))


def _row(row: Any, ages: Sequence[Age], age: int, href: str) -> AgeRow:
    at = ages[min(age, len(ages)) - 1]
    shorter = ""
    if at.number < age:
        shorter = _("its last call was on day %(n)s") % {"n": figures.decimal(at.number)}
    return AgeRow(
        name=row.name,
        href=href,
        day=figures.day(at.day),
        calls=figures.decimal(at.calls),
        connected=figures.decimal(at.connected),
        rate=figures.value(at.connect_rate, "percent"),
        shorter=shorter,
    )
