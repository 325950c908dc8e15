"""How many of the vendor's calls are mirrored and understood, in the words that page, mail and file share."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from reports.queries.answer import Completeness


def calls_mirrored(standing: Completeness) -> str:
    """``2,793 of 2,793 calls mirrored``: the calls of the figures it stands beside, if the vendor shows no more.

    The vendor names its total by whole UTC days, test calls included. Where calls are missing that sum is said, and
    that it is that one. Where none are, and no figures stand beside it, no number is: it would be another one than on
    the pages that count the calls.
    """
    unread = calls_read(standing.mirrored, standing.vendor_total, standing.quarantined, standing.accepted)
    if unread:
        return unread
    if not (standing.mirrored or standing.vendor_total):
        return _("no call to mirror") if standing.vendor_total == 0 else _("no call mirrored")
    if not standing.counted:
        return (
            _("all calls mirrored") if standing.complete and not standing.lacks_calls else _mirrored_of_days(standing)
        )
    counted = figures.decimal(standing.counted)
    if standing.lacks_calls:
        text = ngettext("%(n)s call counted; %(sum)s", "%(n)s calls counted; %(sum)s", standing.counted)
        return text % {"n": counted, "sum": _mirrored_of_days(standing)}
    if standing.vendor_total is None:
        return ngettext("%(n)s call mirrored", "%(n)s calls mirrored", standing.counted) % {"n": counted}
    text = ngettext("%(n)s of %(of)s call mirrored", "%(n)s of %(of)s calls mirrored", standing.counted)
    return text % {"n": counted, "of": counted}


def _mirrored_of_days(standing: Completeness) -> str:
    mirrored, total = figures.decimal(standing.mirrored), standing.vendor_total
    if total is None:
        text = ngettext(
            "%(n)s call mirrored, test calls included", "%(n)s calls mirrored, test calls included", standing.mirrored
        )
        return text % {"n": mirrored}
    text = ngettext(
        "%(n)s of %(of)s call mirrored on whole UTC days, test calls included",
        "%(n)s of %(of)s calls mirrored on whole UTC days, test calls included",
        total,
    )
    return text % {"n": mirrored, "of": figures.decimal(total)}


def calls_read(mirrored: int, total: int | None, quarantined: int, accepted: int) -> str:
    """``40 of 60 calls on whole UTC days, test calls included; 20 could not be read``;
    empty where every call could be.
    """
    if not (quarantined or accepted):
        return ""
    if total is None:
        # None are many: Portuguese counts 0 as one, and its words for calls then agree with nothing beside them.
        text = ngettext("%(n)s call, test calls included", "%(n)s calls, test calls included", mirrored or 2)
        parts = [text % {"n": figures.decimal(mirrored)}]
    else:
        counts = {"n": figures.decimal(mirrored), "of": figures.decimal(total)}
        text = ngettext(
            "%(n)s of %(of)s call on whole UTC days, test calls included",
            "%(n)s of %(of)s calls on whole UTC days, test calls included",
            total,
        )
        parts = [text % counts]
    if quarantined:
        text = ngettext("%(n)s could not be read", "%(n)s could not be read", quarantined)
        parts.append(text % {"n": figures.decimal(quarantined)})
    if accepted:
        text = ngettext("%(n)s accepted as no call", "%(n)s accepted as no calls", accepted)
        parts.append(text % {"n": figures.decimal(accepted)})
    return "; ".join(parts)


def elements_unread(quarantined: int) -> str:
    """Why a window is a gap that was read to its end: ``3 elements could not be understood``."""
    text = ngettext("%(n)s element could not be understood", "%(n)s elements could not be understood", quarantined or 2)
    return text % {"n": figures.decimal(quarantined)}
