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
from portal.tenants.models.people import Membership
from portal.tenants.rights import Rights
from reports.alerts.models import Alert
from reports.mail.rights import Author, NotAllowed
from reports.queries.scope import Scope


@dataclass(frozen=True, slots=True)
class ShownAlert:
    alert: Alert
    may_change: bool
    is_told: bool


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
    """What an alert may look at now: what was granted it, as far as its maker sees that still. Raises NotAllowed."""
    grant = _makers(alert)
    if grant is None:
        raise NotAllowed("nobody vouches")
    scope = Scope.of(alert.grant).within(Scope.of(grant))
    if not scope.environment_ids or scope.agent_ids == frozenset():
        raise NotAllowed("nothing to see")
    return scope


def may_be_told(user_id: int, scope: Scope) -> bool:
    """Whether a member sees all of what an alert looks at: its figures are told to nobody who sees less."""
    membership = _membership(user_id)
    if membership is None:
        return False
    own = Scope.of(membership.grant)
    agents = own.agent_ids is None or (scope.agent_ids is not None and own.agent_ids >= scope.agent_ids)
    return own.environment_ids >= scope.environment_ids and agents


def _makers(alert: Alert) -> Grant | None:
    if alert.key_id is not None:
        key = alert.key
        if key is None or key.revoked_at is not None:
            return None
        if key.expires_at is not None and key.expires_at <= timezone.now():
            return None
        grant: Grant = key.grant
        return grant
    membership = _membership(alert.creator_id)
    if membership is None:
        return None
    own: Grant = membership.grant
    return own


def _membership(user_id: int | None) -> Membership | None:
    if user_id is None:
        return None
    rows = Membership.objects.filter(user__is_active=True).select_related("grant", "grant__tenant")
    return rows.filter(user_id=user_id).first()


def _rows() -> QuerySet[Alert]:
    rows: QuerySet[Alert] = Alert.objects.filter(removed_at=None).select_related("tenant", "grant", "grant__tenant")
    return rows.prefetch_related("watchers__user").order_by("name", "id")


def _shown(rows: Iterable[Alert], author: Author) -> list[ShownAlert]:
    rows = list(rows)
    rights = Rights.by_grant(row.grant for row in rows)
    candidates = (ShownAlert(row, _may_change(row, author, rights), _is_told(row, author)) for row in rows)
    return [shown for shown in candidates if shown.may_change or shown.is_told]


def _may_change(row: Alert, author: Author, rights: dict[int, Rights]) -> bool:
    made = row.key_id == author.key.pk if author.key is not None else _is_by(row, author)
    return made or (author.manages and author.rights.covers(rights[row.grant_id]))


def _is_by(row: Alert, author: Author) -> bool:
    return author.user is not None and row.creator_id == author.user.pk


def _is_told(row: Alert, author: Author) -> bool:
    if author.user is None:
        return False
    return any(watcher.user_id == author.user.pk for watcher in row.watchers.all())
