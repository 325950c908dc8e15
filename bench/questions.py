"""The questions of an overview: as Ringbook asks them, and as SQL of the calls table and of the column files.

In the SQL ``{local}`` is the wall clock of the zone and ``{where}`` the calls in question; the seeded calls are all
over, so every call is final and the completed ones are the connected ones. Written by hand, so that nothing of the
product's own SQL is measured against itself.
"""

from collections.abc import Collection
from dataclasses import dataclass

from reports.definitions.periods import Period

SAO_PAULO_US = 3 * 3_600_000_000  # behind UTC, all year


@dataclass(frozen=True)
class Overview:
    """One question: ``total`` gives the metrics over all calls, ``sql`` what the page needs of it."""

    label: str
    metrics: tuple[str, ...]
    by: tuple[str, ...]
    total: str
    sql: str


@dataclass(frozen=True)
class Calls:
    """What stands for the parts of a question in one place's SQL."""

    table: str
    where: str
    local: str
    agent: str
    line: str
    area: str

    def write(self, text: str) -> str:
        parts = {"local": self.local, "agent": self.agent, "line": self.line, "area": self.area}
        return text.format(calls=self.table, where=self.where, **parts)


COUNT = "count(*)"
CONNECTED = "count(*) FILTER (WHERE status = 'completed')"
RATE = f"{CONNECTED} * 100.0 / nullif({COUNT}, 0)"
TALK = "sum(duration_ms) FILTER (WHERE status = 'completed')"
WEEK = "date_trunc('week', {local})"
LENGTH = (
    "CASE WHEN duration_ms <= 3000 THEN 0 WHEN duration_ms <= 6000 THEN 1 WHEN duration_ms <= 15000 THEN 2"
    " WHEN duration_ms <= 30000 THEN 3 WHEN duration_ms <= 60000 THEN 4 WHEN duration_ms <= 120000 THEN 5"
    " WHEN duration_ms <= 300000 THEN 6 WHEN duration_ms <= 600000 THEN 7 ELSE 8 END"
)
BOTH = f"{COUNT}, {RATE}"


def _overview(label: str, metrics: tuple[str, ...], values: str, *by: tuple[str, str]) -> Overview:
    keys = ", ".join(text for _key, text in by)
    total = f"SELECT {values} FROM {{calls}} WHERE {{where}}"
    grouped = f"SELECT {keys}, {values} FROM {{calls}} WHERE {{where}} GROUP BY {keys}" if by else total
    return Overview(label, metrics, tuple(key for key, _text in by), total, grouped)


PAIR = ("attempts", "connect_rate")
QUESTIONS = {
    "summary": _overview(
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
    "contacts": _overview(
        "different contacts, and those reached",
        ("unique_contacts", "reach_rate"),
        "count(DISTINCT contact),"
        " count(DISTINCT contact) FILTER (WHERE status = 'completed') * 100.0 / count(DISTINCT contact)",
    ),
    "spread": _overview(
        "median and 90th percentile of duration",
        ("median_duration", "p90_duration"),
        "percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE status = 'completed') / 1000.0,"
        " percentile_cont(0.9) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE status = 'completed') / 1000.0",
    ),
    "weeks": _overview("week by week", PAIR, BOTH, ("week", WEEK)),
    "statuses": _overview("status mix, week by week", PAIR, BOTH, ("week", WEEK), ("status", "status")),
    "hours": _overview(
        "weekday by hour",
        ("attempts",),
        COUNT,
        ("weekday", "extract(isodow FROM {local})"),
        ("hour_of_day", "extract(hour FROM {local})"),
    ),
    "agents": _overview("agents", PAIR, BOTH, ("agent", "{agent}")),
    "lines": _overview("own numbers", PAIR, BOTH, ("line", "{line}")),
    "areas": _overview("area codes", PAIR, BOTH, ("area_code", "{area}")),
    "lengths": _overview("lengths of calls", ("attempts",), COUNT, ("length", LENGTH)),
}  # fmt: skip


def in_mirror(environments: Collection[int], period: Period) -> Calls:
    """The calls of a period in the database."""
    homes = ", ".join(map(str, sorted(environments)))
    start, end = (f"'{at:%Y-%m-%d %H:%M:%S}+00'" for at in (period.starts_at, period.ends_at))
    return Calls(
        "sync_call",
        f"environment_id IN ({homes}) AND NOT is_test AND started_at >= {start} AND started_at < {end}",
        "(started_at AT TIME ZONE 'UTC' - interval '3 hours')",
        "agent_id",
        "CASE WHEN direction = 'outbound' THEN from_number ELSE to_number END",
        "CASE WHEN contact LIKE '55%' AND length(contact) IN (12, 13) THEN substr(contact, 3, 2) ELSE '' END",
    )


def in_columns(table: str, environments: Collection[int], period: Period) -> Calls:
    """The calls of a period in column files, which ``table`` reads."""
    homes = ", ".join(map(str, sorted(environments)))
    start, end = (round(at.timestamp()) * 1_000_000 for at in (period.starts_at, period.ends_at))
    return Calls(
        table,
        f"environment IN ({homes}) AND NOT is_test AND started_us >= {start} AND started_us < {end}",
        f"make_timestamp(started_us - {SAO_PAULO_US})",
        "agent",
        "line",
        "area_code",
    )
