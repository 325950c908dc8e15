"""What a chart shows in one sentence, for those who cannot or do not look at it."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from portal.formats import figures


def highest_and_lowest(names: Sequence[str], values: Sequence[float | None], unit: str) -> str:
    """Names the slots of the highest and the lowest value; "" without values. Leave out what is not over yet."""
    measured = [(value, name) for value, name in zip(values, names, strict=True) if value is not None]
    if not measured:
        return ""
    most, least = max(measured, key=lambda pair: pair[0]), min(measured, key=lambda pair: pair[0])
    if most[0] == least[0]:
        return _("%(value)s throughout.") % {"value": figures.value(most[0], unit)}
    return _("Highest: %(most)s (%(most_n)s), lowest: %(least)s (%(least_n)s).") % {
        "most": most[1],
        "most_n": figures.value(most[0], unit),
        "least": least[1],
        "least_n": figures.value(least[0], unit),
    }
