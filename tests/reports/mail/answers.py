"""Answers made by hand: two agents, two weeks, figures one can follow."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period, previous
from reports.mail.beside import CallbackLoop, Correction, Reported
from reports.mail.due import Kind
from reports.mail.facts import Facts, Wanted, gather
from reports.queries.answer import Answer, Cell, Completeness, GapNote, Row
from reports.queries.callbacks.story import CallbackBreakdown, Source
from reports.queries.campaigns.lists import CampaignHistory, CampaignTotals
from reports.queries.campaigns.progress import Progress
from reports.queries.question import Filters, Question
from reports.queries.scope import Scope
from reports.queries.significance import Evidence, is_significant
from sync.models.campaigns import Campaign

ZONE = "America/Sao_Paulo"
WEEK = Period(date(2026, 7, 6), date(2026, 7, 13), ZONE)
AS_OF = datetime(2026, 7, 13, 11, 2, tzinfo=UTC)
WHOLE = Completeness(AS_OF, complete=True, mirrored=1340, vendor_total=1340, counted=1211)
BROKEN = Completeness(
    AS_OF,
    complete=False,
    mirrored=1180,
    vendor_total=1211,
    gaps=(GapNote("e-1", "Sales", "calls", "", date(2026, 7, 8), "server_error", AS_OF),),
)
TOTALS = {
    "attempts": Cell(1211, 1211, 1130, 7.168),
    "connect_rate": Cell(43.1, 1190, 40.7, 2.4, previous_n=1120),
    "average_duration": Cell(102.4, 513, 98.0, 4.49),
    "talk_minutes": Cell(875.5, 513, 751.3, 16.5, previous_n=460),
    "unique_contacts": Cell(940, 940, 902, 4.2),
    "callbacks_received": Cell(96, 96, 88, 9.09),
    "callbacks_answered": Cell(71, 71, 75, -5.33),
    "still_open": Cell(14, 14, 9, 55.6),
    "short_call_share_3s": Cell(4.2, 1190, 4.4, -0.2),
    "short_call_share_6s": Cell(9.8, 1190, 9.1, 0.7),
    "short_connected_share_3s": Cell(1.2, 513, 1.3, -0.1),
    "short_connected_share_6s": Cell(2.9, 513, 2.8, 0.1),
}
SOURCES = (
    Source("a-0", "Clara · cobrança", 31, 2_460_000),
    Source(None, "", 3, 7_500_000),
)
WEEK_BEFORE = previous(WEEK)
CORRECTION = Correction(
    Reported(WEEK_BEFORE, {"attempts": 1124.0, "connect_rate": 40.7, "average_duration": 98.0}),
    {"attempts": Cell(1130, 1130), "connect_rate": Cell(40.7004, 1120), "average_duration": Cell(98.0, 460)},
)
CAMPAIGNS = tuple(
    Progress(
        CampaignHistory(Campaign(name=name, status=status), WEEK.start),
        CampaignTotals(WEEK.start, *totals),
        calls=calls,
    )
    for name, status, calls, totals in (
        ("Renovação de julho", "active", 410, (1800, 1350, 240, 75.0)),
        ("Cobrança", "paused", None, (0, 0, 0, 0.0)),
    )
)
AGENTS = (
    ("Clara · cobrança", (420, 300), (31.2, 415, 38.0), (95, 130)),
    ("Rafael · vendas", (580, 610), (49.8, 571, 45.1), (108, 284)),
    ("Recepção", (205, 214), (51.0, 204, 50.2), (97, 104)),
    ("Teste A/B", (6, 6), (50.0, 6, 16.7), (20, 3)),
)


def judged(rate: Cell) -> Cell:
    return replace(rate, significant=is_significant(rate, METRICS["connect_rate"], Evidence()))


def fake_ask(stand: Completeness = WHOLE, agents=AGENTS, totals=TOTALS):
    """``ask`` without a database: the same figures for every question of a form."""

    def rows(question: Question) -> list[Row]:
        match question.by:
            case ("day",):
                return [_day(day, question) for day in question.period]
            case ("week",):
                weeks = [question.period.start + timedelta(weeks=n) for n in range(question.period.days // 7)]
                rates = (41.0, 42.5, 41.9, 40.1, 40.7, 43.1)
                return [
                    Row((day.isoformat(),), (str(day),), {"connect_rate": Cell(rate, 1100)})
                    for day, rate in zip(weeks, rates, strict=False)
                ]
            case ("weekday", "hour_of_day"):
                return [
                    Row(
                        (str(day), str(hour)),
                        (str(day), f"{hour:02}:00"),
                        {"attempts": Cell(_calls_at(day, hour), _calls_at(day, hour))},
                    )
                    for day in range(1, 8)
                    for hour in range(24)
                ]
            case ("agent",):
                return [
                    Row(
                        (f"a-{place}",),
                        (name,),
                        {
                            "attempts": Cell(now, now, was, None),
                            "connect_rate": judged(
                                Cell(
                                    rate,
                                    n,
                                    before,
                                    rate - before,
                                    small=n < 10,
                                    previous_n=was,
                                    previous_small=was < 10,
                                )
                            ),
                            "average_duration": Cell(length, talks),
                        },
                    )
                    for place, (name, (now, was), (rate, n, before), (length, talks)) in enumerate(agents)
                ]
        return []

    def told(question: Question, cells: dict[str, Cell]) -> dict[str, Cell]:
        alone = {"previous": None, "change": None, "previous_n": None, "previous_small": False}
        return cells if question.compare else {key: replace(cell, **alone) for key, cell in cells.items()}

    def ask(question: Question, scope: Scope) -> Answer:
        usual = question.period.days > 7
        figures = {
            key: Cell((cell.value or 0) * (4 if usual and METRICS[key].unit == "count" else 1), cell.n)
            if usual
            else cell
            for key, cell in totals.items()
        }
        return Answer(
            question,
            tuple(METRICS[key] for key in question.metrics),
            tuple(replace(row, cells=told(question, row.cells)) for row in rows(question)),
            told(question, {key: figures[key] for key in question.metrics if not question.by}),
            question.period,
            previous(question.period) if question.compare else None,
            stand,
        )

    return ask


def week_facts(
    corrections: int = 7, correction: Correction | None = CORRECTION, *, compares: bool = True, **how
) -> Facts:
    scope = Scope(1, ZONE, frozenset({1}))
    before = Completeness(AS_OF, True, 1130, 1130, corrections=corrections)
    ask = fake_ask(**how)
    found = gather(
        Wanted(Kind.WEEKLY, WEEK, Filters(), compares),
        scope=scope,
        ask_all=lambda questions, scope: tuple(ask(question, scope) for question in questions),
        stand=lambda *_: before,
    )
    breakdown = CallbackBreakdown(72, 34, 40, 2, 20, 0, Counter(received=96, unmatched=20), sources=[*SOURCES])
    return replace(found, loop=CallbackLoop(breakdown, 52), campaigns=CAMPAIGNS, correction=correction)


def _calls_at(weekday: int, hour: int) -> int:
    if not 8 <= hour <= 19 or weekday == 7:
        return 0
    return (30 - 3 * abs(hour - 11) if hour < 16 else 14 - 2 * abs(hour - 17)) // (3 if weekday == 6 else 1)


def _day(day: date, question: Question) -> Row:
    calls = (214, 231, 226, 208, 219, 113, 0)[day.weekday()] - (12 if day < WEEK.start else 0)
    calls = max(calls, 0)
    cells = {
        "attempts": Cell(calls, calls),
        "connect_rate": Cell(43.1 - day.weekday() / 2 if calls else None, calls),
        "callbacks_received": Cell(calls // 12, calls // 12),
    }
    return Row((day.isoformat(),), (str(day),), {key: cells[key] for key in question.metrics if key in cells})
