"""Ready-made reports: a name, and the metrics and groupings it asks for. Period and filters are the reader's."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Report:
    key: str
    label: str | Promise
    description: str | Promise
    metrics: tuple[str, ...]
    by: tuple[str, ...]
    view: str = ""  # in which the page opens it where that is not the table; no part of the query

    @property
    def params(self) -> dict[str, str]:
        """The parameters of its query, without period and filters."""
        return {"metrics": ",".join(self.metrics), "by": ",".join(self.by)}


_DECLARED = (
    Report(
        "overview",
        _("Overview"),
        _("Calls and connect rate, day by day."),
        ("attempts", "connected", "connect_rate", "average_duration", "talk_minutes", "unique_contacts"),
        ("day",),
    ),
    Report(
        "agents",
        _("Agents side by side"),
        _("What each agent did in the period."),
        ("attempts", "connected", "connect_rate", "average_duration", "talk_minutes", "engaged_share"),
        ("agent",),
    ),
    Report(
        "heatmap",
        _("Hours of the week"),
        _("When calls are made, and when they are answered."),
        ("attempts", "connect_rate"),
        ("weekday", "hour_of_day"),
        view="crossed",
    ),
    Report(
        "statuses",
        _("Status mix"),
        _("How calls ended, by direction."),
        ("attempts", "average_duration"),
        ("direction", "status"),
        view="crossed",
    ),
    Report(
        "causes",
        _("Causes of hang-up"),
        _("Why calls ended, as the vendor says."),
        ("attempts", "connected", "average_duration"),
        ("cause",),
    ),
    Report(
        "durations",
        _("Durations"),
        _("Mean, median and 90th percentile of connected calls, week by week."),
        ("connected", "average_duration", "median_duration", "p90_duration"),
        ("week",),
    ),
    Report(
        "callbacks",
        _("Callbacks"),
        _("The vendor's callback totals, day by day."),
        ("callbacks_received", "callbacks_answered", "callback_answer_rate", "callbacks_unmatched"),
        ("day",),
    ),
    Report(
        "callback_loop",
        _("Callback loop"),
        _("Calls that came back, how soon, and who is still waiting, day by day."),
        (
            "derived_callbacks",
            "return_rate",
            "time_to_callback_median",
            "time_to_callback_p90",
            "attempts_before_callback",
            "still_open",
        ),
        ("day",),
    ),
    Report(
        "contacts",
        _("Contacts"),
        _("How many people were called, how often, and how many were reached, week by week."),
        ("attempts", "unique_contacts", "reach_rate", "attempts_per_contact"),
        ("week",),
    ),
    Report(
        "short_calls",
        _("Short calls"),
        _("Share of calls of up to 3 and 6 seconds, by agent."),
        ("attempts", "short_call_share_3s", "short_call_share_6s", "short_connected_share_6s"),
        ("agent",),
    ),
    Report(
        "area_codes",
        _("Area codes"),
        _("Calls by Brazilian area code."),
        ("attempts", "connected", "connect_rate"),
        ("area_code",),
    ),
    Report(
        "lines",
        _("Own numbers"),
        _("How each of your own numbers fares: calls and connect rate."),
        ("attempts", "connected", "connect_rate", "average_duration"),
        ("line",),
    ),
    Report(
        "lengths",
        _("Lengths of calls"),
        _("How many calls lasted how long."),
        ("attempts", "connected"),
        ("length",),
    ),
    Report(
        "sides",
        _("On whose side calls ended"),
        _("The person, the network, our side or the vendor, by agent."),
        ("attempts",),
        ("agent", "side"),
        view="crossed",
    ),
    Report(
        "answering",
        _("Answering"),
        _("How soon calls are picked up, and what is billed, day by day."),
        ("time_to_answer", "service_level", "billed_minutes"),
        ("day",),
    ),
    Report(
        "cost",
        _("Cost"),
        _("Connected time at list price, by agent."),
        ("estimated_cost", "talk_minutes", "connected"),
        ("agent",),
    ),
    Report(
        "environments",
        _("Environments side by side"),
        _("The same figures for each environment."),
        ("attempts", "connected", "connect_rate", "average_duration", "unique_contacts"),
        ("environment",),
    ),
    Report(
        "latency",
        _("Latency"),
        _("How fast the agent understands, thinks and speaks, day by day."),
        (
            "stt_latency_p50",
            "stt_latency_p95",
            "llm_latency_p50",
            "llm_latency_p95",
            "tts_latency_p50",
            "tts_latency_p95",
        ),
        ("day",),
    ),
    Report(
        "load",
        _("Load"),
        _("Most calls at one time, hour by hour of the day."),
        ("attempts", "peak_concurrency"),
        ("hour_of_day",),
    ),
)

CATALOGUE: dict[str, Report] = {report.key: report for report in _DECLARED}
