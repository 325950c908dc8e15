"""The form of any question: what may be asked, with what was asked chosen, as it was typed.

It is built from the address and not from a question, so that it stands when the question could not be read.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.filters import FILTERS
from reports.definitions.filters.kinds import AnyOf, OneOf
from reports.definitions.labels import (
    DIRECTION_LABELS,
    MATCH_LABELS,
    METRIC_GROUPS,
    TESTING_LABELS,
)
from reports.definitions.metrics import METRICS
from reports.definitions.spans import span_period
from reports.queries.question import DEFAULT_METRICS, MATCHES, TESTING
from reports.queries.scope import Scope
from reports.web.shared.frame import Choices
from reports.web.shared.selection import written
from reports.web.shared.spans import DEFAULT_SPAN, SPANS
from reports.web.shared.zones import ZONES

MOST_GROUPINGS = 3  # that the form offers; the address takes more
COMPARED = {
    "previous": gettext_lazy("The period before"),
    "year": gettext_lazy("The year before"),
    "none": gettext_lazy("Nothing"),
}
CUSTOM, DAYS = "custom", ("date_from", "date_to")
KEPT = (
    "compare_from",
    "compare_to",
    "contact",
    "campaign",
    "sort",
    "columns",
    "saved",
)  # what the form has no field for


@dataclass(frozen=True, slots=True)
class Choice:
    word: str
    label: str | Promise
    chosen: bool = False
    help: str | Promise = ""


@dataclass(frozen=True, slots=True)
class Pick:
    """Several of a list. ``said`` is what its closed form shows."""

    name: str
    label: str | Promise
    groups: tuple[tuple[str | Promise, tuple[Choice, ...]], ...]
    said: str
    error: str = ""

    @property
    def chosen(self) -> bool:
        return any(choice.chosen for _title, choices in self.groups for choice in choices)


@dataclass(frozen=True, slots=True)
class Select:
    """``id`` is its place in the document, where several carry one name."""

    name: str
    label: str | Promise
    choices: tuple[Choice, ...]
    error: str
    id: str


@dataclass(frozen=True, slots=True)
class Text:
    name: str
    label: str | Promise
    value: str
    error: str
    hint: str | Promise = ""
    type: str = "text"


@dataclass(frozen=True, slots=True)
class Wrong:
    """``place`` is the field that tells more; "" where the form has none."""

    label: str | Promise
    text: str
    place: str


@dataclass(frozen=True, slots=True)
class ReportForm:
    """``open`` unfolds it: nothing was asked, or what was asked is wrong. ``narrowing`` are the filters in words."""

    metrics: Pick
    groupings: tuple[Select, ...]
    date_from: Text
    date_to: Text
    compare: Select
    zone: Text
    zones: tuple[str, ...]
    span: Select
    picks: tuple[Pick, ...]
    selects: tuple[Select, ...]
    texts: tuple[Text, ...]
    hidden: tuple[tuple[str, str], ...]
    errors: tuple[Wrong, ...]
    open: bool
    narrowing: tuple[tuple[str | Promise, str], ...]


def _is_list(name: str) -> bool:
    """Whether a parameter's words are a comma list."""
    return name in ("metrics", "by") or (name in FILTERS and FILTERS[name].kind.several)


def _known_words(name: str) -> Collection[str]:
    """The words of a parameter that takes no others; none where it takes any."""
    beside: Mapping[str, Collection[str]] = {"metrics": METRICS, "by": DIMENSIONS, "compare": COMPARED}
    if name in FILTERS and isinstance(FILTERS[name].kind, AnyOf | OneOf):
        return FILTERS[name].kind.choices
    return beside.get(name, ())


def canonical(params: QueryDict) -> str:
    """The same question written once: lists with commas, nothing empty; the order of the address otherwise."""
    joined = {}
    for name in params:
        values = params.getlist(name)
        words = ",".join(filter(None, values)) if _is_list(name) else values[-1].strip()
        joined[name] = ",".join(dict.fromkeys(filter(None, words.split(",")))) if _is_list(name) else words
    if joined.get("period") == CUSTOM:
        del joined["period"]
    elif joined.get("period"):  # a form without a script sends its days as well
        joined = {name: words for name, words in joined.items() if name not in DAYS}
    return written(joined)


def is_tidy(params: QueryDict) -> bool:
    """Whether an address is written as :func:`canonical` writes it, but for the order in its lists."""
    once = all(len(values) == 1 and values[0] for _name, values in params.lists())
    period = params.get("period", "")
    return once and (not period or (period != CUSTOM and not any(name in params for name in DAYS)))


@dataclass(frozen=True, slots=True)
class _Given:
    """What the address says, and what was wrong with it."""

    params: QueryDict
    errors: Mapping[str, str]

    def text(self, name: str) -> str:
        return self.params.get(name, "").strip()

    def words(self, name: str) -> list[str]:
        return [word.strip() for value in self.params.getlist(name) for word in value.split(",") if word.strip()]

    def choices(self, name: str, labels: Mapping[str, str | Promise]) -> tuple[Choice, ...]:
        chosen = self.words(name)
        declared = [Choice(word, capfirst(str(label)), word in chosen) for word, label in labels.items()]
        return (*declared, *(Choice(word, word, True) for word in chosen if word not in labels))

    def pick(self, name: str, label: str | Promise, labels: Mapping[str, str | Promise]) -> Pick:
        return self.grouped(name, label, (("", self.choices(name, labels)),))

    def declared(self, name: str) -> Pick:
        """A filter whose words are to be chosen from, in the words it is declared with."""
        return self.pick(name, FILTERS[name].label, FILTERS[name].kind.choices)

    def grouped(
        self, name: str, label: str | Promise, groups: tuple[tuple[str | Promise, tuple[Choice, ...]], ...]
    ) -> Pick:
        chosen = [choice.label for _title, choices in groups for choice in choices if choice.chosen]
        every = pgettext("statuses", "All") if name == "status" else _("All")
        summary = str(chosen[0]) if len(chosen) == 1 else _("%(n)s chosen") % {"n": len(chosen)} if chosen else every
        return Pick(name, label, groups, summary, self.errors.get(name, ""))

    def select(self, name: str, label: str | Promise, labels: Mapping[str, str | Promise]) -> Select:
        word = self.text(name) or next(iter(labels))
        choices = (Choice(key, text, key == word) for key, text in labels.items())
        return Select(name, label, tuple(choices), self.errors.get(name, ""), name)

    def day(self, name: str, label: str | Promise, day: date) -> Text:
        """What cannot be read as a day leaves its field empty, which can hold nothing else; the error repeats it."""
        text = self.text(name) or day.isoformat()
        return Text(name, label, text if _is_day(text) else "", self.errors.get(name, ""), type="date")

    def field(self, name: str, label: str | Promise, *, value: str = "", hint: str | Promise = "") -> Text:
        return Text(name, label, self.text(name) or value, self.errors.get(name, ""), hint)


def report_form(
    params: QueryDict,
    errors: dict[str, str],
    choices: Choices,
    *,
    days: tuple[date, date],
    today: date,
    scope: Scope,
) -> ReportForm:
    """``days`` are the first and the last one shown. Who may not see numbers is offered no field for one."""
    errors = errors | _unknown(_Given(params, errors))
    given = _Given(params, errors)
    first, last = days
    picks: tuple[Pick, ...] = (
        given.pick("environment", _("Environment"), {str(row.public_id): row.name for row in choices.environments}),
        given.grouped("agent", _("Agent"), _agents(given, choices, "agent")),
        given.grouped("source_agent", FILTERS["source_agent"].label, _agents(given, choices, "source_agent")),
        given.declared("status"),
        given.declared("outcome"),
        given.pick("side", capfirst(str(DIMENSIONS["side"].label)), FILTERS["side"].kind.choices),
        given.declared("weekday"),
        given.declared("hour"),
    )
    matches = {word: MATCH_LABELS[word] for word in MATCHES}
    selects = (
        given.select(
            "direction",
            _("Direction"),
            {"": pgettext("directions", "All")} | {str(k): capfirst(str(v)) for k, v in DIRECTION_LABELS.items()},
        ),
        given.select("testing", _("Test calls"), {word: TESTING_LABELS[word] for word in TESTING}),
        *((given.select("number_match", _("Number"), matches),) if scope.sees_numbers else ()),
    )
    texts: tuple[Text, ...] = (
        *((given.field("number", _("Digits of the number")),) if scope.sees_numbers else ()),
        given.field("min_duration", _("Shortest, seconds")),
        given.field("max_duration", _("Longest, seconds")),
        given.field("cause", _("Cause of hang-up"), hint=_("As the vendor writes it; several with commas.")),
        given.field("area_code", _("Area code (DDD)"), hint=_("Two digits; several with commas.")),
        given.field("line", _("Own number")),
    )
    drawn = {*KEPT, "number", "number_match", *_labels(picks, selects, texts)}
    others = [filter_ for filter_ in FILTERS.values() if filter_.name not in drawn]
    picks = (*picks, *(given.declared(filter_.name) for filter_ in others if filter_.kind.choices))
    texts = (*texts, *(given.field(filter_.name, filter_.label) for filter_ in others if not filter_.kind.choices))
    labels = _labels(picks, selects, texts)
    return ReportForm(
        metrics=_metrics(given),
        groupings=_groupings(given),
        date_from=given.day("date_from", _("From"), first),
        date_to=given.day("date_to", pgettext("the last day", "To"), last),
        compare=given.select("compare", _("Compare with"), COMPARED),
        zone=given.field("zone", _("Time zone"), value=scope.zone),
        zones=ZONES,
        span=_span(given, (first, last), today, scope.zone),
        picks=picks,
        selects=selects,
        texts=texts,
        hidden=tuple((name, given.text(name)) for name in KEPT if given.text(name)),
        errors=tuple(
            Wrong(labels.get(name) or _name_of(name), text, "by-1" if name == "by" else name if name in labels else "")
            for name, text in errors.items()
        ),
        open=bool(errors) or not params,
        narrowing=tuple(_narrowing(given, picks, selects, texts)),
    )


def _unknown(given: _Given) -> dict[str, str]:
    """Of words that are no choices only which they are: all the choices stand in the form."""
    errors = {}
    for name in given.errors:
        allowed = _known_words(name)
        if allowed and (unknown := [word for word in given.words(name) if word not in allowed]):
            errors[name] = _("Unknown: %(words)s.") % {"words": ", ".join(unknown)}
    return errors


def _name_of(name: str) -> str | Promise:
    """Of a parameter that has no field."""
    return FILTERS[name].label if name in FILTERS else name


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _narrowing(
    given: _Given, picks: Sequence[Pick], selects: Sequence[Select], texts: Sequence[Text]
) -> Iterator[tuple[str | Promise, str]]:
    """What restricts the calls, in words: the choices by their labels, what was typed as it was."""
    for pick in picks:
        if chosen := [str(choice.label) for _title, among in pick.groups for choice in among if choice.chosen]:
            yield pick.label, ", ".join(chosen)
    for select in selects:
        chosen = [str(choice.label) for choice in select.choices[1:] if choice.chosen]
        if chosen and select.name != "number_match":
            yield select.label, chosen[0]
    for text in texts:
        if text.value:
            yield text.label, text.value
    for name, label in (("contact", _("Contact")), ("campaign", _("Campaign"))):
        if given.text(name):
            yield label, given.text(name)


def _metrics(given: _Given) -> Pick:
    chosen = given.words("metrics") or list(DEFAULT_METRICS)
    groups = [
        (
            title,
            tuple(
                Choice(row.key, row.label, row.key in chosen, row.definition)
                for row in METRICS.values()
                if row.group == group
            ),
        )
        for group, title in METRIC_GROUPS.items()
    ]
    summary = ", ".join(str(METRICS[key].label) for key in chosen if key in METRICS)
    return Pick("metrics", _("Figures"), tuple(groups), summary, given.errors.get("metrics", ""))


def _groupings(given: _Given) -> tuple[Select, ...]:
    chosen = [key for key in given.words("by") if key in DIMENSIONS]
    selects = []
    for place in range(max(MOST_GROUPINGS, len(chosen))):
        word = chosen[place] if place < len(chosen) else ""
        choices = [Choice("", _("Not grouped") if not place else _("Nothing more"), not word)]
        choices += [Choice(key, capfirst(str(DIMENSIONS[key].label)), key == word) for key in DIMENSIONS]
        label = _("By") if not place else _("and by")
        error = "" if place else given.errors.get("by", "")
        selects.append(Select("by", label, tuple(choices), error, f"by-{place + 1}"))
    return tuple(selects)


def _agents(given: _Given, choices: Choices, name: str) -> tuple[tuple[str, tuple[Choice, ...]], ...]:
    chosen = given.words(name)
    return tuple(
        (home, tuple(Choice(str(row.public_id), str(row), str(row.public_id) in chosen) for row in rows))
        for home, rows in choices.grouped(())
    )


def _span(given: _Given, days: tuple[date, date], today: date, zone: str) -> Select:
    """The period by name. One of days is called by a name only where the address has none of its own."""
    named = given.text("period")
    if named not in SPANS:
        usual = span_period(DEFAULT_SPAN, today, zone)
        asked = any(given.text(name) for name in DAYS)
        named = DEFAULT_SPAN if not asked and days == (usual.start, usual.last_day) else CUSTOM
    choices = tuple(Choice(word, label, word == named) for word, label in SPANS.items())
    return Select("period", _("Period"), choices, given.errors.get("period", ""), "period")


def _labels(*fields: Sequence[Any]) -> dict[str, str | Promise]:
    """What each parameter is called, for the list of what is wrong."""
    labels = {field.name: field.label for group in fields for field in group}
    return labels | {
        "metrics": _("Figures"),
        "by": _("By"),
        "period": _("Period"),
        "date_from": _("From"),
        "date_to": pgettext("the last day", "To"),
        "zone": _("Time zone"),
        "compare": _("Compare with"),
    }
