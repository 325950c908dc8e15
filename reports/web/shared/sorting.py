"""The heading of a column by which a table can be sorted."""

from dataclasses import dataclass

from django.utils.functional import Promise

from reports.web.shared.contexts import Figure


@dataclass(frozen=True, slots=True)
class Heading:
    """``order`` is the one its column has: ascending, descending or "". ``figure`` is of all rows together."""

    label: str | Promise
    href: str
    order: str
    fit: str = ""
    figure: Figure | None = None
