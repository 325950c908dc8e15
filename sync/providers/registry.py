"""The vendors there are. A new one is a folder beside the others and a line here."""

from sync.providers.base import Provider
from sync.providers.originsai.client import ORIGINSAI
from sync.providers.talkover.client import TALKOVER

PROVIDERS: tuple[Provider, ...] = (TALKOVER, ORIGINSAI)
_BY_KEY = {provider.key: provider for provider in PROVIDERS}


def get(key: str) -> Provider:
    """The vendor of that key; raises KeyError."""
    return _BY_KEY[key]
