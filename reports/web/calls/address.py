"""The address of the list of calls: the API's filters, a named period, the order, the columns. A link reproduces it.

Parameters that cannot be read are named in ``errors``, and then no calls are shown: a list with fewer filters than
asked for would pass for the one that was meant.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from django.utils import timezone
from django.utils.translation import gettext as _

from reports.definitions.filters import QuestionError, write_filters
from reports.definitions.periods import local_date
from reports.definitions.spans import span_period
from reports.queries.calls.columns import COLUMNS
from reports.queries.calls.orders import SORTED, TIMES, check_ordering
from reports.queries.question import CallQuestion, read_calls
from reports.queries.scope import Scope
from reports.web.shared.selection import written
from reports.web.shared.spans import SPANS

ORDERS = TIMES[:2]


@dataclass(frozen=True, slots=True)
class CallAddress:
    """``typed`` is what stands in the address, for a form that shows what was typed; ``span`` is "" for all time;
    ``unsorted`` says why the calls stand by time although another order was asked for.
    """

    question: CallQuestion
    span: str = ""
    ordering: str = ORDERS[0]
    unsorted: str = ""
    columns: tuple[str, ...] = ()  # chosen ones; none for the usual
    cursor: str = ""
    view: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def params(self, **changes: str) -> dict[str, str]:
        """The parameters of the page, less the place in the list; ``changes`` replace some, and "" takes one away."""
        named = self.span not in ("", "custom")
        days = {
            "date_from": self.question.date_from.isoformat() if self.question.date_from and not named else "",
            "date_to": self.question.date_to.isoformat() if self.question.date_to and not named else "",
        }
        params = {
            "period": self.span if named else "",
            **days,
            "zone": str(self.typed.get("zone", "")),
            **write_filters(self.question.filters),
            "ordering": self.ordering,
            "columns": ",".join(self.columns),
        }
        params |= changes
        return {name: value for name, value in params.items() if value and (name, value) != ("ordering", ORDERS[0])}

    def by_time(self, error: QuestionError) -> "CallAddress":
        """The same list by time, because it cannot be in the order asked for."""
        return replace(self, ordering=ORDERS[0], cursor="", unsorted=error.errors["ordering"])

    def query(self, **changes: str) -> str:
        return "?" + written(self.params(**changes))

    @property
    def calls_query(self) -> str:
        """The same calls for the API and its files, which know no named periods."""
        return written(self.params(period="", columns="") | self._days)

    def export_query(self, columns: Iterable[str]) -> str:
        """The same list for a file that is to look like the page."""
        return written(self.params(period="", columns=",".join(columns)) | self._days)

    @property
    def _days(self) -> dict[str, str]:
        days = {"date_from": self.question.date_from, "date_to": self.question.date_to}
        return {name: day.isoformat() for name, day in days.items() if day}

    @property
    def narrows(self) -> bool:
        """Whether anything is left out but test calls."""
        return bool(write_filters(self.question.filters) or self.question.date_from or self.question.date_to)


def read_address(params: Mapping[str, str], scope: Scope, *, today: date | None = None) -> CallAddress:
    """What an address asks for."""
    errors: dict[str, str] = {}
    span = params.get("period") or ("custom" if params.get("date_from") or params.get("date_to") else "")
    if span and span not in SPANS:
        errors["period"] = _("There is no such period.")
        span = ""
    question = CallQuestion(zone=scope.zone)
    try:
        question = read_calls(params, scope)
        if span not in ("", "custom"):
            period = span_period(span, today or local_date_now(question.zone), question.zone)
            question = replace(question, date_from=period.start, date_to=period.last_day)
    except QuestionError as error:
        errors |= error.errors
    ordering = params.get("ordering") or ORDERS[0]
    if ordering not in (*ORDERS, *SORTED):
        errors["ordering"] = _("Calls cannot be shown in this order.")
        ordering = ORDERS[0]
    getlist = getattr(params, "getlist", None)
    words = ",".join(getlist("columns")) if getlist else params.get("columns", "")
    address = CallAddress(
        question=question,
        span=span,
        ordering=ordering,
        columns=tuple(dict.fromkeys(word for word in words.split(",") if word in COLUMNS)),
        cursor=params.get("cursor", ""),
        view=params.get("view", ""),
        typed={name: str(params.get(name) or "") for name in params},
        errors=errors,
    )
    try:
        check_ordering(ordering, scope)
    except QuestionError as error:
        return address.by_time(error)
    return address


def period_query(address: CallAddress) -> str:
    """The days, environments and agents of the list for the pages about a period; "" where it has no first day."""
    question = address.question
    if question.date_from is None:
        return ""
    chosen = write_filters(question.filters)
    ids = {name: chosen.get(name, "") for name in ("environment", "agent")}
    if address.span not in ("", "custom"):
        return "?" + written({"period": address.span, **ids})
    last = question.date_to or local_date_now(question.zone)
    return "?" + written({"date_from": question.date_from.isoformat(), "date_to": last.isoformat(), **ids})


def local_date_now(zone: str) -> date:
    return local_date(timezone.now(), zone)
