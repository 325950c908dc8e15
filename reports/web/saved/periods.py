"""A period for a whole board or link: one choice in the address, in the place of each question's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from reports.web.shared.selection import read_selection
from reports.web.shared.spans import SPANS

OWN_OF_EACH, OWN_OF_ONE = gettext_lazy("Each report's own"), gettext_lazy("The report's own")


@dataclass(frozen=True, slots=True)
class ChosenPeriod:
    """``params`` are what the questions take in the place of their period, nothing for their own. With the two days the
    form begins a choice of days."""

    span: str
    first: date
    last: date
    params: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[str, ...] = ()

    def context(self, *, of_one: bool = False) -> dict[str, Any]:
        """What ``reports/_board_period.html`` needs; ``of_one`` report alone."""
        own: dict[str, str | Promise] = {"": OWN_OF_ONE if of_one else OWN_OF_EACH}
        return {"chosen": self, "spans": own | SPANS}


def read_period(params: Mapping[str, str], zone: str, *, today: date) -> ChosenPeriod:
    """What an address chooses; a sentence in ``errors`` says what could not be read of it."""
    named = {name: params.get(name, "") for name in ("period", "date_from", "date_to")}
    read = read_selection(named, zone, today=today)
    if not (params.get("period") or params.get("date_from")):
        return ChosenPeriod("", read.first, read.last_begun)
    days = {"date_from": read.first.isoformat(), "date_to": read.last.isoformat()}
    chosen = days if read.span == "custom" else {"period": read.span}
    return ChosenPeriod(read.span, read.first, read.last_begun, chosen, read.errors)
