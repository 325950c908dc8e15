"""A change is told where both of its bases are large enough, and elsewhere why there is none."""

import pytest
from django.utils import translation

from reports.definitions.metrics import METRICS
from reports.mail import words
from reports.queries.answer import Cell
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
    cell = Cell(94.1, 120, 80.0, 14.1, previous_n=90)
    told = change_of(cell, RATE)
    assert told is not None
    assert (told.text, told.arrow, told.tone) == ("14.1\xa0pp", "▲", "better")
    assert before(Figure(RATE, cell)) == "80.0\xa0%"
    assert (words.change(cell, RATE), words.tone(cell, RATE)) == ("▲\xa014.1\xa0pp", "good")
    assert cell.moved == 14.1


@pytest.mark.parametrize(
    ("key", "cell", "tone"),
    [
        ("connect_rate", Cell(94.1, 120, 90.0, 4.1, previous_n=90), ""),  # chance explains that much
        ("connect_rate", Cell(94.1, 20, 40.0, 54.1, previous_n=20), ""),
        ("connect_rate", Cell(40.0, 120, 60.0, -20.0, previous_n=120), "worse"),
        ("no_answer_rate", Cell(40.0, 120, 60.0, -20.0, previous_n=120), "better"),
        ("time_to_answer", Cell(6.5, 120, 6.0, 8.3, previous_n=120), ""),
        ("time_to_answer", Cell(7.0, 120, 6.0, 16.7, previous_n=120), "worse"),
        ("callbacks_answered", Cell(9, 9, 12, -25.0, previous_n=12), ""),
        ("callbacks_answered", Cell(72, 72, 84, -14.3, previous_n=84), ""),  # chance explains that much
        ("callbacks_answered", Cell(60, 60, 120, -50.0, previous_n=120), "worse"),
    ],
)
def test_only_a_change_that_is_news_has_a_colour(key, cell, tone) -> None:
    """The same rule on the pages and in the mails."""
    told = change_of(cell, METRICS[key])
    assert told is not None
    assert told.arrow
    assert told.tone == tone
    assert words.tone(cell, METRICS[key]) == {"better": "good", "worse": "bad", "": ""}[tone]
