"""How many of the vendor's calls came in and were understood, in the words that page, mail and file share."""

from django.utils.translation import ngettext

from portal.formats import figures


def calls_read(mirrored: int, total: int | None, quarantined: int, accepted: int) -> str:
    """``40 of 60 calls; 20 could not be read``; empty where every call could be."""
    if not (quarantined or accepted):
        return ""
    if total is None:
        # None are many: Portuguese counts 0 as one, and its words for calls then agree with nothing beside them.
        parts = [ngettext("%(n)s call", "%(n)s calls", mirrored or 2) % {"n": figures.decimal(mirrored)}]
    else:
        said = {"n": figures.decimal(mirrored), "of": figures.decimal(total)}
        parts = [ngettext("%(n)s of %(of)s call", "%(n)s of %(of)s calls", total) % said]
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
