"""The filters chosen on the list of calls, each in words and with the address that takes it away."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from portal.formats import figures
from portal.lib.phones import masked
from reports.definitions.filters import FILTERS, NONE, Filters, bare
from reports.definitions.labels import CALL_OUTCOME_LABELS
from reports.queries.contacts.ids import contact_digits_of
from reports.queries.scope import Scope
from reports.web.call.facts import direction_word
from reports.web.calls.address import CallAddress
from reports.web.shared.frame import Choices
from reports.web.shared.spans import SPANS

_IN_WORDS_OF_THEIR_OWN = frozenset(
    {"environment", "agent", "number", "number_match", "outcome", "status", "direction", "min_duration", "max_duration"}
    | {"weekday", "hour", "cause", "side", "area_code", "line", "contact", "campaign", "testing"}
)


@dataclass(frozen=True, slots=True)
class Chip:
    text: str
    href: str


def chips(address: CallAddress, scope: Scope, choices: Choices) -> list[Chip]:
    """One chip for each filter, in the order of the form."""
    return [
        Chip(_("%(name)s: %(words)s") % {"name": name, "words": words} if name else words, address.query(**gone))
        for name, words, gone in _chosen(address, scope, choices)
    ]


def _chosen(address: CallAddress, scope: Scope, choices: Choices) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Name, words, and the parameters that take it away."""
    question, filters = address.question, address.question.filters
    if question.date_from or question.date_to:
        yield "", _days(address), {"period": "", "date_from": "", "date_to": ""}
    if filters.environments:
        yield _("Environment"), _named(choices.environments, filters.environments), {"environment": ""}
    if filters.agents:
        yield _("Agent"), _named(choices.agents_apart, filters.agents), {"agent": ""}
    if filters.number:
        yield _number(filters)
    if filters.outcomes:
        yield _("Outcome"), _listed(str(CALL_OUTCOME_LABELS[word]) for word in filters.outcomes), {"outcome": ""}
    yield from _plain(filters, ("status",))
    if filters.direction:
        yield "", direction_word(filters.direction), {"direction": ""}
    yield from _lengths(filters)
    yield from _chosen_by_click(filters, scope)
    yield from _plain(filters, [name for name in FILTERS if name not in _IN_WORDS_OF_THEIR_OWN])
    if filters.testing != "exclude":
        words = _("only test calls") if filters.testing == "only" else _("test calls too")
        yield "", words, {"testing": ""}


def _plain(filters: Filters, names: Iterable[str]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Filters that need no other words than those they are declared with."""
    for filter_ in map(FILTERS.__getitem__, names):
        if filter_.restricts(filters):
            words = filter_.kind.write(filter_.value(filters)).split(",")
            yield str(filter_.label), _listed(filter_.word(bare(word)) for word in words), {filter_.name: ""}


def _days(address: CallAddress) -> str:
    first, last = address.question.date_from, address.question.date_to
    if address.span not in ("", "custom"):
        return str(SPANS[address.span])
    if first and last:
        return figures.days(first, last)
    if first:
        return _("since %(day)s") % {"day": figures.day(first)}
    return _("until %(day)s") % {"day": figures.day(last)} if last else ""


def _number(filters: Filters) -> tuple[str, str, dict[str, str]]:
    ways = {
        "begins": _("number begins with"),
        "ends": _("number ends with"),
        "contains": _("number contains"),
        "exact": _("number"),
    }
    return ways[filters.number_match], filters.number, {"number": "", "number_match": ""}


def _lengths(filters: Filters) -> Iterator[tuple[str, str, dict[str, str]]]:
    if filters.min_duration is not None:
        words = _("at least %(time)s") % {"time": figures.duration(filters.min_duration)}
        yield _("Duration"), words, {"min_duration": ""}
    if filters.max_duration is not None:
        words = _("at most %(time)s") % {"time": figures.duration(filters.max_duration)}
        yield _("Duration"), words, {"max_duration": ""}


def _chosen_by_click(filters: Filters, scope: Scope) -> Iterator[tuple[str, str, dict[str, str]]]:
    """What the form has no field for: chosen by a click on a figure elsewhere."""
    yield from _plain(filters, ("weekday",))
    if filters.hours:
        yield _("Hour"), _listed(f"{hour:02}:00" for hour in filters.hours), {"hour": ""}
    if filters.causes:
        words = (_("no cause given") if word == NONE else word for word in filters.causes)
        yield _("Cause"), _listed(words), {"cause": ""}
    yield from _plain(filters, ("side",))
    if filters.area_codes:
        words = (_("other numbers") if word == NONE else word for word in filters.area_codes)
        yield _("Area code"), _listed(words), {"area_code": ""}
    if filters.line:
        yield _("Own number"), _shown(filters.line, scope), {"line": ""}
    if filters.contact:
        yield _("Contact"), _shown(filters.contact, scope) or _("unknown"), {"contact": ""}
    if filters.campaigns:
        yield "", _("of a campaign"), {"campaign": ""}


def _shown(text: str, scope: Scope) -> str:
    """A number named by its digits or its opaque id, as the reader may see it."""
    digits = contact_digits_of(text, scope) or (text if text.isdecimal() else "")
    number = f"+{digits}" if len(digits) >= 12 else digits
    return figures.phone(number if scope.sees_numbers else masked(number)) if digits else ""


def _named(among: Iterable[Any], chosen: Iterable[Any]) -> str:
    wanted = set(chosen)
    return _listed(str(choice) for choice in among if choice.public_id in wanted)


def _listed(words: Iterable[str]) -> str:
    """Up to three words, and how many more there are."""
    parts = list(words)
    more = len(parts) - 3
    text = ", ".join(parts[:3])
    return _("%(words)s and %(n)s more") % {"words": text, "n": more} if more > 0 else text
