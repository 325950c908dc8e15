"""Sentences about a page as a whole: what it is compared with, and how complete it is."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from reports.definitions.periods import Period, previous
from reports.queries.answer import Completeness, GapNote
from reports.web.shared.completeness import completeness_line
from reports.web.shared.spans import against

ZONE = "America/Sao_Paulo"
NOW = datetime(2026, 7, 13, 12, tzinfo=UTC)  # a Monday
EN = " on whole UTC days, test calls included"
PT = " nos dias UTC inteiros, incluindo as de teste"
READ = Completeness(as_of=NOW, complete=False, mirrored=16, vendor_total=16, corrections=0, gaps=())
GAP = GapNote("e", "Sales", "calls", "2026-07-09", date(2026, 7, 9), "server", NOW)


def period(first: str, end: str) -> Period:
    return Period(date.fromisoformat(first), date.fromisoformat(end), ZONE)


@pytest.mark.parametrize(
    ("asked", "english", "portuguese"),
    [
        (
            period("2026-07-06", "2026-07-13"),
            "against 29 Jun – 5 Jul",
            "em comparação com 29 jun – 5 jul",
        ),
        (
            period("2026-06-13", "2026-07-13"),
            "against the same weekdays, 9 May – 7 Jun",
            "em comparação com os mesmos dias da semana, 9 mai – 7 jun",
        ),
        (
            period("2026-01-01", "2026-02-01"),
            "against 1–31 Dec 2025",
            "em comparação com 1–31 dez 2025",
        ),
        (
            period("2026-07-12", "2026-07-13"),
            "against the same weekday, Sun 5 Jul",
            "em comparação com o mesmo dia da semana, Dom 5 jul",
        ),
        (
            period("2026-07-13", "2026-07-20"),
            "so far, against the same part of 6–12 Jul",
            "até agora, em comparação com a mesma parte de 6–12 jul",
        ),
        (
            period("2026-07-13", "2026-07-14"),
            "so far, against the same part of the same weekday, Mon 6 Jul",
            "até agora, em comparação com a mesma parte do mesmo dia da semana, Seg 6 jul",
        ),
    ],
)
def test_a_comparison_says_when_weekdays_are_why(asked, english, portuguese) -> None:
    with translation.override("en"):
        assert against(asked, previous(asked), now=NOW) == english
    with translation.override("pt-br"):
        assert against(asked, previous(asked), now=NOW) == portuguese


def test_nothing_is_said_where_nothing_is_compared() -> None:
    assert against(period("2026-07-06", "2026-07-13"), None, now=NOW) == ""


def test_what_is_missing_is_named_first_where_all_that_was_read_is_here() -> None:
    def reason(**changes: object) -> str:
        return completeness_line(replace(READ, **changes), ZONE, now=NOW).reason  # type: ignore[arg-type]

    assert reason().startswith("some of its days are not read yet")
    assert reason(vendor_total=None).startswith("some of its days are not read yet")
    assert reason(gaps=(GAP,)) == "some of its days could not be read."
    assert reason(mirrored=12) == ""
    assert reason(as_of=None) == ""
    assert reason(complete=True) == ""


@pytest.mark.parametrize(
    ("counted", "mirrored", "total", "english", "portuguese"),
    [
        # Without figures beside it the line has no number, but where calls are missing; then it says which sum it is.
        (None, 577, 577, "all calls mirrored", "todas as chamadas importadas"),
        (None, 1, None, "all calls mirrored", "todas as chamadas importadas"),
        (None, 0, 2, f"0 of 2 calls mirrored{EN}", f"0 de 2 chamadas importadas{PT}"),
        (None, 0, None, "no call mirrored", "nenhuma chamada importada"),
        (None, 0, 0, "no call to mirror", "nenhuma chamada a importar"),
        # Beside figures it speaks of their calls, as long as none is missing.
        (2793, 3270, 3270, "2,793 of 2,793 calls mirrored", "2.793 de 2.793 chamadas importadas"),
        (2793, 3270, None, "2,793 calls mirrored", "2.793 chamadas importadas"),
        (1, 3270, 3270, "1 of 1 call mirrored", "1 de 1 chamada importada"),
        (
            2700,
            3150,
            3270,
            f"2,700 calls counted; 3,150 of 3,270 calls mirrored{EN}",
            f"2.700 chamadas contadas; 3.150 de 3.270 chamadas importadas{PT}",
        ),
        (0, 3270, 3270, "all calls mirrored", "todas as chamadas importadas"),
    ],
)
def test_the_line_speaks_of_the_calls_of_the_figures(counted, mirrored, total, english, portuguese) -> None:
    standing = replace(READ, mirrored=mirrored, vendor_total=total, complete=True, counted=counted)
    with translation.override("en"):
        assert completeness_line(standing, ZONE, now=NOW).parts[0] == english
    with translation.override("pt-br"):
        assert completeness_line(standing, ZONE, now=NOW).parts[0] == portuguese


def test_one_environment_that_is_behind_is_named_and_no_alarm_for_all() -> None:
    one = completeness_line(replace(READ, environments=3, incomplete=("Care",)), ZONE, now=NOW)
    every = completeness_line(replace(READ, environments=1, incomplete=("Care",)), ZONE, now=NOW)
    assert (one.only, every.only) == (("Care",), ())


def test_a_period_to_come_says_so_and_not_that_nothing_was_read() -> None:
    line = completeness_line(replace(READ, as_of=None, mirrored=0, begun=False), ZONE, now=NOW)
    assert (line.complete, line.parts) == (False, ("this period is still to come",))


def test_a_sentence_behind_the_names_of_environments_begins_with_a_capital() -> None:
    line = replace(completeness_line(replace(READ, gaps=(GAP,)), ZONE, now=NOW), only=("Sales",))
    assert "Sales.</strong> Some of its days could not be read." in render_to_string(
        "reports/_gaps.html", {"line": line}
    )
    alone = render_to_string("reports/_gaps.html", {"line": replace(line, only=())})
    assert "Not complete:</strong> some of its days could not be read." in alone
