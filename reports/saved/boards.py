"""Boards: saved reports on one page in an order of their own.

A board is its owner's. Managers share theirs with every member, change each other's shared ones, and choose one of
these that the company's pages open with. A shared board holds shared reports alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from reports.saved.keeping import Keeper, ViewRefused, demand_rights, fit_name, kept_for, take_away
from reports.saved.models import Board, BoardPlace, SavedView, ViewOf

MOST_BOARDS, MOST_PLACES = 50, 12  # of one member; on one board


@dataclass(frozen=True, slots=True)
class ShownBoard:
    """A board as a member sees it; ``owner`` is "" of one whose owner has left."""

    id: str
    name: str
    shared: bool
    opens: bool
    mine: bool
    owner: str
    may_change: bool


def boards(keeper: Keeper) -> list[ShownBoard]:
    """A member's own and the shared ones, by name. One query."""
    return [board_of(row, keeper) for row in rows_for(keeper)]


def rows_for(keeper: Keeper) -> list[Board]:
    """In that order, with their owners."""
    rows = boards_for(keeper).select_related("owner")
    return sorted(rows, key=lambda row: (not keeper.owns(row), row.name.casefold(), row.public_id))


def board_of(row: Board, keeper: Keeper) -> ShownBoard:
    return ShownBoard(
        id=str(row.public_id),
        name=row.name,
        shared=row.shared,
        opens=row.opens,
        mine=keeper.owns(row),
        owner=str(row.owner or ""),
        may_change=_may_change(row, keeper),
    )


def boards_for(keeper: Keeper) -> QuerySet[Board]:
    """Those that he may open."""
    mine = Q(owner_id=keeper.user_id) if keeper.user is not None else Q(pk=None)
    rows: QuerySet[Board] = Board.objects.filter(mine | Q(shared=True))
    return rows


def reports_on(board: Board, keeper: Keeper) -> list[SavedView]:
    """The reports on it that he may open, in its order. One query."""
    return reports_by_board([board], keeper)[board.pk]


def reports_by_board(rows: Sequence[Board], keeper: Keeper) -> dict[Any, list[SavedView]]:
    """As :func:`reports_on` of several, by their keys. One query."""
    allowed = kept_for(keeper, ViewOf.REPORT)
    places = BoardPlace.objects.filter(board__in=rows, view__in=allowed).select_related("view")
    found: dict[Any, list[SavedView]] = {row.pk: [] for row in rows}
    for place in places:
        found[place.board_id].append(place.view)
    return found


def opening_board() -> Board | None:
    """What the company's pages open with, instead of the overview; the wall must be open."""
    row: Board | None = Board.objects.filter(opens=True, shared=True).first()
    return row


def make(keeper: Keeper, name: str) -> Board:
    if keeper.user is None:
        raise PermissionError
    if Board.objects.filter(owner_id=keeper.user_id).count() >= MOST_BOARDS:
        raise ViewRefused(_("You have %(n)s boards already: delete one first.") % {"n": MOST_BOARDS})
    board = Board(tenant=keeper.tenant, owner=keeper.user, name=fit_name(name))
    _save(board)
    keeper.note("board.made", board=str(board.public_id))
    return board


def rename(keeper: Keeper, board: Board, name: str) -> None:
    _demand_change(keeper, board)
    board.name = fit_name(name)
    _save(board)
    keeper.note("board.changed", board=str(board.public_id))


def share(keeper: Keeper, board: Board, *, on: bool) -> None:
    """Share it, or keep it to its owner again; one whose owner has left becomes his who keeps it to himself."""
    _demand_change(keeper, board, takes_back=not on)
    if not keeper.manages:
        raise PermissionError
    if on and BoardPlace.objects.filter(board=board, view__shared=False).exists():
        raise ViewRefused(_("A report on this board is not shared: share it first, or take it off."))
    board.shared = on
    board.opens = board.opens and on
    board.owner = board.owner if on else board.owner or keeper.user
    _save(board)
    keeper.note("board.shared" if on else "board.unshared", board=str(board.public_id))


def open_with(keeper: Keeper, board: Board, *, on: bool) -> None:
    """Have the company's pages open with it, in the place of any other; or with the overview again."""
    if not keeper.manages:
        raise PermissionError
    if on and not board.shared:
        raise ViewRefused(_("Share the board first: every member is to see it."))
    with transaction.atomic():
        Board.objects.filter(opens=True).update(opens=False)
        Board.objects.filter(pk=board.pk).update(opens=on)
    keeper.note("board.opens" if on else "board.opens_no_more", board=str(board.public_id))


def drop(keeper: Keeper, board: Board) -> None:
    _demand_change(keeper, board, takes_back=True)
    key = str(board.public_id)
    take_away(board)
    keeper.note("board.deleted", board=key)


def put_on(keeper: Keeper, board: Board, view: UUID) -> None:
    """At its end; a report that stands there already stays where it is. Raises SavedView.DoesNotExist."""
    _demand_change(keeper, board)
    row = kept_for(keeper, ViewOf.REPORT).get(public_id=view)
    if board.shared and not row.shared:
        raise ViewRefused(_("This board is shared: share the report first."))
    with transaction.atomic():
        Board.objects.select_for_update().get(pk=board.pk)  # places are given one after the other
        places = BoardPlace.objects.filter(board=board)
        if places.filter(view=row).exists():
            return
        if places.count() >= MOST_PLACES:
            raise ViewRefused(_("A board holds at most %(n)s reports.") % {"n": MOST_PLACES})
        last = places.aggregate(last=Max("place"))["last"] or 0
        BoardPlace.objects.create(tenant=keeper.tenant, board=board, view=row, place=last + 1)
    keeper.note("board.changed", board=str(board.public_id))


def take_off(keeper: Keeper, board: Board, view: UUID) -> None:
    _demand_change(keeper, board)
    if BoardPlace.objects.filter(board=board, view__public_id=view).delete()[0]:
        keeper.note("board.changed", board=str(board.public_id))


def put_in_order(keeper: Keeper, board: Board, views: Sequence[UUID]) -> None:
    """Have it hold these reports in this order, and no others of those that he sees; what he doesn't see stays behind
    them. Raises ViewRefused, and SavedView.DoesNotExist.
    """
    _demand_change(keeper, board)
    wanted = list(dict.fromkeys(views))
    if len(wanted) > MOST_PLACES:
        raise ViewRefused(_("A board holds at most %(n)s reports.") % {"n": MOST_PLACES})
    seen = kept_for(keeper, ViewOf.REPORT)
    rows = {row.public_id: row for row in seen.filter(public_id__in=wanted)}
    if len(rows) < len(wanted):
        raise SavedView.DoesNotExist
    if board.shared and not all(row.shared for row in rows.values()):
        raise ViewRefused(_("This board is shared: share the report first."))
    with transaction.atomic():
        Board.objects.select_for_update().get(pk=board.pk)
        places = BoardPlace.objects.filter(board=board)
        places.filter(view__in=seen).delete()
        for number, place in enumerate(places, len(wanted) + 1):
            BoardPlace.objects.filter(pk=place.pk).update(place=number)
        BoardPlace.objects.bulk_create(
            BoardPlace(tenant=keeper.tenant, board=board, view=rows[view], place=number)
            for number, view in enumerate(wanted, 1)
        )
    keeper.note("board.changed", board=str(board.public_id))


def move(keeper: Keeper, board: Board, view: UUID, *, by: int) -> None:
    """One place up (-1) or down (+1), among those that he sees; at an end it stays."""
    _demand_change(keeper, board)
    seen = {row.pk for row in reports_on(board, keeper)}
    with transaction.atomic():
        Board.objects.select_for_update().get(pk=board.pk)
        places = list(BoardPlace.objects.filter(board=board).select_related("view"))
        here = next((place for place in places if place.view.public_id == view), None)
        if here is None:
            return
        order = [place for place in places if place.view_id in seen or place is here]
        at = order.index(here)
        if not 0 <= at + by < len(order):
            return
        first, second = places.index(here), places.index(order[at + by])
        places[first], places[second] = places[second], places[first]
        for number, place in enumerate(places, 1):
            place.place = number
        BoardPlace.objects.bulk_update(places, ["place"])
    keeper.note("board.changed", board=str(board.public_id))


def _may_change(board: Board, keeper: Keeper) -> bool:
    if keeper.user is None:
        return False
    return keeper.owns(board) or (board.shared and keeper.manages)


def _demand_change(keeper: Keeper, board: Board, *, takes_back: bool = False) -> None:
    if not _may_change(board, keeper):
        raise PermissionError
    demand_rights(keeper, board, takes_back=takes_back)


def _save(board: Board) -> None:
    try:
        with transaction.atomic():
            board.save()
    except IntegrityError:
        raise ViewRefused(_("You have a board named “%(name)s” already.") % {"name": board.name}) from None
