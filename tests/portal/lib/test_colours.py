"""Colours are judged as WCAG 2 does, and moved no further than they must."""

import pytest

from portal.lib.colours import TEXT, contrast, is_colour, mixed, readable


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),  # the well-known grey that just fails
        ("#767676", "#ffffff", 4.54),
        ("#ff0000", "#ffffff", 4.00),
        ("#123456", "#123456", 1.0),
    ],
)
def test_contrast(one, other, told) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(told, abs=0.01)


def test_what_is_read_already_stays_and_the_rest_is_moved_until_it_is() -> None:
    assert readable("#0b6b62", ["#ffffff"], towards="#000000") == "#0b6b62"
    yellow = readable("#ffd400", ["#ffffff", "#f3f4f3"], towards="#000000")
    assert contrast(yellow, "#f3f4f3") >= TEXT > contrast(mixed(yellow, "#ffd400", 0.1), "#f3f4f3")


@pytest.mark.parametrize("text", ["", "0b6b62", "#0b6b6", "#0b6b622", "#0B6B62", "#0b6b6g", "red", "#0b6b62\n"])
def test_what_is_no_colour(text) -> None:
    assert not is_colour(text)
