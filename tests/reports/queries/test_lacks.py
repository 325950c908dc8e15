"""What is missing is told by environment, streams and spans of days."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import translation

from reports.queries.answer import GapNote
from reports.queries.completeness.lacks import lacks, said

AT = datetime(2026, 11, 22, 11, 30, tzinfo=UTC)


def gaps(environment: str, stream: str, days: list[int], fault: str = "rejected", hours: int = 0) -> list[GapNote]:
    return [
        GapNote(environment, environment, stream, str(day), date(2026, 11, day), fault, AT + timedelta(hours=hours + n))
        for n, day in enumerate(days)
    ]


def lines(*notes: list[GapNote]) -> list[str]:
    found = lacks([note for group in notes for note in group])
    return [said(lack, lambda at: f"{at:%H:%M}") for lack in found]


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "Cobrança: calls and callbacks, 17–22 Nov, since 11:30 (the vendor rejected the token)"),
        ("pt-br", "Cobrança: chamadas e retornos, 17–22 nov, desde 11:30 (o fornecedor recusou o token)"),
    ],
)
def test_a_week_of_two_streams_is_one_line(language, line) -> None:
    days = [17, 18, 19, 20, 21, 22]
    with translation.override(language):
        assert lines(gaps("Cobrança", "calls", days), gaps("Cobrança", "callbacks", days, hours=2)) == [line]


def test_other_days_reasons_and_environments_have_lines_of_their_own() -> None:
    with translation.override("en"):
        assert lines(
            gaps("Sales", "calls", [3, 7, 8]),
            gaps("Sales", "callbacks", [3]),
            gaps("Sales", "calls", [9], "server"),
            gaps("Care", "calls", [3, 7, 8]),
            gaps("Spread", "calls", [1, 3, 5, 7, 8]),
        ) == [
            "Sales: calls, 3 Nov, 7–8 Nov, since 11:30 (the vendor rejected the token)",
            "Sales: callbacks, 3 Nov, since 11:30 (the vendor rejected the token)",
            "Sales: calls, 9 Nov, since 11:30 (the vendor had an error)",
            "Care: calls, 3 Nov, 7–8 Nov, since 11:30 (the vendor rejected the token)",
            "Spread: calls, 5 days of 1–8 Nov, since 11:30 (the vendor rejected the token)",
        ]


def test_elements_that_nobody_could_read_are_counted_together() -> None:
    notes = [GapNote("e", "Sales", "calls", "a", None, "unreadable", AT, n) for n in (2, 5)]
    with translation.override("en"):
        assert lines(notes) == ["Sales: calls, since 11:30 (7 elements could not be understood)"]
