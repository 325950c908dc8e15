"""A change is told where both of its bases are large enough, and elsewhere why there is none."""

from pathlib import Path

import pytest
from django.utils import translation

from reports.definitions.metrics import METRICS
from reports.mail import words
from reports.queries.answer import Cell
from reports.queries.significance import ENOUGH, MATERIAL, MATERIAL_POINTS, MATERIAL_UNMEASURED, RISK
from reports.web.shared.contexts import Figure
from reports.web.templatetags.figures import before, change_of

RATE = METRICS["connect_rate"]


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


def test_a_change_from_too_few_calls_is_no_change() -> None:
    """94.1 points against one call is no news, and not green."""
    cell = Cell(94.1, 120, 0.0, 94.1, previous_n=1, previous_small=True)
    told = change_of(cell, RATE)
    assert told is not None
    assert (told.text, told.arrow, told.tone) == ("too few before", "", "")
    assert before(Figure(RATE, cell)) == "n too small"
    assert (words.change(cell, RATE), words.tone(cell, RATE)) == ("too few before", "")
    assert words.figure_before(cell, RATE) == "n too small"
    assert cell.moved is None


def test_a_change_between_enough_calls_is_told() -> None:
    cell = Cell(94.1, 120, 80.0, 14.1, previous_n=90, significant=True)
    told = change_of(cell, RATE)
    assert told is not None
    assert (told.text, told.arrow, told.tone) == ("14.1\xa0pp", "▲", "better")
    assert before(Figure(RATE, cell)) == "80.0\xa0%"
    assert (words.change(cell, RATE), words.tone(cell, RATE)) == ("▲\xa014.1\xa0pp", "good")
    assert cell.moved == 14.1


@pytest.mark.parametrize(
    ("key", "cell", "tone"),
    [
        ("connect_rate", Cell(40.0, 120, 60.0, -20.0, previous_n=120), ""),
        ("connect_rate", Cell(40.0, 120, 60.0, -20.0, previous_n=120, significant=True), "worse"),
        ("no_answer_rate", Cell(40.0, 120, 60.0, -20.0, previous_n=120, significant=True), "better"),
        ("talk_minutes", Cell(791.0, 900, 1000.0, -20.9, previous_n=1100, significant=True), "moved"),
        ("unique_contacts", Cell(851, 851, 1000, -14.9, previous_n=1000), ""),
    ],
)
def test_a_significant_change_alone_has_a_colour(key, cell, tone) -> None:
    """The same on the pages and in the mails; in ink where neither side is better."""
    told = change_of(cell, METRICS[key])
    assert told is not None
    assert told.arrow
    assert told.tone == tone
    assert words.tone(cell, METRICS[key]) == {"better": "good", "worse": "bad"}.get(tone, tone)


def test_the_help_page_states_the_numbers_of_the_rule() -> None:
    """What is significant is said as it is computed."""
    page = Path("templates/reports/help.html").read_text(encoding="utf-8")
    for words_of_rule in (
        f"once in {1 / RISK:.0f} comparisons",
        f"at least {MATERIAL:.0f} % of the figure before, or {MATERIAL_POINTS:.0f} percentage point",
        f"from {ENOUGH} calls on each side",
        f"{2 * ENOUGH} calls in both periods together",
        f"at least {MATERIAL_UNMEASURED:.0f} %",
    ):
        assert words_of_rule in page
