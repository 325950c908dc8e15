"""Which scheduled mails, and what was sent of them, somebody may look at or change. The wall must be open.

A mail is its maker's; managers and owners have every one that shows no more than they see; a member on its list may
read it, and no more. Anything else is answered like what is not there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.tenants.rights import Holding, may_act_on
from reports.mail.models import Delivery, Recipient, Subscription
from reports.mail.rights import Author


@dataclass(frozen=True, slots=True)
class Shown:
    """A mail as somebody may see it. ``place`` is the reader he is, if it goes to him as a member."""

    subscription: Subscription
    may_change: bool
    place: Recipient | None


def subscriptions(author: Author) -> list[Shown]:
    """Those that stand and that he may read, by name, with their readers. Three queries, however many there are."""
    return _shown(_rows().filter(removed_at=None).prefetch_related("recipients"), author)


def subscription(public_id: UUID, author: Author) -> Shown:
    """Raises Subscription.DoesNotExist for an absent, a removed and a foreign one alike."""
    rows = _rows().filter(public_id=public_id, removed_at=None).prefetch_related("recipients")
    shown = _shown(rows, author)
    if not shown:
        raise Subscription.DoesNotExist
    return shown[0]


def deliveries(author: Author) -> QuerySet[Delivery]:
    """What was sent, or is to be: of the mails he may change, removed ones too, all; of others, what went to him."""
    rows = list(_rows())
    effects = Holding.by_grant(row.grant for row in rows)
    own = [row.pk for row in rows if _may_change(row, author, effects)]
    shown = Q(subscription__in=own)
    if author.user is not None:
        shown |= Q(recipient__user=author.user, recipient__as_member=True)
    visible: QuerySet[Delivery] = Delivery.objects.filter(shown)
    return visible.select_related("subscription", "recipient", "message").order_by("-id")


def _shown(rows: Iterable[Subscription], author: Author) -> list[Shown]:
    rows = list(rows)
    effects = Holding.by_grant(row.grant for row in rows)
    candidates = (Shown(row, _may_change(row, author, effects), _place(row, author)) for row in rows)
    return [shown for shown in candidates if shown.may_change or shown.place is not None]


def _may_change(row: Subscription, author: Author, effects: dict[int, Holding]) -> bool:
    if author.made(row):
        return True
    return row.grant_id is not None and may_act_on(author.holding, [effects[row.grant_id]])


def _place(row: Subscription, author: Author) -> Recipient | None:
    if author.user is None:
        return None
    places = (place for place in row.recipients.all() if place.user_id == author.user.pk and place.as_member)
    return next((place for place in places if place.left_at is None and place.removed_at is None), None)


def _rows() -> QuerySet[Subscription]:
    rows: QuerySet[Subscription] = Subscription.objects.select_related("tenant", "grant", "grant__tenant", "reply_to")
    return rows.order_by("name", "id")
