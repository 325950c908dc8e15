"""The vendor's callback totals over time, as it counts them; the callbacks page tells the whole story."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from reports.definitions.metrics import METRICS
from reports.web.shared.behind import CALLBACKS as PAGE
from reports.web.shared.charts import HALF, Look, Series, lines
from reports.web.shared.contexts import Figure, figure_text
from reports.web.shared.selection import Selection
from reports.web.shared.times import Time, room_for
from reports.web.shared.trend import Drawing

CALLBACKS = ("callbacks_received", "callbacks_answered", "callback_answer_rate", "callbacks_unmatched")


def callback_trend(times: Sequence[Time], selection: Selection, left_out: str) -> Drawing | None:
    """Received, answered and unmatched callbacks; None when the vendor told nothing, a word in the place of the chart
    when it told of no callback. No total is made of another. ``left_out`` says which environments are not in it.
    """
    if not any(time.value("callbacks_received") is not None for time in times):
        return None
    series = [
        Series(kind, label, tuple(time.value(key) for time in times))
        for kind, label, key in (
            ("s1", pgettext("callbacks", "received"), "callbacks_received"),
            ("s4", pgettext("callbacks", "answered"), "callbacks_answered"),
            ("s2", pgettext("callbacks", "unmatched"), "callbacks_unmatched"),
        )
    ]
    if not any(any(each.values) for each in series):
        return Drawing("callbacks", _("Callbacks"), note=_("No callbacks in this period."))
    slots = [time.slot(PAGE + selection.calls_query(time.first, time.last), extra=_rate(time)) for time in times]
    look = Look(height=160, room=room_for(times, HALF), extra=(METRICS["callback_answer_rate"].label,))
    sentence = (_("The vendor's own totals, counted by UTC day.") + " " + left_out).strip()
    return Drawing("callbacks", _("Callbacks"), lines(slots, series, look), sentence)


def _rate(time: Time) -> tuple[str, ...]:
    return (figure_text(Figure(METRICS["callback_answer_rate"], time.row.cells["callback_answer_rate"])),)
