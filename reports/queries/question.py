"""A question: which metrics, by what, for which period, with which filters. It goes into a URL and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.filters import (
    LEAST_DIGITS,
    MATCHES,
    TESTING,
    Filters,
    QuestionError,
    refused,
    write_filters,
)
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period, last_days, local_date, previous, year_before
from reports.definitions.spans import SPANS, span_period
from reports.queries.params import ParamReader
from reports.queries.scope import Scope

MAX_DAYS = 800
DEFAULT_METRICS = ("attempts", "connect_rate")
COMPARED = ("previous", "year", "none")
DEFAULT_DAYS, DEFAULT_SPAN = 7, "last_7_days"  # whole days up to yesterday


@dataclass(frozen=True, slots=True)
class Question:
    metrics: tuple[str, ...]
    period: Period
    by: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    compare: bool = True  # with the aligned previous period, or with ``versus`` where that is given
    versus: Period | None = None
    span: str = field(default="", compare=False)  # the name that an address gives the period, if it does

    @property
    def before(self) -> Period | None:
        """The period that it is compared with."""
        if not self.compare:
            return None
        return self.versus or previous(self.period)

    def __post_init__(self) -> None:
        object.__setattr__(self, "filters", _clocked(self.filters, self.period.zone))


@dataclass(frozen=True, slots=True)
class CallQuestion:
    """Which calls to list: a period is optional here."""

    date_from: date | None = None
    date_to: date | None = None  # inclusive, like date_from a day in ``zone``
    zone: str = ""
    filters: Filters = field(default_factory=Filters)

    def __post_init__(self) -> None:
        object.__setattr__(self, "filters", _clocked(self.filters, self.zone))


def _clocked(filters: Filters, zone: str) -> Filters:
    """Weekdays and hours are those of the question's zone. Other filters need none, so that equal ones stay equal."""
    wanted = zone if filters.weekdays or filters.hours else ""
    return filters if filters.zone == wanted else replace(filters, zone=wanted)


def check(question: Question) -> None:
    """Raise QuestionError unless the question's words are known and its period is of an answerable length."""
    errors: dict[str, str] = {}
    _known(errors, "metrics", question.metrics, METRICS)
    _known(errors, "by", question.by, DIMENSIONS)
    others = [METRICS[key] for key in question.metrics if key in METRICS and not METRICS[key].of_returns]
    if others:
        text = _("This chooses callbacks by the call they answer, and says nothing of: %(figures)s.")
        named = ", ".join(str(metric.label) for metric in others)
        errors |= {each.name: text % {"figures": named} for each in refused(question.filters)}
        if before := [DIMENSIONS[key] for key in question.by if key in DIMENSIONS and DIMENSIONS[key].of_returns]:
            text = _("“%(group)s” groups callbacks by the call they answer, and says nothing of: %(figures)s.")
            errors.setdefault("by", text % {"group": before[0].label, "figures": named})
    if question.period.days < 1:
        errors["date_to"] = _("The period ends before it begins.")
    elif question.period.days > MAX_DAYS:
        errors["date_to"] = _("A period has at most %(days)s days.") % {"days": MAX_DAYS}
    if errors:
        raise QuestionError(errors)


def read_question(params: Mapping[str, str], scope: Scope, *, today: date | None = None) -> Question:
    """The question that URL parameters ask. Without dates it is about the last seven whole days.

    Raises QuestionError that names every bad parameter. Ids are not looked up: foreign and absent ones find no calls.
    """
    reader = ParamReader(params, scope)
    zone = reader.zone()
    start, end = reader.days()
    today = today or local_date(timezone.now(), zone)
    whole = last_days(DEFAULT_DAYS, today, zone)
    span = "" if start or end else reader.choice("period", (DEFAULT_SPAN, *SPANS))
    if span:
        whole = span_period(span, today, zone)
        start, end = whole.start, whole.last_day
    if start is None and end is None:
        start, end = whole.start, whole.last_day
    elif start is None and end is not None:
        start = end - timedelta(days=DEFAULT_DAYS - 1)
    elif start is not None and end is None:
        end = max(start, today)
    period = Period(start or whole.start, (end or whole.last_day) + timedelta(days=1), zone)
    compared = reader.choice("compare", COMPARED)
    question = Question(
        metrics=reader.words("metrics") or DEFAULT_METRICS,
        period=period,
        by=reader.words("by"),
        filters=reader.filters(),
        compare=compared != "none",
        versus=year_before(period) if compared == "year" else _chosen(reader, period),
        span=span,
    )
    try:
        check(question)
    except QuestionError as error:
        reader.errors = error.errors | reader.errors
    reader.finish()
    return question


def _chosen(reader: ParamReader, period: Period) -> Period | None:
    """The period that ``compare_from`` and ``compare_to`` name; without the latter it is as long as the question's."""
    start, last = reader.day("compare_from"), reader.day("compare_to")
    if start is None:
        if last is not None:
            reader.errors["compare_from"] = _("Name the first day of the period to compare with, too.")
        return None
    end = last + timedelta(days=1) if last else start + timedelta(days=period.days)
    if not 0 < (end - start).days <= MAX_DAYS:
        text = _("The period to compare with has from one to %(days)s days.")
        reader.errors["compare_to"] = text % {"days": MAX_DAYS}
        return None
    return Period(start, end, period.zone)


def write_question(question: Question) -> str:
    """The query string that asks for it; :func:`read_question` reads the same question back."""
    period = question.period
    params = {
        "metrics": ",".join(question.metrics),
        "by": ",".join(question.by),
        **({"period": question.span} if question.span else _days(period)),
        "zone": period.zone,
        "compare": "" if question.compare else "none",
        **_versus(question),
    } | write_filters(question.filters)
    return urlencode({name: value for name, value in params.items() if value})


def _days(period: Period) -> dict[str, str]:
    return {"date_from": period.start.isoformat(), "date_to": period.last_day.isoformat()}


def _versus(question: Question) -> dict[str, str]:
    if not question.compare or question.versus is None:
        return {}
    if question.versus == year_before(question.period):
        return {"compare": "year"}
    return {
        "compare_from": question.versus.start.isoformat(),
        "compare_to": question.versus.last_day.isoformat(),
    }


def write_calls(question: CallQuestion) -> str:
    """The query string that asks for these calls; :func:`read_calls` reads the same question back."""
    params = {
        "date_from": question.date_from.isoformat() if question.date_from else "",
        "date_to": question.date_to.isoformat() if question.date_to else "",
        "zone": question.zone,
    } | write_filters(question.filters)
    return urlencode({name: value for name, value in params.items() if value})


def read_calls(params: Mapping[str, str], scope: Scope) -> CallQuestion:
    """Which calls URL parameters ask for; raises QuestionError that names every bad parameter."""
    reader = ParamReader(params, scope)
    zone = reader.zone()
    start, end = reader.days()
    question = CallQuestion(start, end, zone, reader.filters())
    for each in refused(question.filters):
        reader.errors[each.name] = _("This chooses callbacks by the call they answer, not calls.")
    reader.finish()
    return question


def read_instant(text: str, name: str = "changed_since") -> datetime:
    """A moment as RFC 3339 writes it; without an offset it is UTC. Raises QuestionError under ``name``."""
    try:
        instant = datetime.fromisoformat(text.strip().replace(" ", "+"))
        instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise QuestionError({name: _("“%(text)s” is not a time like 2026-07-13T09:00:00Z.") % {"text": text}}) from None


def _known(errors: dict[str, str], name: str, words: tuple[str, ...], known: Mapping[str, object]) -> None:
    unknown = [word for word in words if word not in known]
    if unknown:
        errors[name] = _("Unknown: %(words)s. Known are: %(known)s.") % {
            "words": ", ".join(unknown),
            "known": ", ".join(known),
        }
    elif len(set(words)) < len(words):
        errors[name] = _("Each word may stand once.")
    elif name == "metrics" and not words:
        errors[name] = _("Name at least one metric.")


__all__ = [
    "COMPARED",
    "DEFAULT_DAYS",
    "DEFAULT_METRICS",
    "LEAST_DIGITS",
    "MATCHES",
    "MAX_DAYS",
    "TESTING",
    "CallQuestion",
    "Filters",
    "Question",
    "QuestionError",
    "check",
    "read_calls",
    "read_instant",
    "read_question",
    "write_calls",
    "write_filters",
    "write_question",
]
