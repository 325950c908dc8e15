"""A question: which metrics, by what, for which period, with which filters. It goes into a URL and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from reports.dimensions import DIMENSIONS
from reports.metrics import METRICS
from reports.periods import Period, last_days, local_date
from reports.queries.chosen import MATCHES, TESTING, Filters, QuestionError, write_filters
from reports.queries.params import LEAST_DIGITS, ParamReader
from reports.scope import Scope

MAX_DAYS = 800
DEFAULT_METRICS = ("attempts", "connect_rate")
DEFAULT_DAYS = 7  # whole days up to yesterday


@dataclass(frozen=True, slots=True)
class Question:
    metrics: tuple[str, ...]
    period: Period
    by: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    compare: bool = True  # with the aligned previous period

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
    if start is None and end is None:
        start, end = whole.start, whole.last_day
    elif start is None and end is not None:
        start = end - timedelta(days=DEFAULT_DAYS - 1)
    elif start is not None and end is None:
        end = max(start, today)
    question = Question(
        metrics=reader.words("metrics") or DEFAULT_METRICS,
        period=Period(start or whole.start, (end or whole.last_day) + timedelta(days=1), zone),
        by=reader.words("by"),
        filters=reader.filters(),
        compare=reader.choice("compare", ("previous", "none")) == "previous",
    )
    try:
        check(question)
    except QuestionError as error:
        reader.errors = error.errors | reader.errors
    reader.finish()
    return question


def write_question(question: Question) -> str:
    """The query string that asks for it; :func:`read_question` reads the same question back."""
    period = question.period
    params = {
        "metrics": ",".join(question.metrics),
        "by": ",".join(question.by),
        "date_from": period.start.isoformat(),
        "date_to": period.last_day.isoformat(),
        "zone": period.zone,
        "compare": "" if question.compare else "none",
    } | write_filters(question.filters)
    return urlencode({name: value for name, value in params.items() if value})


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
    reader.finish()
    return question


def read_instant(text: str, name: str = "changed_since") -> datetime:
    """A moment as RFC 3339 writes it; without an offset it is UTC. Raises QuestionError under ``name``."""
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "+"))
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
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
