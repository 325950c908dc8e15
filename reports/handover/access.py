"""Which schedules and destinations somebody may look at or change, and whether what a schedule shows is still its
maker's to see. The wall must be open.

A schedule is its maker's; managers and owners have every one that shows no more than they see; a member to whom its
files are mailed may read it. Destinations are managers' to see and to use; to act on one takes the rights of every
schedule on it and of the person who made it. Anything else is answered like what is not there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Role
from portal.tenants.rights import Holding, may_act_on
from portal.tenants.standing import standing_member, standing_members
from reports.files.models import What
from reports.files.rights import covers
from reports.handover.models import Destination, ExportSchedule, Handover, Way
from reports.mail.content import open_views
from reports.mail.rights import Author, NotAllowed
from reports.queries.scope import Scope
from reports.saved.keeping import Use
from reports.saved.models import Board, SavedView


@dataclass(frozen=True, slots=True)
class ShownSchedule:
    """A schedule as somebody may see it; ``is_read`` where its files are mailed to him."""

    schedule: ExportSchedule
    may_change: bool
    is_read: bool


def schedules(author: Author) -> list[ShownSchedule]:
    """Those that stand and that he may read, by name; as many queries however many there are."""
    return _shown(_rows().filter(removed_at=None), author)


def schedule(public_id: UUID, author: Author) -> ShownSchedule:
    """Raises ExportSchedule.DoesNotExist for an absent, a removed and a foreign one alike."""
    shown = _shown(_rows().filter(public_id=public_id, removed_at=None), author)
    if not shown:
        raise ExportSchedule.DoesNotExist
    return shown[0]


def handovers(author: Author) -> QuerySet[Handover]:
    """What was handed over, or is to be, of all schedules that he may read, removed ones too; newest first."""
    own = [shown.schedule.pk for shown in _shown(_rows(), author)]
    rows: QuerySet[Handover] = Handover.objects.filter(schedule__in=own)
    return rows.select_related("schedule", "export", "tenant").order_by("-id")


def handovers_of(schedule: ExportSchedule) -> QuerySet[Handover]:
    """Those of a schedule that somebody was shown, newest first."""
    rows: QuerySet[Handover] = Handover.objects.filter(schedule=schedule)
    return rows.select_related("schedule", "export", "tenant").order_by("-id")


def latest(schedules: Iterable[ExportSchedule]) -> dict[int, Handover]:
    """The last handover of each, trials aside, by the schedule's key; one query."""
    newest = Handover.objects.filter(schedule=OuterRef("schedule"), press="").order_by("-id").values("id")[:1]
    rows = Handover.objects.filter(schedule__in=schedules, press="", id=Subquery(newest))
    return {row.schedule_id: row for row in rows}


def destinations(author: Author) -> list[Destination]:
    """Those that stand, by name; none to whoever does not manage."""
    rows = Destination.objects.filter(removed_at=None).select_related("key__grant", "key__made_by")
    return list(rows.order_by("name", "id")) if author.manages else []


def destination(public_id: UUID, author: Author) -> Destination:
    """Raises Destination.DoesNotExist for an absent, a removed and a foreign one, and to whoever does not manage."""
    found = Destination.objects.filter(public_id=public_id, removed_at=None).first()
    if found is None or not author.manages:
        raise Destination.DoesNotExist
    row: Destination = found
    return row


def changeable_places(rows: Sequence[Destination], author: Author) -> set[int]:
    """The keys of those that someone may change, confirm, try and remove; as many queries however many there are."""
    effects = _effects_of(rows)
    return {row.pk for row in rows if author.manages and may_act_on(author.holding, effects[row.pk])}


def demand_change_of_place(destination: Destination, author: Author) -> None:
    """Raises PermissionDenied."""
    if not changeable_places([destination], author):
        text = _(
            "You can't do this with the destination: a schedule that uses it, or the person who added it, has access "
            "to more data than you. Ask an owner with full access."
        )
        raise PermissionDenied(text)


def _effects_of(rows: Sequence[Destination]) -> dict[int, list[Holding]]:
    """What acts through destinations, by their keys: each schedule on one, and the member or key that made it."""
    found = ExportSchedule.objects.filter(destination__in=rows, removed_at=None).select_related("grant")
    grants: list[tuple[Any, Grant]] = [(schedule.destination_id, schedule.grant) for schedule in found]
    members = standing_members({row.creator_id for row in rows if row.creator_id is not None})
    grants += [(row.pk, members[row.creator_id].grant) for row in rows if row.creator_id in members]
    keys = [(row.pk, row.key) for row in rows if row.key is not None and row.key.stands(timezone.now())]
    held = Holding.by_grant([*(grant for _pk, grant in grants), *(key.grant for _pk, key in keys)])
    effects: dict[int, list[Holding]] = {row.pk: [] for row in rows}
    for pk, grant in grants:
        effects[pk].append(held[grant.pk])
    for pk, key in keys:
        effects[pk].append(held[key.grant_id].only(key.environment_id))
    return effects


def scope_now(schedule: ExportSchedule) -> Scope:
    """What a schedule may show now: what was granted it, as far as its maker sees that still. Raises NotAllowed, also
    where its files leave the company and its maker could not have that set up any more."""
    least = Role.MANAGER if schedule.way == Way.PUT else Role.VIEWER
    scope = Scope.of(schedule.grant).within(Scope.of(_makers(schedule, least)))
    if schedule.key is not None and schedule.key.environment_id is not None:
        scope = scope.only(schedule.key.environment_id)
    if not scope.environment_ids or scope.agent_ids == frozenset():
        raise NotAllowed("nothing to see")
    return scope


def views_on_board(schedule: ExportSchedule) -> tuple[SavedView, ...]:
    """The reports that stand now on the board that a schedule exports, those of its maker among them. Raises NotOpen
    where it is gone or shared no more, or holds nothing that may be sent."""
    board = Board.objects.filter(public_id=dict(parse_qsl(schedule.query)).get("board", "")).first()
    return open_views(board, schedule.tenant, schedule.creator if schedule.key_id is None else None)


def uses(views: Sequence[SavedView], boards: Sequence[Board]) -> list[Use]:
    """The schedules that export any of these boards; see ``reports.saved.keeping.USES``."""
    queries = [urlencode({"board": board.public_id}) for board in boards]
    rows = ExportSchedule.objects.filter(what=What.BOARD, query__in=queries, removed_at=None)
    return [Use(row.grant, row.creator_id) for row in rows.select_related("grant")]


def board_name(public_id: str) -> str:
    """Of a board that a schedule exports; "" where it is gone."""
    return Board.objects.filter(public_id=public_id).values_list("name", flat=True).first() or ""


def may_read(user_id: int, handover: Handover) -> bool:
    """Whether a member sees all that the file of a handover shows: it is given to nobody who sees less."""
    membership = standing_member(user_id)
    export = handover.export
    return membership is not None and export is not None and covers(Scope.of(membership.grant), export.rights)


def _makers(schedule: ExportSchedule, least: Role) -> Grant:
    """What whoever set it up may see now. Raises NotAllowed where he has gone, or has less than the role it takes."""
    if schedule.key_id is not None:
        key = schedule.key
        if key is None or not key.stands(timezone.now()) or not Role(key.role).covers(least):
            raise NotAllowed("nobody vouches")
        grant: Grant = key.grant
        return grant
    membership = standing_member(schedule.creator_id, least)
    if membership is None:
        raise NotAllowed("nobody vouches")
    own: Grant = membership.grant
    return own


def _rows() -> QuerySet[ExportSchedule]:
    rows: QuerySet[ExportSchedule] = ExportSchedule.objects.select_related(
        "tenant", "grant__tenant", "creator", "key__grant__tenant", "key__made_by", "destination"
    )
    return rows.prefetch_related("readers__user").order_by("name", "id")


def _shown(rows: Iterable[ExportSchedule], author: Author) -> list[ShownSchedule]:
    rows = list(rows)
    effects = Holding.by_grant(row.grant for row in rows)
    candidates = (ShownSchedule(row, _may_change(row, author, effects), _is_read(row, author)) for row in rows)
    return [shown for shown in candidates if shown.may_change or shown.is_read]


def _may_change(row: ExportSchedule, author: Author, effects: dict[int, Holding]) -> bool:
    if row.way == Way.PUT and not author.manages:
        return False
    made = row.key_id == author.key.pk if author.key is not None else _is_by(row, author)
    return made or may_act_on(author.holding, [effects[row.grant_id]])


def _is_by(row: ExportSchedule, author: Author) -> bool:
    return author.user is not None and row.creator_id == author.user.pk


def _is_read(row: ExportSchedule, author: Author) -> bool:
    if author.user is None or row.way == Way.PUT:
        return False
    return any(reader.user_id == author.user.pk for reader in row.readers.all())
