"""How long connected calls were: a histogram over bands of duration."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from portal.formats import figures
from reports.queries.answer import Answer
from reports.web.shared.behind import calls_where
from reports.web.shared.charts import Look, Series, Slot, columns
from reports.web.shared.selection import Selection
from reports.web.shared.trend import Drawing

LENGTHS = ("connected",)


def lengths(answer: Answer, selection: Selection) -> Drawing:
    """Connected calls by band; those of unknown duration are told in the sentence."""
    banded = [(row.key[0], row.labels[0], row.cells["connected"].value or 0.0) for row in answer.rows if row.key[0]]
    unknown = sum(row.cells["connected"].value or 0.0 for row in answer.rows if not row.key[0])
    total = sum(amount for _key, _label, amount in banded)
    slots = [
        Slot(label, *_band(key or "", label), href=_calls(key or "", selection), extra=(_share(amount, total),))
        for key, label, amount in banded
    ]
    series = Series("s1", _("connected"), tuple(amount for _key, _label, amount in banded))
    look = Look(heading=_("Duration"), extra=(_("Share"),), newest_first=False, room=len(slots))
    plot = columns(slots, [series], look)
    return Drawing("lengths", _("Duration of connected calls"), plot, _sentence(banded, unknown))


def _band(key: str, label: str) -> tuple[str, str]:
    """A band and under it its unit: there is little room for each."""
    bounds, _space, unit = label.rpartition(" ")
    return (f">{figures.SPACE}{int(key.removesuffix('+')) // 60}" if key.endswith("+") else bounds), unit


def _calls(key: str, selection: Selection) -> str:
    """Bands reach from above their lower end, which belongs to the band before, to their upper end."""
    low, _dash, high = key.removesuffix("+").partition("-")
    shortest = f"{low}.001" if low != "0" else "0"
    return calls_where(selection, {"outcome": "connected", "min_duration": shortest, "max_duration": high})


def _share(amount: float, total: float) -> str:
    return figures.value(100 * amount / total if total else None, "percent")


def _sentence(banded: Sequence[tuple[str | None, str, float]], unknown: float) -> str:
    total = sum(amount for _key, _label, amount in banded)
    if not total:
        return _("No connected call has a known duration.")
    most = max(amount for _key, _label, amount in banded)
    labels = [label for _key, label, amount in banded if amount == most]
    if most > total / 2:
        text = _("Most connected calls lasted %(band)s: %(n)s, %(share)s.")
    elif len(labels) == 1:
        text = _("The most frequent duration of connected calls was %(band)s: %(n)s, %(share)s.")
    else:
        text = ""  # bands that are equally full: none of them stands out
    sentence = text and text % {"band": labels[0], "n": figures.decimal(most), "share": _share(most, total)}
    if unknown:
        sentence = f"{sentence} " + _("Of %(n)s the duration is not known.") % {"n": figures.decimal(unknown)}
    return sentence.strip()
