"""Questions drawn at random, with one to four filters: as Ringbook asks them, and as SQL of the column files.

The same number draws the same questions. The SQL is written here by hand and gives the groups and the whole in one
statement, which is the least that an answer needs.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from bench.questions import CONNECTED, COUNT, LENGTH, RATE, TALK, WEEK, in_columns
from portal.tenants.models.tenants import Environment
from reports.definitions.periods import Period
from reports.queries.question import Filters, Question
from sync.models.agents import Agent
from sync.models.lines import Line

SHARES = " / 1000.0, ".join(
    f"percentile_cont({share}) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE status = 'completed')"
    for share in (0.5, 0.9)
)
METRICS = {
    ("attempts", "connect_rate"): f"{COUNT}, {RATE}",
    ("attempts", "connect_rate", "average_duration", "talk_minutes"): (
        f"{COUNT}, {RATE}, {TALK} / 1000.0 / nullif({CONNECTED}, 0), {TALK} / 60000.0"
    ),
    ("unique_contacts",): "count(DISTINCT contact)",
    ("median_duration", "p90_duration"): f"{SHARES} / 1000.0",
}
KEYS = {
    "week": WEEK,
    "weekday": "extract(isodow FROM {local})",
    "hour_of_day": "extract(hour FROM {local})",
    "agent": "{agent}",
    "environment": "environment",
    "status": "status",
    "direction": "direction",
    "area_code": "{area}",
    "line": "{line}",
    "length": LENGTH,
}
AREAS = ("11", "21", "31", "41", "62", "92")
SECONDS = (3, 10, 30, 60)


@dataclass(frozen=True)
class Drawn:
    question: Question
    environments: tuple[int, ...]
    values: str
    keys: tuple[str, ...]
    conditions: tuple[str, ...]

    def sql(self, table: str) -> str:
        """Groups and the whole; the whole is the row whose first column is highest."""
        calls = in_columns(table, self.environments, self.question.period)
        where = " AND ".join(["{where}", *(f"({condition})" for condition in self.conditions)])
        if not self.keys:
            return calls.write(f"SELECT 0, {self.values} FROM {{calls}} WHERE {where}")
        names = [f"k{place}" for place in range(len(self.keys))]
        inner = ", ".join(["*", *(f"{key} AS {name}" for key, name in zip(self.keys, names, strict=True))])
        listed = ", ".join(names)
        text = f"SELECT grouping_id({listed}), {self.values}, {listed} FROM (SELECT {inner} FROM {{calls}}"
        return calls.write(f"{text} WHERE {where}) GROUP BY GROUPING SETS (({listed}), ())")


@dataclass(frozen=True)
class Known:
    """What there is to choose from."""

    environments: Sequence[Environment]
    agents: Sequence[Agent]
    lines: Sequence[str]


def known() -> Known:
    agents, lines = Agent.objects.order_by("pk"), Line.objects.order_by("environment", "number")
    return Known(list(Environment.objects.order_by("pk")), list(agents), list(lines.values_list("digits", flat=True)))


def draw(count: int, today: date, zone: str, choices: Known, seed: int = 7) -> list[Drawn]:
    rng = random.Random(seed)
    return [_drawn(rng, today, zone, choices) for _number in range(count)]


def _drawn(rng: random.Random, today: date, zone: str, choices: Known) -> Drawn:
    end = today - timedelta(days=rng.randrange(300))
    period = Period(end - timedelta(days=rng.randrange(30, 366)), end, zone)
    metrics = rng.choice(list(METRICS))
    by = tuple(rng.sample(list(KEYS), rng.randrange(3)))
    named: dict[str, Any] = {}
    conditions: list[str] = []
    for filtered in rng.sample(FILTERED, rng.randint(1, 4)):
        fields, condition = filtered(rng, choices)
        named |= fields
        conditions.append(condition)
    chosen = named.get("environments")
    environments = tuple(each.pk for each in choices.environments if not chosen or each.public_id in chosen)
    question = Question(metrics, period, by, Filters(**named), compare=False)
    return Drawn(question, environments, METRICS[metrics], tuple(KEYS[key] for key in by), tuple(conditions))


Choice = tuple[dict[str, Any], str]


def _environments(rng: random.Random, choices: Known) -> Choice:
    some = rng.sample(choices.environments, rng.randint(1, min(5, len(choices.environments))))
    return {"environments": tuple(each.public_id for each in some)}, _among("environment", [each.pk for each in some])


def _agents(rng: random.Random, choices: Known) -> Choice:
    some = rng.sample(choices.agents, rng.randint(1, 12))
    return {"agents": tuple(each.public_id for each in some)}, _among("agent", [each.pk for each in some])


def _statuses(rng: random.Random, _choices: Known) -> Choice:
    some = tuple(rng.sample(("completed", "no-answer", "busy", "failed"), rng.randint(1, 3)))
    return {"statuses": some}, _among("status", some)


def _direction(rng: random.Random, _choices: Known) -> Choice:
    way = rng.choice(("inbound", "outbound"))
    return {"direction": way}, f"direction = '{way}'"


def _outcomes(rng: random.Random, _choices: Known) -> Choice:
    some = rng.choice((("connected",), ("unreached",)))
    return {"outcomes": some}, f"status {'=' if some == ('connected',) else '<>'} 'completed'"


def _duration(rng: random.Random, _choices: Known) -> Choice:
    least = rng.choice(SECONDS)
    return {"min_duration": float(least)}, f"duration_ms >= {least * 1000}"


def _areas(rng: random.Random, _choices: Known) -> Choice:
    some = tuple(rng.sample(AREAS, rng.randint(1, 3)))
    return {"area_codes": some}, _among("area_code", some)


def _line(rng: random.Random, choices: Known) -> Choice:
    line = rng.choice(choices.lines)
    return {"line": line}, f"line = '{line}'"


def _weekdays(rng: random.Random, _choices: Known) -> Choice:
    some = tuple(rng.sample(range(1, 8), rng.randint(1, 5)))
    return {"weekdays": some}, _among("extract(isodow FROM {local})", some)


def _hours(rng: random.Random, _choices: Known) -> Choice:
    some = tuple(rng.sample(range(8, 20), rng.randint(1, 6)))
    return {"hours": some}, _among("extract(hour FROM {local})", some)


FILTERED: tuple[Callable[[random.Random, Known], Choice], ...] = (
    _environments, _agents, _statuses, _direction, _outcomes, _duration, _areas, _line, _weekdays, _hours,
)  # fmt: skip


def _among(column: str, values: Sequence[object]) -> str:
    listed = ", ".join(repr(value) for value in values)
    return f"{column} IN ({listed})"
