import pytest

from portal.lib.phones import area_code, contact_digits, display, masked, national, written


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
        ("sip:+5511987654321@10.1.2.3:5060", "+55 •• •••••-4321"),
        ("00 55 11 98765-4321", "+55 •• •••••-4321"),
        ("+51 906 387 925", "+51 ••• ••7 925"),
        # As contacts are stored: digits that can be of one country alone.
        ("5551906387925", "+55 •• •••••-7925"),
        ("sip:5551906387925@10.1.2.3", "+55 •• •••••-7925"),
        ("12125550123", "+1 •••-•••-0123"),
        ("4915112345678", "+49 •••• •••5678"),
        # Of no country, or of two: the area code is part of what is hidden.
        ("(51) 90638-7925", "•••••••7925"),
        ("51906387925", "•••••••7925"),
        ("(33) 3212-3456", "••••••3456"),
        ("3332123456", "••••••3456"),
        ("55 51 90638-7925", "•••••••••7925"),
        ("11987654321", "•••••••4321"),
        ("98765-4321", "•••••4321"),
        ("0800 123 4567", "•••••••4567"),
        # Groups are any number's of that country and length, so that they tell no first digits.
        ("+558001234567", "+55 •• ••••-4567"),
        ("+556134567890", "+55 •• ••••-7890"),
        # Few digits after the country's: four of them stay hidden.
        ("+3541234567", "+354 ••• •567"),
        # Of no possible length: where the country code ends is anybody's guess.
        ("+5511987654321000 1", "•••••••••••••0001"),
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
    assert display("(51) 90638-7925") == "(51) 90638-7925"
    assert display("51906387925") == "51906387925"
    assert display("anonymous") == "anonymous"


@pytest.mark.parametrize(
    ("contact", "number"),
    [
        ("5551906387925", "+5551906387925"),
        ("5510987654321", "+5510987654321"),
        ("12125550123", "+12125550123"),
        ("51906387925", "51906387925"),
        ("051906387925", "051906387925"),
        ("190", "190"),
        ("", ""),
    ],
)
def test_contacts_are_written_as_numbers_where_their_country_is_sure(contact, number):
    assert written(contact) == number


def test_area_codes_are_brazilian():
    assert area_code("5511987654321") == "11"
    assert area_code("551130001234") == "11"
    assert area_code("5510987654321") == ""
    assert area_code("12125550123") == ""


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+5511987654321", "(11) 98765-4321"),
        ("5511987654321", "(11) 98765-4321"),
        ("+551130000000", "(11) 3000-0000"),
        ("+558001234567", "0800 123 4567"),
        ("+12125550100", "+1 212-555-0100"),
        ("(51) 90638-7925", "(51) 90638-7925"),
        (masked("+5511987654321"), "(••) •••••-4321"),
        (masked("+12125550100"), "+1 •••-•••-0100"),
        ("anonymous", "anonymous"),
        ("", ""),
    ],
)
def test_brazilian_numbers_read_as_they_are_written_there(number, shown):
    assert national(number) == shown
