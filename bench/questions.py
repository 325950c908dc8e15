"""The questions of ``bench.reports``: as Ringbook asks them, and as SQL that PostgreSQL and DuckDB read alike.

In the SQL ``{local}`` is the wall clock of the zone and ``{where}`` the calls in question; the seeded calls are all
over, so every call is final and the completed ones are the connected ones.
"""

from dataclasses import dataclass
from typing import Any

from reports.periods import Period


@dataclass(frozen=True)
class Known:
    """``total`` gives the question's metrics over all calls, ``sql`` what the page needs of it; ``within`` says how
    near the totals have to be, as percentiles of a year come from histograms.
    """

    label: str
    metrics: tuple[str, ...]
    by: tuple[str, ...]
    total: str
    sql: str
    within: float = 1e-6


COUNT = "count(*)"
CONNECTED = "count(*) FILTER (WHERE status = 'completed')"
RATE = f"{CONNECTED} * 100.0 / {COUNT}"
TALK = "sum(duration_ms) FILTER (WHERE status = 'completed')"
WEEK = "date_trunc('week', {local})"
AREA = "CASE WHEN contact LIKE '55%%' AND length(contact) IN (12, 13) THEN substr(contact, 3, 2) ELSE '' END"
LINE = "CASE WHEN direction = 'outbound' THEN from_number ELSE to_number END"
LENGTH = (
    "CASE WHEN duration_ms <= 3000 THEN 0 WHEN duration_ms <= 6000 THEN 1 WHEN duration_ms <= 15000 THEN 2"
    " WHEN duration_ms <= 30000 THEN 3 WHEN duration_ms <= 60000 THEN 4 WHEN duration_ms <= 120000 THEN 5"
    " WHEN duration_ms <= 300000 THEN 6 WHEN duration_ms <= 600000 THEN 7 ELSE 8 END"
)
BOTH = f"{COUNT}, {RATE}"


def _known(label: str, metrics: tuple[str, ...], values: str, *by: tuple[str, str], within: float = 1e-6) -> Known:
    keys = ", ".join(text for _key, text in by)
    grouped = f"SELECT {keys}, {values} FROM {{calls}} WHERE {{where}} GROUP BY {keys}" if by else ""
    total = f"SELECT {values} FROM {{calls}} WHERE {{where}}"
    return Known(label, metrics, tuple(key for key, _text in by), total, grouped or total, within)


PAIR = ("attempts", "connect_rate")
QUESTIONS = {
    "summary": _known(
        "figures of the period",
        ("attempts", "connected", "connect_rate", "no_answer_rate", "busy_rate", "failed_rate", "average_duration",
         "talk_minutes", "short_call_share_3s", "short_call_share_6s", "engaged_share"),
        f"{COUNT}, {CONNECTED}, {RATE}, count(*) FILTER (WHERE status = 'no-answer') * 100.0 / {COUNT},"
        f" count(*) FILTER (WHERE status = 'busy') * 100.0 / {COUNT},"
        f" count(*) FILTER (WHERE status = 'failed') * 100.0 / {COUNT},"
        f" {TALK} / 1000.0 / {CONNECTED}, {TALK} / 60000.0,"
        f" count(*) FILTER (WHERE duration_ms <= 3000) * 100.0 / {COUNT},"
        f" count(*) FILTER (WHERE duration_ms <= 6000) * 100.0 / {COUNT},"
        f" count(*) FILTER (WHERE status = 'completed' AND duration_ms >= 30000) * 100.0 / {CONNECTED}",
    ),
    "contacts": _known(
        "different contacts, and those reached",
        ("unique_contacts", "reach_rate"),
        "count(DISTINCT contact),"
        " count(DISTINCT contact) FILTER (WHERE status = 'completed') * 100.0 / count(DISTINCT contact)",
    ),
    "spread": _known(
        "median and 90th percentile of duration",
        ("median_duration", "p90_duration"),
        "percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE status = 'completed') / 1000.0,"
        " percentile_cont(0.9) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE status = 'completed') / 1000.0",
        within=0.026,
    ),
    "weeks": _known("week by week", PAIR, BOTH, ("week", WEEK)),
    "statuses": _known("status mix, week by week", PAIR, BOTH, ("week", WEEK), ("status", "status")),
    "hours": _known(
        "weekday by hour",
        ("attempts",),
        COUNT,
        ("weekday", "extract(isodow FROM {local})"),
        ("hour_of_day", "extract(hour FROM {local})"),
    ),
    "agents": _known("agents", PAIR, BOTH, ("agent", "agent_id")),
    "lines": _known("own numbers", PAIR, BOTH, ("line", LINE)),
    "areas": _known("area codes", PAIR, BOTH, ("area_code", AREA)),
    "lengths": _known("lengths of calls", ("attempts",), COUNT, ("length", LENGTH)),
}  # fmt: skip


def parameters(environment: int, period: Period) -> dict[str, str]:
    """What to fill into the SQL besides the name of the table and its clock."""
    span = "started_at >= '{start}' AND started_at < '{end}'"
    return {
        "where": f"environment_id = {environment} AND NOT is_test AND {span}",
        "start": f"{period.starts_at:%Y-%m-%d %H:%M:%S}",
        "end": f"{period.ends_at:%Y-%m-%d %H:%M:%S}",
    }


def written(text: str, given: dict[str, Any], *, calls: str, local: str, offset: str = "") -> str:
    """A question's SQL for one engine; ``offset`` is what it wants after a moment in UTC."""
    where = given["where"].format(start=given["start"] + offset, end=given["end"] + offset)
    return text.replace("%%", "%").format(calls=calls, where=where, local=local)
