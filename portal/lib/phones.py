"""Phone numbers: the digits that name a contact, a masked and a readable form, and the Brazilian area code.

Where a person was erased, a *code* of :data:`CODE_LENGTH` digits stands for each of his numbers: different numbers have
different codes, so that contacts are counted as before, and it begins with country and area where these are Brazilian.
"""

import re
from functools import lru_cache

import phonenumbers

CODE_LENGTH = 30  # no number is as long
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
AREA_LENGTHS = (12, 13, CODE_LENGTH)  # of contacts whose third and fourth digits are an area code
_NO_AREA = "9900"  # a code of a number elsewhere begins so, and no number does
_CODE = re.compile(rf"(?:55(?:{_AREAS})|{_NO_AREA})[0-9]{{{CODE_LENGTH - 4}}}")
_NATIONAL = re.compile(rf"(?:{_AREAS})(?:9[0-9]{{8}}|[2-9][0-9]{{7}})")
_DIALLED = re.compile(rf"(?:0|(?:00)?55)?(?:{_AREAS})(?:9[0-9]{{8}}|[2-5][0-9]{{7}})")
_DIALLED_MOBILE = re.compile(rf"(?:0|(?:00)?55)?(?:{_AREAS})9[0-9]{{8}}")
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


def is_dialled(number: str, *, mobile: bool = False) -> bool:
    """Whether digits are a number of Brazil with its area code, as it is dialled within the country or from abroad."""
    return bool((_DIALLED_MOBILE if mobile else _DIALLED).fullmatch(number))


def whole(typed: str) -> str:
    """The contact that one whole number with its country code names, in any punctuation; "" for any other text.

    What could be a number within Brazil as well says by a ``+`` that it is none.
    """
    contact, text = contact_digits(typed), typed.strip()
    says = text.startswith(_SAYS_COUNTRY)
    if not says and (_NATIONAL.fullmatch(contact) or len(contact) < _SHORTEST_WHOLE):
        return ""
    return contact if _formatted(f"+{contact}", phonenumbers.PhoneNumberFormat.INTERNATIONAL) else ""


def area_code(contact: str) -> str:
    """The area code (DDD) of a Brazilian contact's digits, "" for any other."""
    if contact.startswith("55") and len(contact) in AREA_LENGTHS and contact[2:4] in AREA_CODES:
        return contact[2:4]
    return ""


def spellings(number: str) -> tuple[str, ...]:
    """The contacts that a number with ``+`` and country code may stand as, as calls name it in more ways than one;
    none of a text that is no such number.
    """
    contact = contact_digits(number)
    if not number.strip().startswith("+") or not 8 <= len(contact) <= 15:
        return ()
    national = contact.removeprefix("55")
    if contact == national or not _NATIONAL.fullmatch(national):
        return (contact,)
    return contact, national, f"0{national}"


def erased_code(contact: str, secret: int) -> str:
    """What stands for the digits of a contact once they are erased. ``secret`` is the contact's alone."""
    area = area_code(contact)
    beginning = f"55{area}" if area else _NO_AREA
    digits_left = CODE_LENGTH - len(beginning)
    return f"{beginning}{secret % 10**digits_left:0{digits_left}}"


def is_erased(contact: str) -> bool:
    """Whether a contact is a code, behind which no number can be found."""
    return len(contact) == CODE_LENGTH and bool(_CODE.fullmatch(contact))


def written(contact: str) -> str:
    """The digits of a contact as a number again: with ``+`` where they surely begin with a country code, as all do that
    are longer than any number within Brazil.
    """
    if is_erased(contact):
        return contact
    sure = len(contact) > _LONGEST_NATIONAL and not contact.startswith("0")
    return f"+{contact}" if sure or _names_country(contact) else contact


def masked(number: str) -> str:
    """``+55 11 98765-4321`` as ``+55 •• •••••-4321``: country code and last four digits stay, none of a short one.

    Of a number that names no country only the last four digits stay: its first ones tell where the other party lives.
    How the digits are grouped is that of any number of its country and length, never its own: an 0800 number is written
    in other groups, and the groups would tell its first digits. At least four digits are hidden.
    """
    contact = contact_digits(number)
    if not contact:
        return _MASK * 4 if number.strip() else ""
    if is_erased(contact):
        return _MASK * 4
    if len(contact) < 8:
        return _MASK * len(contact)
    shown = _formatted(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    country, _space, rest = shown.partition(" ")
    if not rest:
        return _MASK * (len(contact) - 4) + contact[-4:]
    code = digits(country)
    own = contact[len(code) :]
    hidden = len(own) - min(4, len(own) - 4)
    seen = iter(_MASK * hidden + own[hidden:])
    return f"{country} {''.join(next(seen) if sign == _MASK else sign for sign in _groups(int(code), len(own)))}"


def display(number: str) -> str:
    """The readable international form; the text itself when it is no number of a known country, and dots for a code."""
    if is_erased(number):
        return masked(number)
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


@lru_cache(maxsize=1_000)
def _groups(country: int, length: int) -> str:
    """How numbers of a country with so many digits are written, each digit as a dot: one group where none is known."""
    region = phonenumbers.region_code_for_country_code(country)
    kinds = phonenumbers.PhoneNumberType
    for kind in (kinds.MOBILE, kinds.FIXED_LINE):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None and len(phonenumbers.national_significant_number(example)) == length:
            written = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
            return re.sub(r"[0-9]", _MASK, written.partition(" ")[2])
    return _MASK * length


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
