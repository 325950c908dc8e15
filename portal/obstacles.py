"""Why a server was not reached, or its answer not taken, in the active language: page, API, mail and log say it alike.

Whoever meets an obstacle is plain Python, and rows keep what it said for readers of any language: an English sentence.
Each of those sentences stands here, or with whoever asks, once more for its translation.
"""

import math
import re
from collections.abc import Sequence
from functools import cache

from django.utils.translation import gettext, gettext_noop, ngettext

# Those of ``portal.lib.outward``, and of the places that files are put into. What changes in one is ``%(reason)s``.
OUTWARD = (
    gettext_noop("The address holds blanks or characters that no address has."),
    gettext_noop("The address is not well formed."),
    gettext_noop("The address has to begin with https://."),
    gettext_noop("The address has to begin with https://: a secret may not travel in the clear."),
    gettext_noop("The address names no host."),
    gettext_noop("The address may hold no user name or password."),
    gettext_noop("The address may hold no query and no fragment."),
    gettext_noop("The host leads to an address that is not on the public internet."),
    gettext_noop("The host's name is not known."),
    gettext_noop("The host's name is not well formed."),
    gettext_noop("The host's name was not resolved in time."),
    gettext_noop("The connection was not made in time."),
    gettext_noop("The connection was not made."),
    gettext_noop("The connection was not made: %(reason)s."),
    gettext_noop("The connection failed."),
    gettext_noop("The connection failed: %(reason)s."),
    gettext_noop("The answer did not come in time."),
    gettext_noop("The answer is too large."),
    gettext_noop("The answer is larger than %(reason)s bytes."),
)


def too_many(seconds: int) -> str:
    """That a server was not asked, since too many are, and when to try again."""
    minutes = math.ceil(seconds / 60)
    return ngettext(
        "Too many other servers are being asked right now. Try again in %(n)s minute.",
        "Too many other servers were asked. Try again in %(n)s minutes.",
        minutes,
    ) % {"n": minutes}


def in_words(detail: str, sentences: Sequence[str] = OUTWARD) -> str:
    """A detail, as it was raised or kept, in the active language; what is none of ``sentences`` is told as it is."""
    for sentence, form in _forms(tuple(sentences)):
        if found := form.fullmatch(detail):
            return gettext(sentence) % found.groupdict()
    return detail


@cache
def _forms(sentences: tuple[str, ...]) -> list[tuple[str, re.Pattern[str]]]:
    forms = [re.escape(sentence).replace(re.escape("%(reason)s"), "(?P<reason>.+)") for sentence in sentences]
    return [(sentence, re.compile(form)) for sentence, form in zip(sentences, forms, strict=True)]
