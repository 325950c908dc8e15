"""The form of the exports page: what an address or a sent form chooses, and what there is to choose from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from reports.definitions.catalogue import CATALOGUE
from reports.definitions.filters import FILTERS
from reports.definitions.periods import last_days, local_date
from reports.definitions.spans import SPANS, span_period
from reports.files import words
from reports.files.formats import DIALECT_LABELS, FORMATS, Format, offered
from reports.files.models import ORDERED, What
from reports.files.orders import SHAPES, Order, read_order
from reports.files.tables import call_columns
from reports.queries.params import ParamReader
from reports.queries.question import DEFAULT_DAYS, CallQuestion, QuestionError, read_calls
from reports.queries.scope import Scope

READY = "report:"  # before the key of a ready-made report, as the form's one choice names it
USUAL_DAYS = 30
OF_A_SHAPE = frozenset(name for names in SHAPES.values() for name in names)  # of some kinds; another choice drops them
CHOSEN_HERE = ("environment", "agent", "date_from", "date_to", "columns", "format", "dialect", "what", "report")
CARRIED = ("zone", "ordering", "metrics", "by", "compare", "title", *FILTERS)


@dataclass(slots=True)
class ExportForm:
    """``values`` are the parameters as given; ``errors`` sentences by parameter."""

    values: dict[str, str]
    scope: Scope
    order: Order | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """The choice in the list of what there is: a list, ``report``, or ``report:<key>``."""
        chosen, ready = self.values.get("what", ""), self.values.get("report", "")
        if chosen == What.REPORT and ready in CATALOGUE:
            return READY + ready
        return chosen if chosen in ORDERED else What.CALLS.value

    @property
    def kinds(self) -> list[tuple[str, str]]:
        kinds = [
            (What.CALLS.value, _("Calls, one by one")),
            (What.CALLBACKS.value, _("Callbacks and the calls they answer")),
            (What.WAITING.value, _("Contacts still waiting")),
            (What.CAMPAIGNS.value, _("Campaigns")),
        ]
        if self.what == What.REPORT:
            kinds.append((What.REPORT.value, _("The report as it was shown")))
        return kinds + [(READY + key, str(report.label)) for key, report in CATALOGUE.items()]

    @property
    def formats(self) -> Sequence[Format]:
        return tuple(FORMATS.values())

    @property
    def format(self) -> str:
        chosen, usual = self.values.get("format", ""), next(iter(offered()))
        return chosen if chosen in offered() else usual

    @property
    def dialects(self) -> Mapping[str, Any]:
        return DIALECT_LABELS

    @property
    def dialect(self) -> str:
        return self.values.get("dialect") or ("excel-pt" if (get_language() or "").startswith("pt") else "csv")

    @property
    def columns(self) -> str:
        """The columns that the page of calls showed, as this form may choose them; "" where it came from elsewhere."""
        return self.values.get("columns", "") if self.what == What.CALLS else ""

    @property
    def column_names(self) -> str:
        return ", ".join(column.header for column in call_columns(self.columns.split(",")))

    def chosen_ids(self, name: str) -> tuple[UUID, ...]:
        """The ids that a parameter names, as far as they are ids."""
        ids = []
        for word in self.values.get(name, "").split(","):
            try:
                ids.append(UUID(word.strip()))
            except ValueError:
                continue
        return tuple(ids)

    @property
    def carried(self) -> list[tuple[str, str]]:
        """What the page cannot choose, but keeps: parameters with their values."""
        names = list(CARRIED)
        for name in ("environment", "agent"):
            if len(self.chosen_ids(name)) < 2:
                names.remove(name)
        return [(name, self.values[name]) for name in dict.fromkeys(names) if self.values.get(name)]

    @property
    def narrowing(self) -> list[tuple[str, str]]:
        """The carried filters in words."""
        question = self.question
        if question is None:
            return []
        single = [FILTERS[name] for name in ("environment", "agent") if len(self.chosen_ids(name)) < 2]
        chosen = {str(label) for each in single for label in (each.label, each.callback_label)}
        if question.filters.testing == "exclude":
            chosen.add(str(FILTERS["testing"].label))
        filters = ParamReader(self.values, self.scope).filters()
        lines = words.filter_lines(filters, self.scope, callbacks=self.what in (What.CALLBACKS, What.WAITING))
        if self.what == What.CAMPAIGNS:  # whose states are other words than those of calls
            lines = [line for line in lines if line[0] != str(FILTERS["status"].label)]
            lines += words.state_lines(self.values.get("status", ""))
        return [(label, text) for label, text in lines if label not in chosen]

    @property
    def question(self) -> CallQuestion | None:
        """The calls behind the choice, whichever kind it is; None while it cannot be read."""
        of_returns = {each.name for each in FILTERS.values() if each.of_returns and self.what != What.CALLS}
        try:
            return read_calls({name: self.values[name] for name in self.values.keys() - of_returns}, self.scope)
        except QuestionError:
            return None


def read_form(params: Mapping[str, str], scope: Scope, *, sent: bool, now: datetime) -> ExportForm:
    """The form as an address opens it, or as it was sent: then it has an order, or errors."""
    getlist = getattr(params, "getlist", None)
    values = {
        name: ",".join(filter(None, getlist(name))) if getlist else params[name]
        for name in params
        if name in CHOSEN_HERE or name in CARRIED
    }
    chosen = values.get("what", "")
    if chosen.startswith(READY):
        values |= {"what": What.REPORT.value, "report": chosen.removeprefix(READY)}
    for name in OF_A_SHAPE.difference(SHAPES.get(values.get("what") or What.CALLS, ())):
        values.pop(name, None)
    undated = not sent and not (values.get("date_from") or values.get("date_to"))
    if undated and params.get("period") in SPANS:  # the file is of its days, whenever it is made
        zone = ParamReader(values, scope).zone()
        named = span_period(params["period"], local_date(now, zone), zone)
        values |= {"date_from": named.start.isoformat(), "date_to": named.last_day.isoformat()}
    elif undated and (values.get("what") == What.REPORT or "what" not in values):
        # What a report without dates is about; of calls, when nothing at all was chosen.
        days = DEFAULT_DAYS if values.get("what") == What.REPORT else USUAL_DAYS
        usual = last_days(days, local_date(now, scope.zone), scope.zone)
        values |= {"date_from": usual.start.isoformat(), "date_to": usual.last_day.isoformat()}
    form = ExportForm({name: value for name, value in values.items() if value}, scope)
    if sent:
        try:
            form.order = read_order(form.values, scope)
        except QuestionError as error:
            form.errors = error.errors
    return form
