"""The vendors there are, and what each tells. A new one is a folder beside the others and a line here."""

from sync.providers.base import Provider
from sync.providers.originsai.client import ORIGINSAI
from sync.providers.talkover.client import TALKOVER
from sync.taxonomy import Fact, Stream

PROVIDERS: tuple[Provider, ...] = (TALKOVER, ORIGINSAI)


def get(key: str) -> Provider:
    """The vendor of that key; raises KeyError."""
    provider = _known(key)
    if provider is None:
        raise KeyError(key)
    return provider


def facts_of(key: str) -> frozenset[Fact]:
    """What the vendor of that key tells; nothing of one that is not known."""
    provider = _known(key)
    return provider.facts if provider else frozenset()


def telling(needs: frozenset[Fact]) -> tuple[str, ...]:
    """The keys of the vendors that tell all of some facts."""
    return tuple(provider.key for provider in PROVIDERS if needs <= provider.facts)


def settles_hours(key: str) -> int | None:
    """The hours after which an ``answered`` call of the vendor is over and connected; None where only its end says."""
    provider = _known(key)
    return provider.settles_hours if provider else None


def daily_streams(key: str) -> frozenset[Stream]:
    """The streams of the vendor that are read by UTC day; the others are read whole, or agent by agent."""
    provider = _known(key)
    return provider.daily if provider else frozenset()


def _known(key: str) -> Provider | None:
    return next((provider for provider in PROVIDERS if provider.key == key), None)
