"""The parts of a mail that a plan chooses and orders. What frames them always stands: the highlights above, and below
how complete the figures are, what they cover, and how to leave.

To add one: a name here, its words in :mod:`reports.mail.compose`, and two templates in ``mail/sections``.
"""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

LABELS = {
    "headlines": _("Main figures"),
    "days": _("Day by day"),
    "hours": _("Calls by hour and weekday"),
    "agents": _("Agents, worst change first"),
    "campaigns": _("Campaigns in progress"),
    "callbacks": _("Callbacks, by the agent that had called"),
    "waiting": _("Still waiting for a call"),
    "short_calls": _("Short calls"),
    "corrections": _("Corrections since the last report"),
    "problems": _("Data problems"),
}
ALONE = {"agents": _("Agents")}  # where nothing is compared
CROWDED_LABELS = {"hours": _("Calls by hour and weekday, in thousands")}  # where the counts are too long for a phone
HEADS = {  # of the columns of tables
    "days": (_("Day"), _("Calls"), _("Connected"), _("Callbacks")),
    "agents": (_("Agent"), _("Calls"), _("Connected"), _("Length")),
    "campaigns": (_("Campaign"), _("Calls in the period"), _("Calls in all"), _("Completed")),
    "callbacks": (_("Agent that had called"), _("Callbacks"), _("Time to callback, median")),
}
LONGEST_SUBJECT, LONGEST_NOTE = 120, 2000  # of an author's own, in characters
SECTIONS = tuple(LABELS)  # in their usual order


def chosen(names: Iterable[str]) -> tuple[str, ...]:
    """The names in their order, each once; one that is no section any more is passed over."""
    return tuple(dict.fromkeys(name for name in names if name in LABELS))
