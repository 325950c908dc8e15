"""Every filter, declared once: its name in an address, its words, its kind, and which calls it leaves.

To add one, add a declaration. Address, API with its schema, files and the forms and chips of pages take it from here;
only one that must be looked up before it restricts anything is applied elsewhere, in ``reports.queries``. Its value has
a field of :class:`Filters`, or stands among the ``others`` there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from reports.definitions.conditions import Condition, among
from reports.definitions.ended_by import SIDE_LABELS
from reports.definitions.filters.chosen import NONE, Filters
from reports.definitions.filters.kinds import (
    AnyOf,
    AnyWords,
    AreaCodes,
    Ids,
    Kind,
    Match,
    OneOf,
    OwnNumber,
    PartOfNumber,
    Schema,
    Seconds,
    Text,
    WholeNumbers,
)
from reports.definitions.labels import DIRECTION_LABELS, OUTCOME_LABELS, STATUS_LABELS, TESTING_LABELS, Words


@dataclass(frozen=True, slots=True)
class Filter:
    """``rows`` and ``columns`` say which calls a value leaves, None where it leaves all of them: in the mirror's table
    and in the columns. Without them a filter is ``looked_up``, or asks for a clock or for what a call counts as.

    ``meaning`` is for readers of the API. ``beside`` names the filter without which this one says nothing. A
    ``clicked`` one is chosen by a click on a figure: the list of calls carries it along and has no field for it. One
    ``of_returns`` chooses calls that come back by the attempt they answer: what is about other calls refuses it.
    ``callback_label`` is what it is called where callbacks are chosen, if it needs more words there.
    """

    name: str
    field: str
    label: Words
    kind: Kind
    meaning: Words = ""
    rows: Callable[[Any], Q | None] | None = None
    columns: Callable[[Any], Condition | None] | None = None
    looked_up: bool = False
    beside: str = ""
    clicked: bool = False
    of_returns: bool = False
    callback_label: Words = ""

    def value(self, filters: Filters) -> Any:
        if self.field:
            return getattr(filters, self.field)
        return dict(filters.others).get(self.name, self.kind.empty)

    def restricts(self, filters: Filters) -> bool:
        """Whether a reader chose something by it."""
        return bool(self.value(filters) != self.kind.empty)

    def word(self, word: str) -> str:
        """What one of its words is called; the word itself where nobody knows it."""
        return str(self.kind.choices.get(word, word))

    def schema(self) -> Schema:
        return self.kind.schema()


def _test_calls(choice: str) -> bool | None:
    return None if choice == "include" else choice == "only"


def _testing_rows(choice: str) -> Q | None:
    wanted = _test_calls(choice)
    return None if wanted is None else Q(is_test=wanted)


def _testing_columns(choice: str) -> Condition | None:
    wanted = _test_calls(choice)
    return None if wanted is None else Condition("is_test" if wanted else "NOT is_test")


def _rows_among(column: str) -> Callable[[Iterable[str]], Q | None]:
    return lambda words: Q(**{f"{column}__in": [_kept(word) for word in words]}) if words else None


def _columns_among(column: str) -> Callable[[Iterable[Any]], Condition | None]:
    return lambda words: among(column, [_kept(word) for word in words]) if words else None


def _kept(word: Any) -> Any:
    """Calls without a cause or an area code have an empty one."""
    return "" if word == NONE else word


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


_NONE_GIVEN: dict[str, Words] = {NONE: _("none")}
_DECLARED = (
    Filter("environment", "environments", _("Environment"), Ids(), _("Ids, separated by commas."), looked_up=True),
    Filter(
        "agent",
        "agents",
        _("Agent"),
        Ids(),
        _("Ids, separated by commas: the agent of the call; of callbacks the one that the contact rang."),
        looked_up=True,
        callback_label=_("Agent that was rung"),
    ),
    Filter(
        "source_agent",
        "source_agents",
        _("Agent that called before"),
        Ids(),
        _("Ids, separated by commas: the agent whose call a callback answers. Of callbacks found alone."),
        looked_up=True,
        of_returns=True,
    ),
    Filter(
        "status",
        "statuses",
        _("Status"),
        AnyWords(STATUS_LABELS),
        _("Statuses, separated by commas."),
        rows=_rows_among("status"),
        columns=_columns_among("status"),
    ),
    Filter(
        "direction",
        "direction",
        _("Direction"),
        OneOf({"": "", **DIRECTION_LABELS}),
        rows=lambda word: Q(direction=word) if word else None,
        columns=lambda word: Condition("direction = ?", (word,)) if word else None,
    ),
    Filter("number", "number", _("Number"), PartOfNumber(), _("Digits of either party's number."), looked_up=True),
    Filter("number_match", "number_match", _("Number"), Match(), looked_up=True, beside="number"),
    Filter(
        "min_duration",
        "min_duration",
        _("Shortest duration"),
        Seconds(),
        _("Seconds."),
        rows=lambda least: None if least is None else Q(duration_ms__gte=_milliseconds(least)),
        columns=lambda least: None if least is None else Condition("duration_ms >= ?", (_milliseconds(least),)),
    ),
    Filter(
        "max_duration",
        "max_duration",
        _("Longest duration"),
        Seconds(),
        _("Seconds."),
        rows=lambda most: None if most is None else Q(duration_ms__lte=_milliseconds(most)),
        columns=lambda most: None if most is None else Condition("duration_ms <= ?", (_milliseconds(most),)),
    ),
    Filter(
        "testing",
        "testing",
        _("Test calls"),
        OneOf(TESTING_LABELS),
        _("Whether test calls count."),
        rows=_testing_rows,
        columns=_testing_columns,
    ),
    Filter(
        "outcome",
        "outcomes",
        _("Outcome"),
        AnyOf(OUTCOME_LABELS),
        _("What calls count as, separated by commas: connected, unreached, open, unresolved."),
        columns=_columns_among("outcome"),
    ),
    Filter(
        "cause",
        "causes",
        _("Cause of hang-up"),
        AnyWords(_NONE_GIVEN, escaped=True),
        _("Causes of hang-up, separated by commas; “none” for calls without one."),
        rows=_rows_among("hangup_cause"),
        columns=_columns_among("cause"),
        clicked=True,
    ),
    Filter(
        "side",
        "sides",
        _("Ended by"),
        AnyOf(SIDE_LABELS),
        _("On whose side calls ended: normal, person, network, ours, vendor, unknown."),
        columns=_columns_among("side"),
        clicked=True,
    ),
    Filter(
        "area_code",
        "area_codes",
        _("Area code"),
        AreaCodes(_NONE_GIVEN),
        _("Brazilian area codes (DDD), separated by commas; “none” for other numbers."),
        columns=_columns_among("area_code"),
        clicked=True,
    ),
    Filter(
        "line",
        "line",
        _("Our number"),
        OwnNumber(),
        _("Digits of your own number, whole: the caller's of outbound calls, else the called one."),
        looked_up=True,
        clicked=True,
    ),
    Filter(
        "weekday",
        "weekdays",
        _("Weekday"),
        WholeNumbers({str(number + 1): name for number, name in WEEKDAYS.items()}),
        _("Days of the week in the zone, 1 for Monday to 7, separated by commas."),
        columns=_columns_among("weekday"),
        clicked=True,
    ),
    Filter(
        "hour",
        "hours",
        _("Hour of the day"),
        WholeNumbers({str(hour): f"{hour:02}:00" for hour in range(24)}),
        _("Hours of the day in the zone, 0 to 23, separated by commas."),
        columns=_columns_among("hour_of_day"),
        clicked=True,
    ),
    Filter("contact", "contact", _("Contact"), Text(), _("A contact's opaque id."), looked_up=True, clicked=True),
    Filter(
        "campaign",
        "campaigns",
        _("Campaign"),
        Ids(),
        _("Ids of campaigns that name the calls, separated by commas."),
        looked_up=True,
        clicked=True,
    ),
)

FILTERS: dict[str, Filter] = {each.name: each for each in _DECLARED}


def call_filters() -> list[Filter]:
    """Those that choose calls, whatever calls they are."""
    return [each for each in FILTERS.values() if not each.of_returns]


def refused(filters: Filters) -> list[Filter]:
    """Those that restrict anything and that calls in general cannot be chosen by."""
    return [each for each in FILTERS.values() if each.of_returns and each.restricts(filters)]
