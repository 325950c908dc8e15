"""Every figure, declared once: its words, its measures and its formula.

Page tooltip, API, mail footnote and export read the same declaration. To add a metric, add a declaration here, or in
``metrics_loop`` for the callback loop (and a measure if it counts anew).
"""

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from reports import measures as m
from reports.formulas import (
    BOTH,
    ORIGINSAI,
    RATE_MINIMUM,
    TALKOVER,
    Metric,
    Words,
    count,
    metric,
    minutes,
    pair,
    percentile,
    quotient,
    share,
    timely,
)
from reports.metrics_loop import CALLBACK_LOOP

__all__ = ["BOTH", "METRICS", "ORIGINSAI", "RATE_MINIMUM", "TALKOVER", "Metric"]

_HISTOGRAM = _("Exact for periods of up to 62 days; beyond that from a histogram, within ±2.5 %.")


def _spread_definition(text: Words) -> Words:
    return format_lazy("{} {}", text, _HISTOGRAM)


_DECLARED = (
    metric(
        "attempts",
        _("Attempts"),
        _("All calls placed or received, answered or not. Test calls are left out unless asked for."),
        _("number of calls"),
        count(m.ATTEMPTS),
    ),
    metric(
        "connected",
        _("Connected calls"),
        _("Calls that were answered. Voicemail that picks up counts as an answer."),
        _("calls answered or completed"),
        count(m.ANSWERED),
        better="up",
    ),
    metric(
        "connect_rate",
        _("Connect rate"),
        _("Share of final attempts that connected. Calls that are still open have no part in it."),
        _("connected ÷ final × 100"),
        share(m.ANSWERED, m.ENDED),
        unit="percent",
        better="up",
    ),
    metric(
        "no_answer_rate",
        _("No-answer rate"),
        _("Share of final attempts that rang and were not answered."),
        _("no-answer ÷ final × 100"),
        share(m.UNANSWERED, m.ENDED),
        unit="percent",
        better="down",
    ),
    metric(
        "busy_rate",
        _("Busy rate"),
        _("Share of final attempts that met a busy line."),
        _("busy ÷ final × 100"),
        share(m.ENGAGED_LINE, m.ENDED),
        unit="percent",
        better="down",
    ),
    metric(
        "failed_rate",
        _("Failure rate"),
        _("Share of final attempts that failed."),
        _("failed ÷ final × 100"),
        share(m.FAILURES, m.ENDED),
        unit="percent",
        better="down",
    ),
    metric(
        "missed_rate",
        _("Inbound missed rate"),
        _("Share of final inbound calls that did not connect."),
        _("inbound unreached ÷ inbound final × 100"),
        share(m.MISSED, m.INBOUND),
        unit="percent",
        better="down",
    ),
    metric(
        "average_duration",
        _("Average call duration"),
        _(
            "Mean length of connected calls. A voice agent neither holds nor works after the call, so this is "
            "its handle time too."
        ),
        _("Σ duration of connected calls ÷ connected calls with a known duration"),
        quotient(m.TALK_MS, m.TALKS, 0.001),
        unit="seconds",
    ),
    metric(
        "median_duration",
        _("Median call duration"),
        _spread_definition(_("Half of the connected calls were shorter, half longer.")),
        _("50th percentile of the duration of connected calls"),
        percentile(m.DURATIONS, 0.5, 0.001),
        unit="seconds",
    ),
    metric(
        "p90_duration",
        _("90th percentile of duration"),
        _spread_definition(_("Nine of ten connected calls were shorter.")),
        _("90th percentile of the duration of connected calls"),
        percentile(m.DURATIONS, 0.9, 0.001),
        unit="seconds",
    ),
    metric(
        "talk_minutes",
        _("Talk time"),
        _("Duration of all connected calls together."),
        _("Σ duration of connected calls"),
        minutes(m.TALK_MS, m.TALKS),
        unit="minutes",
    ),
    metric(
        "billed_minutes",
        _("Billed minutes"),
        _("Billed time of all calls together, as the vendor states it."),
        _("Σ billed duration"),
        minutes(m.BILLED_MS, m.BILLS),
        unit="minutes",
        vendors=ORIGINSAI,
    ),
    metric(
        "short_call_share_3s",
        _("Short calls, up to 3 s"),
        _("Share of final calls, connected or not, whose known duration is at most 3 seconds."),
        _("final calls of at most 3 s ÷ final × 100"),
        share(m.SHORT_3, m.ENDED),
        unit="percent",
        better="down",
    ),
    metric(
        "short_call_share_6s",
        _("Short calls, up to 6 s"),
        _("Share of final calls, connected or not, whose known duration is at most 6 seconds."),
        _("final calls of at most 6 s ÷ final × 100"),
        share(m.SHORT_6, m.ENDED),
        unit="percent",
        better="down",
    ),
    metric(
        "engaged_share",
        _("Engaged calls"),
        _("Share of connected calls that lasted at least 30 seconds."),
        _("connected calls of at least 30 s ÷ connected × 100"),
        share(m.CONVERSATIONS, m.ANSWERED),
        unit="percent",
        better="up",
    ),
    metric(
        "unique_contacts",
        _("Unique contacts"),
        _("Different numbers called or calling. Withheld numbers are no contact."),
        _("different contact numbers"),
        count(m.CONTACTS),
    ),
    metric(
        "reach_rate",
        _("Reach rate"),
        _("Share of contacts with at least one connected call."),
        _("contacts connected at least once ÷ contacts × 100"),
        share(m.REACHED, m.CONTACTS),
        unit="percent",
        better="up",
    ),
    metric(
        "attempts_per_contact",
        _("Attempts per contact"),
        _("How many calls there were for each contact. Calls with a withheld number are left out."),
        _("calls with a contact ÷ contacts"),
        quotient(m.DIALLED, m.CONTACTS),
    ),
    metric(
        "open_calls",
        _("Open calls"),
        _("Calls that are not over yet. They have no part in rates."),
        _("calls initiated, ringing, queued, or answered and not ended"),
        count(m.OPEN),
    ),
    metric(
        "unresolved_calls",
        _("Unresolved calls"),
        _("Calls that never ended for the vendor, 48 hours after they began. They have no part in rates."),
        _("calls open for more than 48 hours"),
        count(m.UNRESOLVED),
        better="down",
    ),
    metric(
        "peak_concurrency",
        _("Peak concurrency"),
        _("The most connected calls at one time, among the calls that began in the period."),
        _("most overlaps of [start, start + duration)"),
        count(m.PEAK),
    ),
    metric(
        "callbacks_received",
        _("Callbacks received"),
        _(
            "Inbound calls routed to callback agents: the vendor's total. The vendor counts UTC days; each "
            "counts as the day of the same date."
        ),
        _("vendor's total"),
        count(m.CALLBACKS_RECEIVED),
        better="up",
        vendors=TALKOVER,
    ),
    metric(
        "callbacks_answered",
        _("Callbacks answered"),
        _("Callbacks that were connected to the agent: the vendor's total of UTC days."),
        _("vendor's total"),
        count(m.CALLBACKS_ANSWERED),
        better="up",
        vendors=TALKOVER,
    ),
    metric(
        "callback_answer_rate",
        _("Callback answer rate"),
        _("Share of the callbacks received that were answered, from the vendor's totals of UTC days."),
        _("callbacks answered ÷ callbacks received × 100"),
        share(m.CALLBACKS_ANSWERED, m.CALLBACKS_RECEIVED),
        unit="percent",
        better="up",
        vendors=TALKOVER,
    ),
    metric(
        "callbacks_unmatched",
        _("Callbacks unmatched"),
        _(
            "Calls to callback agents for which the vendor knows no recent outbound call: its total of UTC "
            "days, which need not fit the callbacks received."
        ),
        _("vendor's total"),
        count(m.CALLBACKS_UNMATCHED),
        vendors=TALKOVER,
    ),
    *CALLBACK_LOOP,
    metric(
        "campaign_success_rate",
        _("Campaign success rate (vendor's)"),
        _(
            "Completed calls of all campaigns as the vendor last counted them, since each campaign began; not "
            "limited to the period. It is a completion rate."
        ),
        _("completed ÷ total × 100, over the campaigns"),
        share(m.CAMPAIGN_SUCCESSES, m.CAMPAIGN_CALLS),
        unit="percent",
        better="up",
        vendors=TALKOVER,
    ),
    metric(
        "estimated_cost",
        _("Estimated cost"),
        _(
            "Connected minutes at the list price of each agent; calls of agents without a list price are left "
            "out. An estimate, not a bill."
        ),
        _("Σ connected minutes × list price a minute"),
        pair(m.PRICED),
        unit="money",
        vendors=TALKOVER,
    ),
    metric(
        "time_to_answer",
        _("Time to answer"),
        _("Mean time from the start of a call to its pick-up, over connected calls."),
        _("Σ (answer − start) ÷ connected calls with both times"),
        quotient(m.PICKUP_MS, m.PICKUPS, 0.001),
        unit="seconds",
        better="down",
        vendors=ORIGINSAI,
    ),
    metric(
        "service_level",
        _("Service level, 20 s"),
        _("Share of final calls that were answered within 20 seconds. Calls given up early count as not answered."),
        _("answered within 20 s ÷ final × 100"),
        timely(m.QUICK_PICKUPS, m.PICKUPS, m.ANSWERED, m.ENDED),
        unit="percent",
        better="up",
        vendors=ORIGINSAI,
    ),
    *(
        metric(
            f"{spread.key}_latency_p{percent}",
            label,
            _spread_definition(text),
            _("percentile over the turns of all calls"),
            percentile(spread, percent / 100),
            unit="ms",
            better="down",
            vendors=ORIGINSAI,
        )
        for spread, percent, label, text in (
            (m.STT, 50, _("Speech-to-text latency, median"), _("Half of the turns were understood faster.")),
            (m.STT, 95, _("Speech-to-text latency, p95"), _("95 of 100 turns were understood faster.")),
            (m.LLM, 50, _("Language model latency, median"), _("Half of the turns were thought out faster.")),
            (m.LLM, 95, _("Language model latency, p95"), _("95 of 100 turns were thought out faster.")),
            (m.TTS, 50, _("Text-to-speech latency, median"), _("Half of the turns were voiced faster.")),
            (m.TTS, 95, _("Text-to-speech latency, p95"), _("95 of 100 turns were voiced faster.")),
        )
    ),
)

METRICS: dict[str, Metric] = {each.key: each for each in _DECLARED}
