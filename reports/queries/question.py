"""A question: which metrics, by what, for which period, with which filters. It goes into a URL and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from reports.periods import Period


class QuestionError(ValueError):
    """What was asked can't be asked. ``errors`` maps parameter names to sentences in the active language."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which calls count. Empty means no restriction beyond the scope; ids are public ids."""

    environments: tuple[UUID, ...] = ()
    agents: tuple[UUID, ...] = ()
    statuses: tuple[str, ...] = ()
    direction: str = ""
    number: str = ""
    number_match: str = "contains"  # contains, begins, ends, exact
    min_duration: float | None = None  # seconds
    max_duration: float | None = None
    testing: str = "exclude"  # exclude, include, only


@dataclass(frozen=True, slots=True)
class Question:
    metrics: tuple[str, ...]
    period: Period
    by: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    compare: bool = True  # with the aligned previous period


@dataclass(frozen=True, slots=True)
class CallQuestion:
    """Which calls to list: a period is optional here."""

    date_from: date | None = None
    date_to: date | None = None  # inclusive, like date_from a day in ``zone``
    zone: str = ""
    filters: Filters = field(default_factory=lambda: Filters(testing="exclude"))
