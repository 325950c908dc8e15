"""Why somebody does not get in, or a provider can't be used: a word for the audit, and a sentence for whoever reads."""

from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Why(StrEnum):
    CANCELLED = "cancelled"
    STALE = "stale"
    UNREACHED = "unreached"
    WRONG = "wrong"
    NO_PLACE = "no-place"
    OTHER = "other"


SENTENCES = {
    Why.CANCELLED: _("You broke off at your company's sign-in, or it refused you."),
    Why.STALE: _("This sign-in was begun too long ago, in another browser, or was used already. Begin again."),
    Why.UNREACHED: _("Your company's sign-in does not answer. Try again in some minutes."),
    Why.WRONG: _("What your company's sign-in answered can't be trusted. Tell whoever looks after it."),
    Why.NO_PLACE: _("You have no place here by this sign-in. Ask an owner of the company to invite you."),
    Why.OTHER: _("Your company's sign-in knows you by another account than last time. Ask an owner of the company."),
}


class Refused(Exception):
    """Somebody does not get in. ``fault`` says more, in a word of ours, for the owners' audit."""

    def __init__(self, why: Why, fault: str) -> None:
        super().__init__(f"{why}: {fault}")
        self.why = why
        self.fault = fault


class Unusable(Exception):
    """A provider can't be used as it is described; the sentence is for owners."""

    def __init__(self, sentence: str | Promise) -> None:
        super().__init__(str(sentence))
        self.sentence = str(sentence)
