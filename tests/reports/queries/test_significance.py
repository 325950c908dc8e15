"""The rule that calls a change significant, held against worlds in which it is known whether something changed."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from math import sqrt
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import translation

from portal.tenants.models.tenants import Environment, Tenant
from reports.columns.refresh import refresh_tenant
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.answer import Cell, Row
from reports.queries.ask import ask
from reports.queries.highlights import highlights
from reports.queries.question import Question
from reports.queries.scope import Scope
from reports.queries.significance import Day, Evidence, is_significant, spread
from tests import factories
from tests.reports.web.test_overview import read_whole

WORLDS = 400
USUAL = (520, 560, 540, 530, 510, 220, 120)  # calls of a weekday, 3,000 a week
MEAN, DEVIATION = 100.0, 110.0  # seconds of a call
KINDS = ("attempts", "unique_contacts", "callbacks_received", "talk_minutes", "average_duration", "connect_rate")
WEEK = Period(date(2026, 7, 6), date(2026, 7, 13), "America/Sao_Paulo")


def poisson(dice: random.Random, mean: float) -> int:
    return max(0, round(dice.gauss(mean, sqrt(mean))))


def share(dice: random.Random, n: int, of: float) -> float:
    return max(0, min(n, round(dice.gauss(n * of, sqrt(n * of * (1 - of)))))) * 100 / n


class World:
    """Ten weeks of calls, the last two compared. Days vary by a common factor that makes counts ``over``dispersed."""

    def __init__(self, seed: int, *, over: float = 1.0, fall: float = 0.0, rate: float = 0.43) -> None:
        dice = random.Random(seed)
        self.weeks: list[list[tuple[int, float]]] = []
        for week in range(10):
            days = []
            for usual in USUAL:
                mean = usual * (1 - fall if week == 9 else 1)
                shock = dice.gammavariate(mean / (over - 1), (over - 1) / mean) if over > 1 else 1.0
                calls = max(1, poisson(dice, mean * shock))
                days.append((calls, dice.gauss(MEAN, DEVIATION / sqrt(calls))))
            self.weeks.append(days)
        agents = [self._rates(dice, 0.2, rate, rate) for _ in range(5)]
        self.agents = [self._row(f"a-{n}", cell) for n, cell in enumerate(agents)]
        self.rate = self._rates(dice, 1.0, 0.43, rate)

    def _calls(self, week: int) -> int:
        return sum(calls for calls, _seconds in self.weeks[week])

    def _rates(self, dice: random.Random, part: float, was: float, rate: float) -> Cell:
        n, before = round(self._calls(9) * part), round(self._calls(8) * part)
        now, then = share(dice, n, rate), share(dice, before, was)
        return judged("connect_rate", Cell(now, n, then, now - then, previous_n=before))

    def _row(self, key: str, rate: Cell) -> Row:
        return Row((key,), (key,), {"attempts": Cell(rate.n, rate.n), "connect_rate": rate})

    def _value(self, key: str, day: tuple[int, float]) -> float:
        calls, seconds = day
        return {"average_duration": seconds, "talk_minutes": calls * seconds / 60}.get(key, calls)

    def cell(self, key: str) -> Cell:
        """The week against the one before, judged by the eight weeks before it, as an answer is."""
        if key == "connect_rate":
            return self.rate
        known = [
            Day(weekday, self._value(key, day), day[0]) for week in self.weeks[1:9] for weekday, day in enumerate(week)
        ]
        n, before_n = self._calls(9), self._calls(8)
        now, before = (sum(self._value(key, day) * weigh(key, day) for day in self.weeks[week]) for week in (9, 8))
        if key == "average_duration":
            now, before = now / n, before / before_n
        found = spread(METRICS[key], known)
        assert found is not None
        cell = Cell(now, n, before, (now - before) / before * 100, previous_n=before_n)
        return judged(key, cell, Evidence(spreads={key: found}))

    @property
    def totals(self) -> dict[str, Cell]:
        return {key: self.cell(key) for key in KINDS}


def weigh(key: str, day: tuple[int, float]) -> int:
    return day[0] if key == "average_duration" else 1


def judged(key: str, cell: Cell, evidence: Evidence | None = None) -> Cell:
    return replace(cell, significant=is_significant(cell, METRICS[key], evidence or Evidence()))


def sentences(world: World) -> tuple[str, ...]:
    with translation.override("en"):
        return highlights(world.totals, world.agents)


@pytest.mark.parametrize("over", [1.0, 4.0])
def test_worlds_without_a_change_are_seldom_said_to_have_one(over: float) -> None:
    """At most one world in twenty, with six figures and five agents looked at, of calm and of restless days."""
    nothing = (
        "None of the 6 figures compared here changed significantly: Attempts; Unique contacts; Callbacks received; "
        "Talk time; Average call duration; Connect rate.",
        "Nor did the connect rate of any of the 5 agents compared.",
    )
    false = sum(sentences(World(seed, over=over)) != nothing for seed in range(WORLDS))
    assert false <= WORLDS * 0.05, false


def test_a_tenth_fewer_of_three_thousand_calls_is_found() -> None:
    worlds = [World(seed, fall=0.1) for seed in range(200)]
    found = sum(world.cell("attempts").significant and world.cell("unique_contacts").significant for world in worlds)
    assert found >= 200 * 0.75, found
    # Days that vary by chance alone make 2,706 calls after 3,000 significant, though that is less than ten percent.
    calm = {key: spread(METRICS[key], [Day(n % 7, USUAL[n % 7], 1) for n in range(56)]) or 0 for key in KINDS[:2]}
    for key in calm:
        cell = judged(key, Cell(2706, 2706, 3000, -9.8, previous_n=3000), Evidence(spreads=calm))
        assert cell.significant
        assert not judged(key, Cell(2706, 2706, 3000, -9.8, previous_n=3000)).significant  # of a row of a table


def test_a_rate_a_tenth_lower_is_found() -> None:
    found = sum(World(seed, rate=0.387).cell("connect_rate").significant for seed in range(200))
    assert found >= 200 * 0.65, found


@pytest.mark.parametrize(
    ("key", "cell", "evidence", "significant"),
    [
        # Chi-square of the four-field table is 6.4, under the 6.63 of one in a hundred; then 10.1.
        ("connect_rate", Cell(45.0, 1000, 39.4, 5.6, previous_n=1000), Evidence(), False),
        ("connect_rate", Cell(45.0, 1000, 38.0, 7.0, previous_n=1000), Evidence(), True),
        ("connect_rate", Cell(40.5, 10**6, 40.0, 0.5, previous_n=10**6), Evidence(), False),  # sure, not material
        ("failed_rate", Cell(1.5, 10**5, 1.0, 0.5, previous_n=10**5), Evidence(), True),  # half as much again
        ("failed_rate", Cell(10.0, 40, 0.0, 10.0, previous_n=40), Evidence(), False),  # too few of a kind to test
        ("attempts", Cell(280, 280, 310, -9.7, previous_n=310), Evidence(ratio=28 / 31), False),  # February
        (
            "attempts",
            Cell(28000, 28000, 31000, -9.7, previous_n=31000),
            Evidence(28 / 31, spreads={"attempts": 1}),
            False,
        ),
        ("attempts", Cell(28000, 28000, 31000, -9.7, previous_n=31000), Evidence(spreads={"attempts": 1}), True),
        ("attempts", Cell(20000, 20000, 31000, -35.5, previous_n=31000), Evidence(whole=False), False),
        ("attempts", Cell(20000, 20000, 31000, -35.5, previous_n=31000), Evidence(ratio=0), False),
        ("peak_concurrency", Cell(90, 90, 50, 80.0, previous_n=50), Evidence(), False),
        ("attempts_per_contact", Cell(2.0, 500, 1.0, 100.0, previous_n=500), Evidence(whole=False), True),
        ("median_duration", Cell(120.0, 100, 100.0, 20.0, previous_n=100), Evidence(), False),
        ("median_duration", Cell(120.0, 2000, 100.0, 20.0, previous_n=2000), Evidence(), True),
        ("talk_minutes", Cell(900.0, 500, 1135.0, -20.7, previous_n=630), Evidence(), False),
        ("talk_minutes", Cell(18000.0, 10000, 22700.0, -20.7, previous_n=12600), Evidence(), True),
    ],
)
def test_each_kind_of_figure_has_its_test(key: str, cell: Cell, evidence: Evidence, significant: bool) -> None:
    assert is_significant(cell, METRICS[key], evidence) == significant


def test_the_spread_of_days_is_the_variance_of_counts_and_that_of_one_call_of_means() -> None:
    """Against what the worlds were made with; without days of four weeks nothing is measured."""
    calls = [Day(n % 7, poisson(random.Random(n), USUAL[n % 7]), 1) for n in range(700)]
    assert spread(METRICS["attempts"], calls) == pytest.approx(1.0, abs=0.15)
    dice = random.Random(1)
    means = [Day(n % 7, dice.gauss(MEAN, DEVIATION / 20), 400) for n in range(700)]
    assert spread(METRICS["average_duration"], means) == pytest.approx(DEVIATION**2, rel=0.15)
    assert spread(METRICS["attempts"], calls[:27]) is None


def calls(home: Environment, counts: list[int], *, apart: bool = False) -> None:
    """So many on each day up to the end of the week; each to another contact, if they are ``apart``."""
    zone = ZoneInfo(WEEK.zone)
    for number, count in enumerate(reversed(counts)):
        noon = datetime.combine(WEEK.last_day - timedelta(days=number), time(12), zone).astimezone(UTC)
        for n in range(count):
            to = {"contact": f"5511{900_000_000 + number * 1000 + n}"} if apart else {}
            factories.call(home, f"{number}-{n}", started_at=noon + timedelta(seconds=n), **to)


def total_of(tenant: Tenant, home: Environment, metric: str = "attempts") -> Cell:
    scope = Scope(tenant.pk, WEEK.zone, frozenset({home.pk}))
    return ask(Question((metric,), WEEK), scope).totals[metric]


def test_an_answer_is_judged_by_the_weeks_before_it(behind_acme, sales, care) -> None:
    """60 calls a day after 80 are a fall, but not where the same weekdays had 20 and 140 by turns."""
    restless = [20 if week % 2 else 140 for week in range(7) for _day in range(7)]
    with time_machine.travel(datetime(2026, 7, 14, 12, tzinfo=UTC), tick=False):
        with factories.at_once():
            calls(sales, [80] * 7 + [60] * 7)
            calls(care, restless + [80] * 7 + [60] * 7)
        for home in (sales, care):
            read_whole(home)
        refresh_tenant()
        fall, chance = total_of(behind_acme, sales), total_of(behind_acme, care)
        assert {(cell.value, cell.previous) for cell in (fall, chance)} == {(420, 560)}
        assert fall.significant
        assert not chance.significant


def test_a_holiday_does_not_make_each_fall_a_matter_of_chance(behind_acme, sales) -> None:
    """Nobody called on Corpus Christi, 4 June; all other days of the eight weeks were alike."""
    days = [WEEK.last_day - timedelta(days=n) for n in range(9 * 7)][::-1]
    counts = [0 if day == date(2026, 6, 4) else 65 if day >= WEEK.start else 80 for day in days]
    with time_machine.travel(datetime(2026, 7, 14, 12, tzinfo=UTC), tick=False):
        with factories.at_once():
            calls(sales, counts)
        read_whole(sales)
        refresh_tenant()
        cell = total_of(behind_acme, sales)
        assert (cell.value, cell.previous) == (455, 560)
        assert cell.significant


def test_contacts_are_judged_by_how_much_calls_vary(behind_acme, sales) -> None:
    """A fall by less than a tenth is found on calm days, though no figure of calls was asked for beside it."""
    with time_machine.travel(datetime(2026, 7, 14, 12, tzinfo=UTC), tick=False):
        with factories.at_once():
            calls(sales, [290] * 28 + [265] * 7, apart=True)
        read_whole(sales)
        refresh_tenant()
        cell = total_of(behind_acme, sales, "unique_contacts")
        assert (cell.value, cell.previous) == (1855, 2030)
        assert cell.significant
