"""The orders that a list of calls can stand in: by time, which an index holds, and by any other of its columns.

For a column the calls that may be meant are looked through for each page, so they may be ``MOST_SORTED`` at most: an
index on what calls say would cost each reading more than it gives. Calls that say nothing come last either way, and of
those that say the same the newest comes first. A place in such a list is told by its call's key alone, and what the
call says is looked up again: an address holds no number.
"""

from typing import Any

from django.db.models import Case, F, Q, QuerySet, TextField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Concat, Lower, NullIf
from django.utils.translation import gettext as _

from portal.formats import figures
from reports.queries.cursor import Cursor, CursorError
from reports.queries.question import QuestionError
from reports.queries.scope import Scope
from sync.models.calls import Call
from sync.taxonomy import Direction

TIMES = ("-started_at", "started_at", "-changed_at", "changed_at")
MOST_SORTED = 1_000_000  # calls that are looked through for a page


def _said(name: str) -> NullIf:
    return NullIf(F(name), Value(""))


# By the keys of ``reports.queries.calls.columns``, and the contact's number. What a call counts as is annotated.
_COLUMNS: dict[str, F | Combinable] = {
    "number": _said("contact"),
    # Two agents of one name stay apart.
    "agent": Case(
        When(
            agent_id__isnull=False,
            then=Concat(
                Lower(Coalesce(_said("agent__label"), _said("agent__name"), F("agent__external_id"))),
                Value("\t"),
                Cast("agent_id", TextField()),
                output_field=TextField(),
            ),
        )
    ),
    "environment": Lower("environment__name"),
    "direction": F("direction"),
    "status": F("status"),
    "outcome": F("result"),
    "duration": F("duration_ms"),
    "billed": F("billed_ms"),
    "line": Case(When(direction=Direction.OUTBOUND, then=_said("from_number")), default=_said("to_number")),
    "cause": Lower(_said("hangup_cause")),
    "id": F("external_id"),
}
# What is hidden from who sees numbers masked, or may hold one: its order would tell of it.
_NUMBERED = frozenset({"number", "line", "cause", "id"})
SORTED = tuple(f"{sign}{key}" for key in _COLUMNS for sign in ("-", ""))
ORDERINGS = (*TIMES, *SORTED)


def sortable(scope: Scope) -> frozenset[str]:
    """The columns that this reader may sort by."""
    return frozenset(_COLUMNS) if scope.sees_numbers else frozenset(_COLUMNS) - _NUMBERED


def check_ordering(ordering: str, scope: Scope) -> None:
    """Raise QuestionError unless this reader may list calls in that order."""
    if ordering not in ORDERINGS:
        text = _("“%(word)s” is none of %(choices)s.")
        raise QuestionError({"ordering": text % {"word": ordering, "choices": ", ".join(ORDERINGS)}})
    if ordering not in TIMES and ordering.lstrip("-") not in sortable(scope):
        raise QuestionError({"ordering": _("Who sees numbers masked cannot sort by what may hold them.")})


def too_many_to_sort() -> QuestionError:
    text = _("At most %(most)s calls can be sorted by a column: choose a shorter period, or fewer agents.")
    return QuestionError({"ordering": text % {"most": figures.decimal(MOST_SORTED)}})


def in_order(rows: QuerySet[Call], ordering: str, *, back: bool = False) -> QuerySet[Call]:
    """Calls, each with its ``result``, in the order of a column, or from the list's end."""
    rows = rows.alias(said=_COLUMNS[ordering.lstrip("-")])
    if ordering.startswith("-") != back:
        said = F("said").desc(nulls_first=back or None, nulls_last=not back or None)
    else:
        said = F("said").asc(nulls_first=back or None, nulls_last=not back or None)
    return rows.order_by(said, "id" if back else "-id")


def from_place(rows: QuerySet[Call], ordering: str, cursor: Cursor, among: QuerySet[Call]) -> QuerySet[Call]:
    """The part of :func:`in_order` that lies after the call of a cursor, or before it when that goes back.

    ``among`` are all calls that the reader may see, each with its ``result``. Raises CursorError for no call of these.
    """
    column = ordering.lstrip("-")
    said = among.filter(pk=cursor.key).annotate(said=_COLUMNS[column]).values_list("said", flat=True)
    found: list[Any] = list(said)
    if not found:
        raise CursorError(_("This is no cursor of a page."))
    return rows.alias(said=_COLUMNS[column]).filter(_beyond(found[0], ordering, cursor))


def _beyond(said: Any, ordering: str, cursor: Cursor) -> Q:
    side = Q(pk__gt=cursor.key) if cursor.back else Q(pk__lt=cursor.key)
    if said is None:
        within = Q(said__isnull=True) & side
        return within | Q(said__isnull=False) if cursor.back else within
    upwards = ordering.startswith("-") == cursor.back
    beyond = Q(said__gt=said) if upwards else Q(said__lt=said)
    beyond |= Q(said=said) & side
    return beyond if cursor.back else beyond | Q(said__isnull=True)
