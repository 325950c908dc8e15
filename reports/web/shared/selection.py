"""What a reader has chosen on a page about a period: the days, environments and agents, the rows of time, what to
compare with, and the page's own options. All of it lives in the address, so that a link reproduces the page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from functools import lru_cache
from urllib.parse import urlencode
from uuid import UUID

from django.utils.translation import gettext as _

from portal.formats import figures
from reports.definitions.filters import AddressReader
from reports.definitions.periods import Period, month_first, month_number, previous, year_before
from reports.definitions.spans import span_period
from reports.queries.question import MAX_DAYS, Filters
from reports.web.shared.spans import DEFAULT_SPAN, SPANS, TO_DATE

GRAINS = {"hour": (1, 8), "day": (1, 366), "week": (7, MAX_DAYS), "month": (28, MAX_DAYS)}  # for how many days each
USUAL_GRAINS = ("day", "week", "month")
MAPS = ("attempts", "connect_rate")
Value = object  # of a filter: a word, a number, a date, an id, or several of them


class UnknownId(LookupError):
    """An id that is no id. Told apart from a foreign or an absent one by nobody."""


@dataclass(frozen=True, slots=True)
class Option:
    """A page's own choice, such as the order of its rows. The default stays out of the address."""

    name: str
    word: str
    default: str


@dataclass(frozen=True, slots=True)
class OptionLink:
    """A word of an option, to be clicked."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """``today`` is the day it is in the period's zone. ``selection["sort"]`` is the page's own option of that name.

    ``usual`` is the span of an address that names none. One that is not ``dated`` shows everything as of now; its
    period is what a choice of days begins with, and what other pages show.
    """

    span: str
    period: Period
    today: date
    environments: tuple[UUID, ...] = ()
    agents: tuple[UUID, ...] = ()
    source_agents: tuple[UUID, ...] = ()  # who had called, on a page about callbacks alone
    grains_known: tuple[str, ...] = USUAL_GRAINS  # by which the page can show a period
    chosen_grain: str = ""
    compare: bool = True
    versus_span: str = ""  # what it is compared with: the period before, the "year" before, or "custom" days
    versus_days: tuple[date, date] | None = None  # those, both included
    options: tuple[Option, ...] = ()
    errors: tuple[str, ...] = field(default=(), compare=False)
    usual: str = DEFAULT_SPAN

    def __getitem__(self, name: str) -> str:
        for option in self.options:
            if option.name == name:
                return option.word
        raise KeyError(name)

    @property
    def dated(self) -> bool:
        return self.span != TO_DATE

    @property
    def environment(self) -> UUID | None:
        """The only environment chosen; None for several as for none."""
        return self.environments[0] if len(self.environments) == 1 else None

    @property
    def agent(self) -> UUID | None:
        return self.agents[0] if len(self.agents) == 1 else None

    @property
    def first(self) -> date:
        return self.period.start

    @property
    def last(self) -> date:
        """The last day of the period, to come or not."""
        return self.period.last_day

    @property
    def last_begun(self) -> date:
        return min(self.last, self.today) if self.first <= self.today else self.last

    @property
    def versus(self) -> Period | None:
        """Another period than the one before, where one is chosen to compare with."""
        if self.versus_span == "year":
            return year_before(self.period)
        if self.versus_span == "custom" and self.versus_days:
            first, last = self.versus_days
            return Period(first, last + timedelta(days=1), self.period.zone)
        return None

    @property
    def compared_from(self) -> date:
        """The first of the days to compare with, to begin a choice of them."""
        return (self.versus or previous(self.period)).start

    @property
    def compared_to(self) -> date:
        return (self.versus or previous(self.period)).last_day

    @property
    def filters(self) -> Filters:
        return Filters(environments=self.environments, agents=self.agents, source_agents=self.source_agents)

    @property
    def grains(self) -> tuple[str, ...]:
        """The rows of time that a chart of this period can have."""
        return tuple(grain for grain in self.grains_known if GRAINS[grain][0] <= self.period.days <= GRAINS[grain][1])

    @property
    def grain(self) -> str:
        """The rows of time chosen, else the fitting ones."""
        return self.chosen_grain if self.chosen_grain in self.grains else self.fitting_grain

    @property
    def fitting_grain(self) -> str:
        """The rows of time that keep a chart of this period readable."""
        days = self.period.days
        if days == 1 and "hour" in self.grains_known:
            return "hour"
        return "day" if days <= 92 else "week" if days <= 366 else "month"

    @property
    def query(self) -> str:
        """The page's own query string, without what is the default anyway."""
        params = {
            "period": "" if self.span == self.usual else self.span,
            **(self._days(self.first, self.last) if self.span == "custom" else {}),
            **self._ids(),
            "source_agent": _words(self.source_agents),
            "grain": self.chosen_grain,
            "compare": self.versus_span if self.compare else "none",
            **self._versus(),
            **{option.name: option.word for option in self.options if option.word != option.default},
        }
        return "?" + written(params)

    def elsewhere(self, **changes: object) -> str:
        """The query string for another page about the same period: without this one's own options."""
        span = self.span if self.dated else DEFAULT_SPAN
        here = self.change(span=span, usual=DEFAULT_SPAN, **changes)
        return here.change(options=(), chosen_grain="", source_agents=()).query

    @property
    def calls_named(self) -> str:
        """The query string of the calls of the period, by its name where it has one."""
        if self.span in ("custom", TO_DATE):
            return self.calls_query()
        return "?" + written({"period": self.span} | self._ids())

    def calls_query(self, first: date | None = None, last: date | None = None, **filters: Value) -> str:
        """The query string of the calls behind the page, or behind some days of it, narrowed by more of the list's
        filters: ``calls_query(status="busy", hour=9, agent=row.key[0])``. Several words are a comma list.
        """
        days = self._days(first or self.first, last or self.last) if self.dated or first or last else {}
        return "?" + written(days | self._ids() | {name: _words(value) for name, value in filters.items()})

    def change(self, **changes: object) -> "Selection":
        """A copy with other choices: fields and options by their names; ``environment``, ``agent`` and ``source_agent``
        name one, or with None all.
        """
        for single in ("environment", "agent", "source_agent"):
            plural = f"{single}s"
            if single in changes:
                one = changes.pop(single)
                changes[plural] = (UUID(str(one)),) if one else ()
        field_names = {declared.name for declared in fields(self)}
        options = tuple(
            replace(option, word=str(changes.pop(option.name)))
            if option.name in changes and option.name not in field_names
            else option
            for option in self.options
        )
        return replace(self, **({"options": options} | changes))  # type: ignore[arg-type]

    def moved(self, by: int) -> "Selection":
        """The same number of days before (-1) or after (+1): whole months move by as many months."""
        period = self.period
        if period.months:
            first = month_number(period.start) + period.months * by
            other = Period(month_first(first), month_first(first + period.months), period.zone)
        else:
            days = timedelta(days=period.days * by)
            other = Period(period.start + days, period.end + days, period.zone)
        return self.change(span="custom", period=other)

    @property
    def earlier(self) -> str:
        return self.moved(-1).query

    @property
    def later(self) -> str:
        """Empty when it would lie in the future."""
        later = self.moved(1)
        return later.query if later.first <= self.today else ""

    def _versus(self) -> dict[str, str]:
        if not self.compare or self.versus_span != "custom" or not self.versus_days:
            return {}
        first, last = self.versus_days
        return {"compare_from": first.isoformat(), "compare_to": last.isoformat()}

    def _ids(self) -> dict[str, str]:
        return {"environment": _words(self.environments), "agent": _words(self.agents)}

    @staticmethod
    def _days(first: date, last: date) -> dict[str, str]:
        return {"date_from": first.isoformat(), "date_to": last.isoformat()}


def written(params: Mapping[str, str]) -> str:
    """A query string of what is not empty. Commas stay readable."""
    return _encoded(tuple((name, value) for name, value in params.items() if value))


@lru_cache(maxsize=4096)
def _encoded(pairs: tuple[tuple[str, str], ...]) -> str:
    """Kept, because the marks of several charts of a page lead to the same days."""
    return urlencode(pairs, safe=",")


def _words(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return value.isoformat() if isinstance(value, date) else str(value)
    return ",".join(map(str, value))


def carried(params: Mapping[str, str]) -> str:
    """The query of the tabs of a page that shows no period itself: the days, environments and agents of its address, as
    far as they can be read; "" for none.
    """
    reader = AddressReader(params, zone="UTC")
    span = params.get("period", "")
    first, last = reader.day("date_from"), reader.day("date_to")
    ids = {name: _words(reader.ids(name)) for name in ("environment", "agent")}
    days = {name: day.isoformat() for name, day in (("date_from", first), ("date_to", last)) if day}
    chosen = {"period": span} if span in SPANS and span != "custom" else days if first else {}
    ids = {name: words for name, words in ids.items() if name not in reader.errors}
    return "?" + query if (query := written(chosen | ids)) else ""


def read_selection(
    params: Mapping[str, str],
    zone: str,
    *,
    today: date,
    options: Mapping[str, Iterable[str]] | None = None,
    grains: tuple[str, ...] = (),
    usual: str = DEFAULT_SPAN,
) -> Selection:
    """The choice an address carries. ``options`` are the page's own: the words each may have, the default first;
    ``grains`` are the rows of time it lets choose from, ``usual`` the span where the address names none.

    What cannot be read becomes the default and a sentence in ``errors``; an id that is no id raises
    :class:`UnknownId`.
    """
    errors: list[str] = []
    reader = AddressReader(params, zone=zone)
    span = params.get("period") or ("custom" if params.get("date_from") else usual)
    if span not in SPANS and span != usual:
        errors.append(_("There is no such period; the last 7 days are shown instead."))
        span = DEFAULT_SPAN
    period = span_period(DEFAULT_SPAN if span in ("custom", TO_DATE) else span, today, zone)
    if span == "custom":
        try:
            period = _custom_period(reader, today, zone)
        except ValueError as error:
            errors.append(str(error))
            span = DEFAULT_SPAN
    grain = params.get("grain", "")
    versus_span, versus_days = _read_versus(params, errors)
    return Selection(
        span=span,
        period=period,
        today=today,
        environments=_ids(reader, "environment"),
        agents=_ids(reader, "agent"),
        source_agents=_ids(reader, "source_agent"),
        chosen_grain=grain if grain in grains else "",
        grains_known=grains or USUAL_GRAINS,
        compare=params.get("compare") != "none",
        versus_span=versus_span,
        versus_days=versus_days,
        options=tuple(_read_option(params, name, tuple(words)) for name, words in (options or {}).items()),
        errors=tuple(errors),
        usual=usual,
    )


def _read_versus(params: Mapping[str, str], errors: list[str]) -> tuple[str, tuple[date, date] | None]:
    """What to compare with, if not the period before; the days chosen may come in either order."""
    # A form without a script sends the days whatever is chosen: the word decides, where there is one.
    word = params.get("compare", "custom" if params.get("compare_from") else "")
    if word != "custom":
        return ("year" if word == "year" else ""), None
    try:
        first, last = (date.fromisoformat(params.get(name, "")) for name in ("compare_from", "compare_to"))
    except ValueError:
        errors.append(_("The days to compare with cannot be read; the period before is compared with instead."))
        return "", None
    first, last = min(first, last), max(first, last)
    if (last - first).days >= MAX_DAYS or not 2000 <= first.year <= last.year <= 9998:
        text = _("At most %(n)s days can be compared with; the period before is compared with instead.")
        errors.append(text % {"n": figures.decimal(MAX_DAYS)})
        return "", None
    return "custom", (first, last)


def _read_option(params: Mapping[str, str], name: str, words: tuple[str, ...]) -> Option:
    word = params.get(name, "")
    return Option(name, word if word in words else words[0], words[0])


def _custom_period(reader: AddressReader, today: date, zone: str) -> Period:
    """The two days asked for, in either order; a ValueError says in the reader's language why they cannot be used."""
    first, last = reader.day("date_from") or today, reader.day("date_to") or today
    if reader.errors.keys() & {"date_from", "date_to"}:
        raise ValueError(_("One of the dates cannot be read; the last 7 days are shown instead."))
    first, last = min(first, last), max(first, last)
    if (last - first).days >= MAX_DAYS:
        text = _("At most %(n)s days can be shown at once; the last 7 days are shown instead.")
        raise ValueError(text % {"n": figures.decimal(MAX_DAYS)})
    if not 2000 <= first.year <= last.year <= today.year + 1:
        raise ValueError(_("One of the dates is too far away; the last 7 days are shown instead."))
    return Period(first, last + timedelta(days=1), zone)


def _ids(reader: AddressReader, name: str) -> tuple[UUID, ...]:
    ids = reader.ids(name)
    if name in reader.errors:
        raise UnknownId(reader.text(name))
    return ids
