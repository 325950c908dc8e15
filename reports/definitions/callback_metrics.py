"""The figures of the callback loop: calls that come back joined to the calls they answer."""

from django.utils.translation import gettext_lazy as _

from reports.definitions import measures as m
from reports.definitions.formulas import Metric, count, metric, percentile, quotient, share
from sync.taxonomy import Fact

_PER_MINUTE = 1 / 60_000
_ROUTES = frozenset({Fact.CALLBACK_ROUTES})

CALLBACK_LOOP: tuple[Metric, ...] = (
    metric(
        "derived_callbacks",
        _("Callbacks found"),
        _(
            "Calls to a callback agent from contacts that one of its source agents had called within the hours set "
            "for the tenant (72 by default). Each attempt, connected or not, is answered once, by the first such call "
            "after it, so a second ring without a new attempt does not count. Counted when the contact rang; filters "
            "apply to that call. Grouped by agent, it counts for the agent that was rung; by the agent that called "
            "before, for the one that made the last attempt it answers. Test calls never count."
        ),
        _("first calls back within the hours set after an attempt"),
        count(m.RETURNS),
        better="up",
        needs=_ROUTES,
        group="callbacks",
    ),
    metric(
        "return_rate",
        _("Return rate"),
        _(
            "Of the contacts that an attempt did not reach, those who rang back within the hours set for the tenant "
            "(72 by default). Only attempts of agents whose callbacks an agent takes have a part in it. Counted when "
            "the attempt was made; filters apply to the attempt, but for the agent, which is the one that takes its "
            "callbacks: with one chosen, contacts count that rang that one. Grouped by agent, too, an attempt counts "
            "for each agent that takes its callbacks; by the agent that called before, for the one that made it. "
            "Contacts of the last days may still ring."
        ),
        _("different contacts that rang back ÷ different contacts not reached × 100"),
        share(m.CAME_BACK, m.NOT_REACHED),
        unit="percent",
        better="up",
        needs=_ROUTES,
        group="callbacks",
    ),
    metric(
        "time_to_callback_median",
        _("Time to callback, median"),
        _("Half of the contacts that rang back did so sooner after the last attempt, from its start to theirs."),
        _("50th percentile of start of the callback − start of the attempt it answers"),
        percentile("wait", 0.5, _PER_MINUTE),
        unit="minutes",
        needs=_ROUTES,
        group="callbacks",
    ),
    metric(
        "time_to_callback_p90",
        _("Time to callback, p90"),
        _("Nine of ten contacts that rang back did so sooner after the last attempt, from its start to theirs."),
        _("90th percentile of start of the callback − start of the attempt it answers"),
        percentile("wait", 0.9, _PER_MINUTE),
        unit="minutes",
        needs=_ROUTES,
        group="callbacks",
    ),
    metric(
        "attempts_before_callback",
        _("Attempts before a callback"),
        _(
            "How many attempts a callback answers, on average: those within the hours set, since the contact last "
            "rang back."
        ),
        _("attempts answered ÷ callbacks found"),
        quotient(m.RETURN_ATTEMPTS, m.RETURNS),
        needs=_ROUTES,
        group="callbacks",
    ),
    metric(
        "still_open",
        _("Still open"),
        _(
            "Contacts with a missed inbound call in the period, to any agent, and no connected call with them in the "
            "same environment since, by either side. As of now, for earlier periods too; withheld numbers cannot be "
            "followed."
        ),
        _("different contacts missed and not connected since"),
        count(m.STILL_OPEN),
        better="down",
        group="callbacks",
    ),
)
