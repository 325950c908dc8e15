"""Which alerts somebody may look at or change, and whether what an alert looks at is still its maker's to see.

An alert is its maker's; managers and owners have every one that shows no more than they see; a member whom it tells may
read it. Anything else is answered like what is not there. The wall must be open.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Role
from portal.tenants.rights import Holding, may_act_on
from portal.tenants.standing import standing_member
from reports.alerts.models import Alert, Watcher
from reports.alerts.wishes import looked_at
from reports.mail.rights import Author, NotAllowed, scope_of
from reports.queries.question import QuestionError
from reports.queries.scope import Scope

READERS = ("watchers__user", "watchers__tenant", "watchers__added_by", "watchers__added_key")


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """An alert as somebody may see it. ``place`` is the reader he is, if it tells him as a member."""

    alert: Alert
    may_change: bool
    place: Watcher | None

    @property
    def is_told(self) -> bool:
        return self.place is not None


def alerts(author: Author) -> list[ShownAlert]:
    """Those that stand and that he may read, by name, with their readers; as many queries however many there are."""
    return _shown(_rows(), author)


def alert(public_id: UUID, author: Author) -> ShownAlert:
    """Raises Alert.DoesNotExist for an absent, a removed and a foreign one alike."""
    shown = _shown(_rows().filter(public_id=public_id), author)
    if not shown:
        raise Alert.DoesNotExist
    return shown[0]


def scope_now(alert: Alert) -> Scope:
    """What an alert may look at now: what was granted it, as far as its maker sees that still. Raises NotAllowed, also
    where its filters leave nothing of that: no calls at all would be a figure, too, and the wrong one."""
    grant = _makers(alert)
    if grant is None:
        raise NotAllowed("nobody vouches")
    scope = Scope.of(alert.grant).within(Scope.of(grant))
    try:
        seen = looked_at(alert, scope)
    except QuestionError:
        raise NotAllowed("no question") from None
    if not seen.environment_ids or seen.agent_ids == frozenset():
        raise NotAllowed("nothing to see")
    return scope


def demand_vouched(alert: Alert) -> None:
    """Raises NotAllowed where an alert may not be posted to its address now: nobody stands for it who may have that
    done, or there is nothing left for it to look at."""
    scope_now(alert)
    if _makers(alert, Role.MANAGER) is None:
        raise NotAllowed("nobody vouches")


def demand_told(watcher: Watcher, alert: Alert, scope: Scope) -> None:
    """Raises NotAllowed for somebody on an alert's list whom nothing may be told now: who has not agreed, has left, or
    whom nobody who may add addresses stands for, and whoever does not see all of what the alert looks at."""
    demand_sees(scope_of(watcher, alert), scope)


def demand_member_sees(user_id: int | None, scope: Scope) -> None:
    """Raises NotAllowed for a member who does not see all of what an alert looks at, and for who is none."""
    membership = standing_member(user_id)
    if membership is None:
        raise NotAllowed("no longer a member")
    demand_sees(Scope.of(membership.grant), scope)


def demand_sees(own: Scope, scope: Scope) -> None:
    agents = own.agent_ids is None or (scope.agent_ids is not None and own.agent_ids >= scope.agent_ids)
    if not (own.environment_ids >= scope.environment_ids and agents):
        raise NotAllowed("nothing to see")


def _makers(alert: Alert, role: Role = Role.VIEWER) -> Grant | None:
    if alert.key_id is not None:
        key = alert.key
        stands = key is not None and key.stands(timezone.now()) and Role(key.role).covers(role)
        return key.grant if key is not None and stands else None
    membership = standing_member(alert.creator_id, role)
    return membership.grant if membership is not None else None


def _rows() -> QuerySet[Alert]:
    rows: QuerySet[Alert] = Alert.objects.filter(removed_at=None).select_related("tenant", "grant", "grant__tenant")
    return rows.prefetch_related(*READERS).order_by("name", "id")


def _shown(rows: Iterable[Alert], author: Author) -> list[ShownAlert]:
    rows = list(rows)
    effects = Holding.by_grant(row.grant for row in rows)
    candidates = (ShownAlert(row, _may_change(row, author, effects), _place(row, author)) for row in rows)
    return [shown for shown in candidates if shown.may_change or shown.is_told]


def _may_change(row: Alert, author: Author, effects: dict[int, Holding]) -> bool:
    made = row.key_id == author.key.pk if author.key is not None else _is_by(row, author)
    return made or may_act_on(author.holding, [effects[row.grant_id]])


def _is_by(row: Alert, author: Author) -> bool:
    return author.user is not None and row.creator_id == author.user.pk


def _place(row: Alert, author: Author) -> Watcher | None:
    if author.user is None:
        return None
    places = (place for place in row.readers if place.user_id == author.user.pk and place.as_member)
    return next((place for place in places if place.left_at is None), None)
