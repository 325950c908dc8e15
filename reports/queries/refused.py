"""What nobody may ask who may not see numbers: anything that tells whether a call has a number that he names.

A search that answers yes or no undoes a mask, digit by digit or number by number, so there is none: not for a part, not
for a whole number, not for one of our own. Numbers are named by opaque ids instead, which are given and never guessed.
See portal/decisions/0035-numbers-that-stay-hidden.md.
"""

from django.utils.translation import gettext as _

from reports.definitions.filters import Filters, QuestionError
from reports.queries.calls.masks import holds_number
from reports.queries.scope import Scope


def refused_of(filters: Filters, scope: Scope) -> dict[str, str]:
    """Sentences by parameter; the same whether there is such a number or not. None for who sees numbers."""
    if scope.sees_numbers:
        return {}
    names_one = {
        "number": bool(filters.number),
        "line": filters.line.isdecimal(),
        "status": any(map(holds_number, filters.statuses)),  # a vendor's own words, which may hold the number called
        "cause": any(map(holds_number, filters.causes)),
    }
    return {name: no_search() for name, asked in names_one.items() if asked}


def demand_allowed(filters: Filters, scope: Scope) -> None:
    """Raise QuestionError for filters that :func:`refused_of` names."""
    if errors := refused_of(filters, scope):
        raise QuestionError(errors)


def no_search() -> str:
    return _("You may not see numbers, so nothing can be searched by one.")
