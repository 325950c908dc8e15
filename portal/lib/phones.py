"""Phone numbers: the digits that name a contact, a masked and a readable form, and the Brazilian area code."""

import re
from functools import lru_cache

import phonenumbers

_NOT_DIGITS = re.compile(r"[^0-9]+")
_MASK = "•"
_SAYS_COUNTRY = ("+", "00", "sip:+", "sip:00")
_LONGEST_NATIONAL = 11
_SHORTEST_WHOLE = 10  # digits of a number with its country code, where nothing but their count speaks for one

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
# Area code and number as they are dialled within Brazil: a mobile's nine digits, or eight.
_AREAS = "|".join(sorted(AREA_CODES))
_NATIONAL = re.compile(rf"(?:{_AREAS})(?:9[0-9]{{8}}|[2-9][0-9]{{7}})")
_NATIONAL_BEGINNING = re.compile(rf"(?:{_AREAS})(?:9[0-9]{{0,8}}|[2-8][0-9]{{0,7}})?")


def digits(text: str) -> str:
    """The ASCII digits of a text, in order."""
    return _NOT_DIGITS.sub("", text)


def contact_digits(number: str) -> str:
    """What names the other party of a call: international digits without ``+`` or ``00``; "" for a withheld number.

    The host of a SIP address is no part of it. A number without a country code stays as it is: guessing one would
    join strangers.
    """
    contact = digits(number.split("@", 1)[0])
    if contact.startswith("00") and len(contact) > 4:
        contact = contact[2:]
    return contact[:40]


def readings(typed: str, *, beginning: bool = False) -> tuple[str, ...]:
    """The contacts that somebody may mean by a number: its digits, and where these are a number as it is written within
    Brazil, or the ``beginning`` of one, also those with the country code that the vendors put before. None without
    digits.
    """
    contact = contact_digits(typed)
    if (_NATIONAL_BEGINNING if beginning else _NATIONAL).fullmatch(contact):
        return contact, f"55{contact}"
    return (contact,) if contact else ()


def area_code(contact: str) -> str:
    """The area code (DDD) of a Brazilian contact's digits, "" for any other."""
    if contact.startswith("55") and len(contact) in (12, 13) and contact[2:4] in AREA_CODES:
        return contact[2:4]
    return ""


def written(contact: str) -> str:
    """The digits of a contact as a number again: with ``+`` where they surely begin with a country code, as all do that
    are longer than any number within Brazil.
    """
    sure = len(contact) > _LONGEST_NATIONAL and not contact.startswith("0")
    return f"+{contact}" if sure or _names_country(contact) else contact


def masked(number: str) -> str:
    """``+55 11 98765-4321`` as ``+55 •• •••••-4321``: country code and last four digits stay, none of a short one.

    Of a number that names no country only the last four digits stay: its first ones tell where the other party lives.
    """
    contact = contact_digits(number)
    if not contact:
        return _MASK * 4 if number.strip() else ""
    if len(contact) < 8:
        return _MASK * len(contact)
    shown = _formatted(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    country, _space, rest = shown.partition(" ")
    if not rest:
        return _MASK * (len(contact) - 4) + contact[-4:]
    hidden, out = len(digits(rest)) - 4, []
    for character in rest:
        if character.isdigit():
            out.append(_MASK if hidden > 0 else character)
            hidden -= 1
        else:
            out.append(character)
    return f"{country} {''.join(out)}"


def display(number: str) -> str:
    """The readable international form; the text itself when it is no number of a known country."""
    return _formatted(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL) or number


def national(number: str) -> str:
    """As people in Brazil write it: ``(11) 98765-4321``, also when masked; other countries' numbers as :func:`display`
    does.
    """
    if _MASK in number:
        country, _space, rest = number.partition(" ")
        area, space, own = rest.partition(" ")
        return f"({area}) {own}" if country == "+55" and space and len(area) == 2 else number
    shown = display(number)
    return _formatted(number, phonenumbers.PhoneNumberFormat.NATIONAL) if shown.startswith("+55 ") else shown


def _names_country(number: str) -> bool:
    """Whether a number surely begins with a country code: it says so itself, or it is digits alone, as contacts are
    stored, which cannot be read as a Brazilian number without one. ``51906387925`` is of Porto Alegre as much as of
    Peru.
    """
    text = number.strip()
    if text.startswith(_SAYS_COUNTRY):
        return True
    text = text.removeprefix("sip:").split("@", 1)[0]
    if not (text.isascii() and text.isdecimal()) or _NATIONAL.fullmatch(text):
        return False
    parsed = _parsed(text)
    return len(text) >= _SHORTEST_WHOLE and parsed is not None and phonenumbers.is_valid_number(parsed)


@lru_cache(maxsize=10_000)
def _formatted(number: str, form: int) -> str:
    """In that form; "" for what is no possible number of a country that it names."""
    parsed = _parsed(contact_digits(number)) if _names_country(number) else None
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        return ""
    return str(phonenumbers.format_number(parsed, form))


def _parsed(contact: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(f"+{contact}", None)
    except phonenumbers.NumberParseException:
        return None
