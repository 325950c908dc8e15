"""Tables made by hand, with everything in them that a format may trip over."""

from datetime import UTC, date, datetime
from typing import Any

from reports.files.table import Column, Definition, Facts, Kind, Table

COLUMNS = (
    Column("name", "Agent", Kind.TEXT),
    Column("number", "From", Kind.TEXT),
    Column("started_at", "Started", Kind.MOMENT),
    Column("day", "Day", Kind.DAY),
    Column("attempts", "Attempts", Kind.NUMBER),
    Column("attempts_n", "Attempts: n", Kind.COUNT, printed=False),
    Column("connect_rate", "Connect rate (%)", Kind.PERCENT),
    Column("duration", "Duration (s)", Kind.SECONDS),
    Column("is_test", "Test call", Kind.FLAG),
)
HOSTILE = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "\0=1",
    "\ufeff=1",
    "＝1",
    '=HYPERLINK("http://x","y")',
    "=cmd|' /C calc'!A0",
    "<b>&amp;</b>",
    "_x000D_",
    "a\nb\rc\td",
    "a;b,c\"d'e",
    "x;=1+1",
    "x,=1+1,y",
    'x";=1+1;"',
    "x\t=1+1",
    "x; +1+1; @SUM(A1)",
    "مرحبا \u202eabc",
    "👩‍👩‍👧 zalgo Z͑ͫ̓ͪ̂ͫ̽͏̴̙",
    "#eval(1)",
    "007",
    "1e5",
    "true",
    "2026-07-08",
    "x" * 40_000,
    "",
)
MOMENT = datetime(2026, 7, 8, 15, 4, 5, 678_000, tzinfo=UTC)


def row(number: int, name: str | None = None) -> tuple[Any, ...]:
    return (
        name if name is not None else f"Agent {number}",
        f"+55119{number:08}",
        MOMENT,
        date(2026, 7, 1 + number % 30),
        number,
        number,
        number / 3,
        number / 8,
        bool(number % 2),
    )


def hostile_rows() -> list[tuple[Any, ...]]:
    return [*(row(n, text) for n, text in enumerate(HOSTILE)), (None,) * len(COLUMNS)]


def table(rows: Any, **fields: Any) -> Table:
    facts = Facts(
        title="Calls: [a/b]",
        zone="America/Sao_Paulo",
        lines=(("Period", "1–8 Jul 2026"), ("Time zone", "America/Sao Paulo"), ("Agent", "=1+1")),
        first_day=date(2026, 7, 1),
        last_day=date(2026, 7, 8),
        as_of=MOMENT,
        complete=False,
        gaps=("Sales · calls · 3 Jul 2026",),
        definitions=(Definition("connect_rate", "Connect rate", "Share of calls", "a ÷ b", "percent", 10),),
        params={"date_from": "2026-07-01", "zone": "America/Sao_Paulo"},
    )
    return Table(name="acme-calls", columns=COLUMNS, rows=rows, facts=facts, **fields)
