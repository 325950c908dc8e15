"""Words for what vendors tell of a call by keys and states of their own. What is not known here stays as it came.

No inner form is documented, so these are the words met so far, whoever's they are; a further one is one line here.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from portal.formats import figures

MOST_KEY, MOST_VALUE = 80, 1_000
_KEYS: Mapping[str, str | Promise] = {
    "summary": gettext_lazy("Summary"),
    "sentiment": gettext_lazy("Sentiment"),
    "outcome": gettext_lazy("Outcome"),
    "disposition": gettext_lazy("Disposition"),
    "mos": gettext_lazy("MOS"),
    "jitter_ms": gettext_lazy("Jitter (ms)"),
    "packet_loss": gettext_lazy("Packet loss"),
    "language": gettext_lazy("Language"),
    "source": gettext_lazy("Source"),
    "customer_name": gettext_lazy("Customer's name"),
    "codec": gettext_lazy("Codec"),
    "sample_rate": gettext_lazy("Sample rate (Hz)"),
    "noise_reduction": gettext_lazy("Noise reduction"),
    "prompt_tokens": gettext_lazy("prompt tokens"),
    "completion_tokens": gettext_lazy("completion tokens"),
}
# By key, since the same word means one thing as an outcome and another as somebody's name.
_VALUES: Mapping[str, Mapping[str, str | Promise]] = {
    "sentiment": {
        "positive": pgettext_lazy("sentiment", "positive"),
        "neutral": pgettext_lazy("sentiment", "neutral"),
        "negative": pgettext_lazy("sentiment", "negative"),
        "mixed": pgettext_lazy("sentiment", "mixed"),
    },
    "outcome": {
        "resolved": pgettext_lazy("outcome of a talk", "resolved"),
        "unresolved": pgettext_lazy("outcome of a talk", "unresolved"),
        "scheduled": pgettext_lazy("outcome of a talk", "scheduled"),
        "transferred": pgettext_lazy("outcome of a talk", "transferred"),
        "callback requested": pgettext_lazy("outcome of a talk", "callback requested"),
        "no interest": pgettext_lazy("outcome of a talk", "no interest"),
    },
}
_EVENTS: Mapping[str, str | Promise] = {
    "initiated": pgettext_lazy("an event of a call", "started"),
    "started": pgettext_lazy("an event of a call", "started"),
    "queued": pgettext_lazy("an event of a call", "queued"),
    "ringing": pgettext_lazy("an event of a call", "ringing"),
    "answered": pgettext_lazy("an event of a call", "answered"),
    "transferred": pgettext_lazy("an event of a call", "transferred"),
    "completed": pgettext_lazy("an event of a call", "ended"),
    "ended": pgettext_lazy("an event of a call", "ended"),
    "failed": pgettext_lazy("an event of a call", "failed"),
}
_SOURCES: Mapping[str, str | Promise] = {
    "caller": gettext_lazy("who called"),
    "callee": gettext_lazy("who was called"),
    "agent": gettext_lazy("the agent"),
    "api": gettext_lazy("a program, through the API"),
    "carrier": gettext_lazy("the carrier"),
}
_LEAST, _MOST, _PLACES = 1e-6, 1e12, 6  # a number beyond them is told as it came


def key_word(key: str) -> str:
    word = _KEYS.get(key.lower())
    return key.replace("_", " ")[:MOST_KEY] if word is None else str(word)


def value_word(key: str, value: Any) -> str:
    """A scalar in the reader's words and with the reader's decimal sign, cut to what a page bears."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        return _number(value)
    text = str(value)
    word = _VALUES.get(key.lower(), {}).get(text.strip().lower())
    if word is not None:
        return str(word)
    return text if len(text) <= MOST_VALUE else f"{text[:MOST_VALUE]}…"


def _number(value: float) -> str:
    if value and not _LEAST <= abs(value) <= _MOST:
        return str(value)
    return figures.decimal(value, min(_PLACES, len(repr(value).partition(".")[2])))


def event_word(name: str) -> str:
    return str(_EVENTS.get(name.strip().lower(), name))


def source_word(source: str) -> str:
    """Who hung up."""
    return str(_SOURCES.get(source.strip().lower(), source))
