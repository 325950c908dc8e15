"""The calls behind a figure: which of them its base is made of, as filters of the list of calls.

Where a figure counts calls, or rests on n of them, the list has just as many. Contacts, minutes and turns of talk have
the calls they were counted in behind them, which are more or fewer than they are.
"""

from collections.abc import Collection, Mapping

from reports.definitions.metrics import METRICS
from reports.web.shared.frame import Choices
from reports.web.shared.selection import Selection

CALLS = "calls/"  # below the tenant, where the overview is too
FINAL: dict[str, object] = {"outcome": "connected,unreached"}
_CONNECTED: dict[str, object] = {"outcome": "connected"}
_TIMED: dict[str, object] = {"outcome": "connected", "min_duration": "0"}  # whose duration is known

BEHIND: dict[str, dict[str, object]] = {
    "attempts": {},
    "connected": _CONNECTED,
    "connect_rate": FINAL,
    "no_answer_rate": FINAL,
    "busy_rate": FINAL,
    "failed_rate": FINAL,
    "missed_rate": {"direction": "inbound", **FINAL},
    "average_duration": _TIMED,
    "median_duration": _TIMED,
    "p90_duration": _TIMED,
    "talk_minutes": _TIMED,
    "short_call_share_3s": FINAL,
    "short_call_share_6s": FINAL,
    "short_connected_share_3s": _CONNECTED,
    "short_connected_share_6s": _CONNECTED,
    "engaged_share": _CONNECTED,
    "open_calls": {"outcome": "open"},
    "unresolved_calls": {"outcome": "unresolved"},
    "peak_concurrency": _CONNECTED,
    "unique_contacts": {},
    "reach_rate": {},
    "attempts_per_contact": {},
    "billed_minutes": {},
    "time_to_answer": _CONNECTED,
    "service_level": FINAL,
    **{f"{part}_latency_{share}": _CONNECTED for part in ("stt", "llm", "tts") for share in ("p50", "p95")},
    "estimated_cost": _CONNECTED,
}
# Those whose n is a number of other things than calls, or of calls that no filter tells from the others.
NOT_CALLS = frozenset(
    {"peak_concurrency", "unique_contacts", "reach_rate", "attempts_per_contact", "billed_minutes", "time_to_answer"}
    | {"estimated_cost", *(key for key in BEHIND if "latency" in key)}
)
CALLBACKS = "callbacks/"  # what the vendor counted there is no list of calls


def behind(key: str, selection: Selection, shown: Choices) -> str:
    """The address of the calls behind a metric of the period, "" where there is none."""
    metric = METRICS[key]
    if key not in BEHIND:
        return CALLBACKS + selection.query if "callback" in key else ""
    return calls_where(selection, BEHIND[key] | only_of(metric.vendors, shown))


def calls_where(selection: Selection, filters: Mapping[str, object]) -> str:
    """The address of the calls of the period that some filters of the list leave."""
    return CALLS + selection.calls_query(None, None, **filters)


def only_of(vendors: Collection[str], shown: Choices) -> dict[str, object]:
    """The filter that leaves the environments in view whose vendors can measure something; none where all can."""
    if shown.providers <= set(vendors):
        return {}
    return {"environment": [home.public_id for home in shown.environments if home.provider in vendors]}
