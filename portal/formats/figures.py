"""Figures as text in the active language: one way to round, to write a duration, to name a span of days.

Rounding happens here and nowhere else: half away from zero, so that 0.05 never becomes 0.0 on one face and 0.1 on
another. The space before a unit is one that does not break.
"""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils import formats, translation
from django.utils.translation import gettext as _

from portal.lib import phones

NO_BASE = "–"
_SHORT = 9.95  # seconds
SPACE = "\N{NO-BREAK SPACE}"
SYMBOLS = {"BRL": "R$", "USD": "US$", "EUR": "€", "GBP": "£"}
MINUS = "\N{MINUS SIGN}"
# Other first parts of a zone's name, as of US/Eastern, say which place it is.
_REGIONS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Etc", "Europe", "Indian", "Pacific"}
)
# Places of Brazil, which zones name without their accents.
_WRITTEN = {
    "Araguaina": "Araguaína",
    "Belem": "Belém",
    "Cuiaba": "Cuiabá",
    "Eirunepe": "Eirunepé",
    "Maceio": "Maceió",
    "Noronha": "Fernando de Noronha",
    "Santarem": "Santarém",
    "Sao Paulo": "São Paulo",
}


def rounded(value: float | Decimal, places: int = 0) -> Decimal:
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    return exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def decimal(value: float | Decimal, places: int = 0) -> str:
    """``value`` rounded to ``places``, grouped in thousands."""
    whole = not places and float(value).is_integer()
    number = int(value) if whole else rounded(value, places)
    point, comma = _separators(translation.get_language() or "")
    text = f"{abs(number):,.{places}f}" if places else f"{abs(number):,}"
    text = text.translate({ord("."): point, ord(","): comma})
    return f"{MINUS}{text}" if number < 0 else text


@lru_cache
def _separators(language: str) -> tuple[str, str]:
    """What stands before decimals and between thousands. A page has thousands of numbers: Django looks up each time."""
    return formats.get_format("DECIMAL_SEPARATOR", language), formats.get_format("THOUSAND_SEPARATOR", language)


def duration(seconds: float) -> str:
    """``m:ss``, with hours only where there are any."""
    whole = int(rounded(seconds))
    minutes, rest = divmod(abs(whole), 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f"{MINUS}{text}" if whole < 0 else text


def seconds(amount: float) -> str:
    """A short time with its tenths, because ``0:06`` would hide ten percent of it: ``6.4 s``."""
    return f"{decimal(amount, 0 if float(amount).is_integer() else 1)}{SPACE}s"


def wait(seconds: float) -> str:
    """How long somebody waited, in its two largest units: ``41 min``, ``2 h 5 min``, ``1 d 3 h``."""
    minutes = int(rounded(seconds / 60))
    if minutes < 60:
        return f"{minutes}{SPACE}min" if minutes or not seconds else f"{int(rounded(seconds))}{SPACE}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}{SPACE}h {minutes}{SPACE}min" if minutes else f"{hours}{SPACE}h"
    days, hours = divmod(hours + (minutes >= 30), 24)
    return f"{days}{SPACE}d {hours}{SPACE}h" if hours else f"{days}{SPACE}d"


def value(amount: float | None, unit: str, *, currency: str = "") -> str:
    """A metric's value in its unit: count, percent, seconds, minutes, ms or money. None is an en dash."""
    if amount is None:
        return NO_BASE
    if unit == "percent":
        return f"{decimal(amount, 1)}{SPACE}%"
    if unit == "seconds":
        return duration(amount) if abs(amount) >= _SHORT else seconds(amount)
    if unit == "minutes":
        return f"{decimal(amount)}{SPACE}min"
    if unit == "ms":
        return f"{decimal(amount)}{SPACE}ms"
    if unit == "money":
        return f"{SYMBOLS.get(currency, currency)}{SPACE}{decimal(amount, 2)}".strip(SPACE)
    whole = float(amount).is_integer()
    return decimal(amount, 0 if whole else 2)


def price(amount: Decimal, currency: str) -> str:
    """A price a minute: cents, and up to four places where a cent is too coarse."""
    places = max(2, min(4, -int(amount.normalize().as_tuple().exponent)))
    return f"{SYMBOLS.get(currency, currency)}{SPACE}{decimal(amount, places)}".strip(SPACE)


def change(amount: float, unit: str) -> str:
    """The size of a change without its sign: percentage points for a rate, else percent."""
    size = decimal(abs(amount), 1 if abs(amount) < 100 else 0)
    points = _("pp")
    return f"{size}{SPACE}{points if unit == 'percent' else '%'}"


def is_level(amount: float) -> bool:
    """Whether a change vanishes when it is rounded for display."""
    return abs(amount) < 0.05


def day(when: date) -> str:
    return formats.date_format(when, "DATE_FORMAT")


def weekday(when: date) -> str:
    """``Mon 13 Jul``."""
    return formats.date_format(when, "WEEKDAY_DAY_FORMAT")


def days(first: date, last: date) -> str:
    """A span of days, both inclusive, with what they share said once: ``6–12 Jul 2026``."""
    if first == last:
        return f"{weekday(first)} {first.year}"
    if first.year != last.year:
        return f"{day(first)} – {day(last)}"
    return f"{short_days(first, last)} {last.year}"


def short_days(first: date, last: date) -> str:
    """A span of days without the year: ``6–12 Jul``."""
    end = formats.date_format(last, "MONTH_DAY_FORMAT")
    if first == last:
        return end
    if (first.year, first.month) != (last.year, last.month):
        return f"{formats.date_format(first, 'MONTH_DAY_FORMAT')} – {end}"
    return f"{first.day}–{end}"


def stretch(grain: str, first: date, last: date) -> str:
    """One row of a table over time: a day with its weekday, a month's name when it is whole, else a span of days."""
    if grain == "day":
        return weekday(first)
    whole_month = first.day == 1 and (last + timedelta(days=1)).day == 1
    return (
        formats.date_format(first, "YEAR_MONTH_FORMAT") if grain == "month" and whole_month else short_days(first, last)
    )


def moment(when: datetime, zone: str, *, now: datetime) -> str:
    """A time of day in ``zone``, with its date unless that is today's."""
    local, today = when.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    return formats.date_format(local, "TIME_FORMAT") if local.date() == today else dated_moment(when, zone, now=now)


def dated_moment(when: datetime, zone: str, *, now: datetime) -> str:
    """As :func:`moment`, with its date always: of what is not about today, or is read later."""
    local, today = when.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    if today - local.date() < timedelta(days=300):
        return formats.date_format(local, "SHORT_DATETIME_FORMAT")
    return formats.date_format(local, "DATETIME_FORMAT")


def zone_name(zone: str) -> str:
    """A zone for a reader: its place, ``São Paulo`` of ``America/Sao_Paulo``. Names that hold no place stay whole."""
    region, _separator, rest = zone.partition("/")
    if region not in _REGIONS or not rest:
        return zone.replace("_", " ")
    place = rest.rpartition("/")[2].replace("_", " ")
    return _WRITTEN.get(place, place)


def phone(number: str) -> str:
    """A number, or its masked form, for a reader: Brazilian ones as they are written there, others internationally.

    What is no number stays as the vendor wrote it.
    """
    return phones.national(number)
