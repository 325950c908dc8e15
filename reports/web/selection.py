"""What a reader has chosen on a page: the period, the environment, the agent and the order of rows. All of it lives in
the address, so that a link reproduces the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.formats import figures
from reports.periods import Period, last_days, month_of, week_of
from reports.queries.question import MAX_DAYS, Filters

SPANS = {
    "last_7_days": gettext_lazy("Last 7 days"),
    "this_week": gettext_lazy("This week"),
    "last_week": gettext_lazy("Last week"),
    "this_month": gettext_lazy("This month"),
    "last_month": gettext_lazy("Last month"),
    "last_30_days": gettext_lazy("Last 30 days"),
    "last_90_days": gettext_lazy("Last 90 days"),
    "custom": gettext_lazy("From – to"),
}
DEFAULT_SPAN = "last_7_days"
MAPS = ("attempts", "connect_rate")
SORTS = ("agent", "attempts", "connect_rate", "average_duration", "talk_minutes")


class UnknownId(LookupError):
    """An id that is no id. Told apart from a foreign or an absent one by nobody."""


def span_period(span: str, today: date, zone: str) -> Period:
    """A named span. "Last" days end with the last whole day, yesterday; this week and this month are whole ones, of
    which a part is still to come, so that they are compared with the whole week or month before.
    """
    this_week, this_month = week_of(today, zone), month_of(today, zone)
    if span == "this_week":
        return this_week
    if span == "last_week":
        return week_of(this_week.start - timedelta(days=1), zone)
    if span == "this_month":
        return this_month
    if span == "last_month":
        return month_of(this_month.start - timedelta(days=1), zone)
    return last_days(int(span.split("_")[1]), today, zone)


@dataclass(frozen=True, slots=True)
class Selection:
    """``today`` is the day it is in the period's zone."""

    span: str
    period: Period
    today: date
    environment: UUID | None = None
    agent: UUID | None = None
    sort: str = "-attempts"
    map: str = "attempts"
    errors: tuple[str, ...] = field(default=(), compare=False)

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
    def filters(self) -> Filters:
        return Filters(
            environments=(self.environment,) if self.environment else (),
            agents=(self.agent,) if self.agent else (),
        )

    @property
    def grain(self) -> str:
        """The time rows that keep a chart readable."""
        days = self.period.days
        return "day" if days <= 92 else "week" if days <= 366 else "month"

    @property
    def query(self) -> str:
        """The page's own query string, without what is the default anyway."""
        fields = {
            "period": "" if self.span == DEFAULT_SPAN else self.span,
            **(self._days(self.first, self.last) if self.span == "custom" else {}),
            **self._ids(),
            "sort": "" if self.sort == "-attempts" else self.sort,
            "map": "" if self.map == "attempts" else self.map,
        }
        return "?" + urlencode({name: value for name, value in fields.items() if value})

    def calls_query(self, first: date | None = None, last: date | None = None) -> str:
        """The query string of the calls behind the page, or behind some days of it."""
        return "?" + urlencode(self._days(first or self.first, last or self.last) | self._ids())

    def change(self, **changes: object) -> "Selection":
        return replace(self, **changes)  # type: ignore[arg-type]

    def moved(self, by: int) -> "Selection":
        """The same number of days before (-1) or after (+1): a whole month moves by a month."""
        period = self.period
        if period.whole_month:
            other = month_of(period.start - timedelta(days=1) if by < 0 else period.end, period.zone)
        else:
            step = timedelta(days=period.days * by)
            other = Period(period.start + step, period.end + step, period.zone)
        return self.change(span="custom", period=other)

    @property
    def earlier(self) -> str:
        return self.moved(-1).query

    @property
    def later(self) -> str:
        """Empty when it would lie in the future."""
        later = self.moved(1)
        return later.query if later.first <= self.today else ""

    def _ids(self) -> dict[str, str]:
        ids = {"environment": self.environment, "agent": self.agent}
        return {name: str(value) for name, value in ids.items() if value}

    @staticmethod
    def _days(first: date, last: date) -> dict[str, str]:
        return {"date_from": first.isoformat(), "date_to": last.isoformat()}


def read_selection(params: Mapping[str, str], zone: str, *, today: date) -> Selection:
    """The choice an address carries. What cannot be read becomes the default and a sentence in ``errors``; an id that
    is no id raises :class:`UnknownId`.
    """
    errors: list[str] = []
    span = params.get("period") or ("custom" if params.get("date_from") else DEFAULT_SPAN)
    if span not in SPANS:
        errors.append(_("There is no such period; the last 7 days are shown instead."))
        span = DEFAULT_SPAN
    period = span_period(DEFAULT_SPAN if span == "custom" else span, today, zone)
    if span == "custom":
        try:
            period = _custom_period(params, today, zone)
        except ValueError as error:
            errors.append(str(error))
            span = DEFAULT_SPAN
    sort = params.get("sort", "")
    return Selection(
        span=span,
        period=period,
        today=today,
        environment=_read_id(params.get("environment", "")),
        agent=_read_id(params.get("agent", "")),
        sort=sort if sort.removeprefix("-") in SORTS else "-attempts",
        map=params.get("map", "") if params.get("map") in MAPS else "attempts",
        errors=tuple(errors),
    )


def _custom_period(params: Mapping[str, str], today: date, zone: str) -> Period:
    """The two days asked for, in either order; a ValueError says in the reader's language why they cannot be used."""
    try:
        first = date.fromisoformat(params.get("date_from", "") or today.isoformat())
        last = date.fromisoformat(params.get("date_to", "") or today.isoformat())
    except ValueError as error:
        raise ValueError(_("One of the dates cannot be read; the last 7 days are shown instead.")) from error
    first, last = min(first, last), max(first, last)
    if (last - first).days >= MAX_DAYS:
        text = _("At most %(n)s days can be shown at once; the last 7 days are shown instead.")
        raise ValueError(text % {"n": figures.decimal(MAX_DAYS)})
    if not 2000 <= first.year <= last.year <= today.year + 1:
        raise ValueError(_("One of the dates is too far away; the last 7 days are shown instead."))
    return Period(first, last + timedelta(days=1), zone)


def _read_id(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise UnknownId(text) from error
