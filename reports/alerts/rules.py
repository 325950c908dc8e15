"""When an alert's rule holds, and what is told of it. Pure: observations in, events out, no clock and no database."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from portal.lib.holidays import holidays_of

HOUR = timedelta(hours=1)
WORKDAYS, OPENS, CLOSES = (1, 2, 3, 4, 5), 9, 18


class When(StrEnum):
    ABOVE = "above"
    BELOW = "below"
    CHANGE_ABOVE = "change_above"
    CHANGE_BELOW = "change_below"
    NO_CALLS = "no_calls"
    STALE = "stale"
    GAP = "gap"
    REJECTED = "rejected"


CHANGES = (When.CHANGE_ABOVE, When.CHANGE_BELOW)
FIGURES = (When.ABOVE, When.BELOW, *CHANGES)  # they look at a figure of a metric
STANDINGS = (When.STALE, When.GAP, When.REJECTED)  # they are about the data themselves


class Happening(StrEnum):
    FIRED = "fired"
    RECOVERED = "recovered"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """``weekdays`` count from 1, Monday; ``start`` and ``end`` are full hours of the zone's clock, half-open."""

    zone: str
    weekdays: tuple[int, ...] = WORKDAYS
    start: int = OPENS
    end: int = CLOSES
    skips_holidays: bool = True

    def works_on(self, day: date) -> bool:
        if day.isoweekday() not in self.weekdays:
            return False
        return not self.rests_on(day)

    def rests_on(self, day: date) -> bool:
        """Whether it is a holiday that the calendar leaves out, be it looked at by the hour or not."""
        return self.skips_holidays and bool(holidays_of(day, day, "en"))

    def holds(self, local: datetime) -> bool:
        """Whether the hour that begins then, by the zone's clock, is an office hour."""
        return self.start <= local.hour < self.end and self.works_on(local.date())


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen for a rule. ``value`` is a figure, a change, calls, hours of silence, gaps or refused tokens.

    ``doubt`` is why nothing can be said by it, in a word of ``reports.alerts.words.DOUBTS``; empty where it can.
    ``places`` names environments, where it is about some.
    """

    value: float | None = None
    n: int | None = None
    begins: datetime | None = None
    ends: datetime | None = None
    doubt: str = ""
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    when: When
    value: float | None = None
    minimum_n: int = 0

    def holds(self, seen: Observation) -> bool | None:
        """None where nothing can be said: data not complete, no figure, or too few calls for one."""
        if doubt(self, seen) or seen.value is None:
            return None
        if self.when in STANDINGS:
            return seen.value > 0
        if self.when == When.NO_CALLS:
            return seen.value == 0
        limit = self.value or 0.0
        return seen.value > limit if self.when in (When.ABOVE, When.CHANGE_ABOVE) else seen.value < limit


def doubt(rule: Rule, seen: Observation) -> str:
    """Why a rule says nothing by an observation; empty where it does."""
    if seen.doubt:
        return seen.doubt
    if rule.when in FIGURES:
        if seen.value is None:
            return "no figure"
        if (seen.n or 0) < rule.minimum_n:
            return "too few"
    return ""


@dataclass(frozen=True, slots=True)
class Phase:
    """How an alert stands. ``quiet_until`` is when the cool-down after its last firing ends."""

    firing: bool = False
    quiet_until: datetime | None = None


def advance(phase: Phase, holds: bool | None, at: datetime, cool_down: timedelta) -> tuple[Phase, Happening | None]:
    """What follows from whether the rule holds now.

    It fires when the rule first holds, and is told over once it no longer does. One that would fire again within the
    cool-down says nothing; if it still holds when that is over, it fires then. In doubt everything stays as it is.
    """
    if holds is None or holds == phase.firing:
        return phase, None
    if not holds:
        return Phase(False, phase.quiet_until), Happening.RECOVERED
    if phase.quiet_until is not None and at < phase.quiet_until:
        return phase, None
    return Phase(True, at + cool_down), Happening.FIRED
