"""Sentences about a page as a whole: what it is compared with, and how complete it is."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from django.utils import translation

from reports.periods import Period, previous
from reports.queries.answer import Completeness, GapNote
from reports.web.completeness import completeness_line
from reports.web.spans import against

ZONE = "America/Sao_Paulo"
NOW = datetime(2026, 7, 13, 12, tzinfo=UTC)  # a Monday
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
    ("mirrored", "total", "english", "portuguese"),
    [
        (
            577,
            577,
            "577 of 577 calls mirrored, test calls included",
            "577 de 577 chamadas espelhadas, incluindo as de teste",
        ),
        (1, None, "1 call mirrored, test calls included", "1 chamada espelhada, incluindo as de teste"),
        (0, 2, "0 of 2 calls mirrored, test calls included", "0 de 2 chamadas espelhadas, incluindo as de teste"),
        (0, None, "no call mirrored", "nenhuma chamada espelhada"),
        (0, 0, "no call to mirror", "nenhuma chamada a espelhar"),
    ],
)
def test_the_line_counts_test_calls_and_has_a_word_for_none(mirrored, total, english, portuguese) -> None:
    standing = replace(READ, mirrored=mirrored, vendor_total=total, complete=True)
    with translation.override("en"):
        assert completeness_line(standing, ZONE, now=NOW).parts[0] == english
    with translation.override("pt-br"):
        assert completeness_line(standing, ZONE, now=NOW).parts[0] == portuguese
