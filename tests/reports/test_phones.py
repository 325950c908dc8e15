import pytest

from portal.lib.phones import area_code, contact_digits, display, masked


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        ("+55 (11) 98765-4321", "5511987654321"),
        ("005511987654321", "5511987654321"),
        ("sip:+5511987654321@10.1.2.3:5060", "5511987654321"),
        ("11987654321", "11987654321"),
        ("anonymous", ""),
        ("", ""),
    ],
)
def test_contacts_are_digits(number, digits):
    assert contact_digits(number) == digits


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+5511987654321", "+55 •• •••••-4321"),
        ("+12125550123", "+1 •••-•••-0123"),
        ("11987654321", "•••••••4321"),
        ("190", "•••"),
        ("anonymous", "••••"),
        ("", ""),
    ],
)
def test_masks_leave_country_and_last_four_digits(number, shown):
    assert masked(number) == shown


def test_numbers_are_written_as_their_country_does():
    assert display("5511987654321") == "+55 11 98765-4321"
    assert display("11987654321") == "11987654321"
    assert display("anonymous") == "anonymous"


def test_area_codes_are_brazilian():
    assert area_code("5511987654321") == "11"
    assert area_code("551130001234") == "11"
    assert area_code("5510987654321") == ""
    assert area_code("12125550123") == ""
