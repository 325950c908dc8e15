"""Phone numbers: the digits that name a contact, a masked and a readable form, and the Brazilian area code."""

import re

import phonenumbers

_NOT_DIGITS = re.compile(r"[^0-9]+")
_MASK = "•"

# Códigos nacionais (DDD) in use.
AREA_CODES = frozenset(
    f"{first}{second}"
    for first, seconds in {
        1: "123456789",
        2: "12478",
        3: "1234578",
        4: "123456789",
        5: "1345",
        6: "123456789",
        7: "134579",
        8: "123456789",
        9: "123456789",
    }.items()
    for second in seconds
)


def digits(text: str) -> str:
    """The ASCII digits of a text, in order."""
    return _NOT_DIGITS.sub("", text)


def contact_digits(number: str) -> str:
    """What names the other party of a call: international digits without ``+`` or ``00``; "" for a withheld number.

    The host of a SIP address is no part of it. A number without a country code stays as it is: guessing one would
    join strangers.
    """
    found = digits(number.split("@", 1)[0])
    if found.startswith("00") and len(found) > 4:
        found = found[2:]
    return found[:40]


def area_code(contact: str) -> str:
    """The area code (DDD) of a Brazilian contact's digits, "" for any other."""
    if contact.startswith("55") and len(contact) in (12, 13) and contact[2:4] in AREA_CODES:
        return contact[2:4]
    return ""


def masked(number: str) -> str:
    """``+55 11 98765-4321`` as ``+55 •• •••••-4321``: country code and last four digits stay, none of a short one."""
    found = contact_digits(number)
    if not found:
        return _MASK * 4 if number.strip() else ""
    if len(found) < 8:
        return _MASK * len(found)
    shown = display(number)
    shown = shown if shown.startswith("+") and " " in shown else found
    total = len(digits(shown))
    country = len(shown.split(" ", 1)[0]) - 1 if shown.startswith("+") else 0
    keep_from, seen, out = total - 4, 0, []
    for character in shown:
        if character.isdigit():
            seen += 1
            out.append(character if seen <= country or seen > keep_from else _MASK)
        else:
            out.append(character)
    return "".join(out)


def display(number: str) -> str:
    """The readable international form; the text itself when it is no number of a known country."""
    found = contact_digits(number)
    named = number.lstrip().startswith(("+", "00", "sip:+"))  # whether the country code is certain
    try:
        parsed = phonenumbers.parse(f"+{found}", None)
    except phonenumbers.NumberParseException:
        return number
    if not (phonenumbers.is_possible_number(parsed) if named else phonenumbers.is_valid_number(parsed)):
        return number
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
