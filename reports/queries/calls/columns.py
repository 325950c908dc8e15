"""The columns of a list of calls that a reader may choose: one vocabulary for the page and for a file of the same list.

Time and the contact's number stand in every row; these stand beside them, always in this order.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from sync.taxonomy import Direction

COLUMNS: dict[str, str | Promise] = {
    "agent": _("Agent"),
    "environment": _("Environment"),
    "direction": _("Direction"),
    "status": _("Status"),
    "outcome": _("Outcome"),
    "duration": _("Duration"),
    "billed": _("Billed"),
    "line": _("Own number"),
    "cause": _("Cause of hang-up"),
    "id": _("Vendor's id"),
}


def in_order(chosen: Collection[str]) -> tuple[str, ...]:
    """Those of the columns that are chosen, as the page shows them."""
    return tuple(key for key in COLUMNS if key in chosen)


def ends(row: Mapping[str, Any]) -> tuple[str, str]:
    """Of a row of calls the contact's number, and our own."""
    if row["direction"] == Direction.OUTBOUND:
        return row["to_number"], row["from_number"]
    return row["from_number"], row["to_number"]
