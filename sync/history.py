"""How far back a mirror goes: which first days will do, and what reading up to one asks of the vendor."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from portal.work.clock import database_now
from sync.models.connections import Connection
from sync.models.runs import Window
from sync.providers.base import Provider

MOST_DAYS = 3_653  # ten years: no vendor here is older, so anything earlier is a slip of the hand
LONG = timedelta(minutes=15)  # a reading that takes longer is begun only when somebody says so twice


class WrongDay(ValueError):
    """No history can begin, and no reading, with that day; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a backfill asks of a vendor. ``at_least``: nobody knows yet how many pages its answers have."""

    requests: int
    rate: int  # requests a minute
    at_least: bool

    @property
    def time(self) -> timedelta:
        return timedelta(minutes=self.requests / self.rate)

    @property
    def is_long(self) -> bool:
        return self.time > LONG

    def __str__(self) -> str:
        """In the active language: ``at least 92,000 requests, 17 hours at 90 a minute``."""
        text = (
            _("at least %(requests)s, %(time)s at %(rate)s a minute")
            if self.at_least
            else _("%(requests)s, %(time)s at %(rate)s a minute")
        )
        requests = ngettext("%(n)s request", "%(n)s requests", self.requests) % {"n": figures.decimal(self.requests)}
        return text % {"requests": requests, "time": _lasting(self.time), "rate": figures.decimal(self.rate)}


def today() -> date:
    """The UTC day by the database's clock."""
    return database_now().astimezone(UTC).date()


def check_day(day: date) -> None:
    """Raise :class:`WrongDay` for a first day that no vendor can tell of."""
    end = today()
    earliest = end - timedelta(days=MOST_DAYS)
    if day > end:
        raise WrongDay(_("%(day)s lies in the future.") % {"day": day})
    if day < earliest:
        sentence = _("%(day)s is too long ago: the first day may be %(earliest)s at the earliest.")
        raise WrongDay(sentence % {"day": day, "earliest": earliest})


def estimate(provider: Provider, settings: Mapping[str, str], rate: int, days: int) -> Estimate:
    """What reading ``days`` days for the first time asks: windows of daily streams, and every other part once."""
    requests, paged = 0, False
    for stream in provider.streams:
        daily = stream in provider.daily
        for part in provider.parts(stream, settings, [today()] if daily else []):
            asks = [ask for ask in provider.asks(part, settings) if not ask.local]
            requests += len(asks) * (days if daily else 1)
            paged = paged or any(ask.paged for ask in asks)
    return Estimate(requests, rate, at_least=paged)


def days_to_read(since: date, connection: Connection | None = None) -> int:
    """How many days a mirror from ``since`` on still has to read for the first time."""
    days = (today() - since).days + 1
    if connection is None:
        return days
    read = Window.objects.filter(environment_id=connection.environment_id, day__gte=since, day__lte=today())
    return days - read.values("day").distinct().count()


def _lasting(time: timedelta) -> str:
    minutes = max(1, round(time / timedelta(minutes=1)))
    if minutes < 120:
        return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": figures.decimal(minutes)}
    hours = round(minutes / 60)
    if hours < 48:
        return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": figures.decimal(hours)}
    return ngettext("%(n)s day", "%(n)s days", round(hours / 24)) % {"n": figures.decimal(round(hours / 24))}
