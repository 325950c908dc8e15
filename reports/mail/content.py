"""What a mail shows where that is something saved: a report or a board, which has to be there and open to the mail each
time one is made. The wall must be open.

It is open to a mail while it is shared, or while it belongs to whoever set the mail up. What is about one phone number
or one contact is not mailed. A mail whose content is not open rests, until somebody has it go on.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from portal.audit.record import record
from portal.outbox.models import Letter
from portal.tenants.models.people import Role, User
from portal.tenants.models.tenants import Tenant
from reports.mail import rights
from reports.mail.models import Contents, Delivery, Subscription
from reports.mail.rights import Author, NotAllowed
from reports.saved.boards import boards_for, reports_on
from reports.saved.keeping import Keeper, Use, about_one, kept_for
from reports.saved.models import Board, SavedView, ViewOf


class NotOpen(NotAllowed):
    """What the mail shows is gone or not open to it any more; a word of ``reports.mail.log.REASONS``."""


def views_of(subscription: Subscription) -> tuple[SavedView, ...]:
    """The saved reports that a mail shows, in order; raises :class:`NotOpen`. None where it shows parts of a report."""
    if subscription.shows == Contents.SECTIONS:
        return ()
    of: SavedView | Board | None = subscription.view if subscription.shows == Contents.REPORT else subscription.board
    return open_views(of, subscription.tenant, subscription.creator)


def open_views(of: SavedView | Board | None, tenant: Tenant, creator: User | None) -> tuple[SavedView, ...]:
    """Those of a saved report or a board that may be sent for who set the sending up; raises :class:`NotOpen`."""
    if of is None:
        raise NotOpen("report gone")
    if not is_open(of, creator.pk if creator is not None else None):
        raise NotOpen("report not shared")
    # His own reports stand on a board, too.
    views = [of] if isinstance(of, SavedView) else reports_on(of, Keeper(tenant, Role.VIEWER, creator))
    if not views:
        raise NotOpen("report empty")
    views = [view for view in views if not about_one(view.query)]
    if not views:
        raise NotOpen("about one person")
    return tuple(views)


def uses(views: Sequence[SavedView], boards: Sequence[Board]) -> list[Use]:
    """The mails that show any of these; see ``reports.saved.keeping.USES``."""
    rows = Subscription.objects.filter(
        Q(shows=Contents.REPORT, view__in=views) | Q(shows=Contents.BOARD, board__in=boards), removed_at=None
    )
    return [Use(row.grant, row.creator_id) for row in rows.select_related("grant") if row.grant is not None]


def title_of(subscription: Subscription) -> str:
    """The name of what is saved; empty where it shows parts of a report, or what is gone."""
    of = {Contents.REPORT: subscription.view, Contents.BOARD: subscription.board}.get(Contents(subscription.shows))
    return of.name if of is not None else ""


def is_open(of: SavedView | Board, creator_id: int | None) -> bool:
    """Whether it may be shown by a mail that this user set up; None for a key and an administrator."""
    return of.shared or (creator_id is not None and of.owner_id == creator_id)


def keeper_of(author: Author) -> Keeper:
    return Keeper(author.tenant, author.role, None if author.key is not None else author.user)


def saved_report(key: UUID, author: Author) -> SavedView:
    """One that he may open; raises SavedView.DoesNotExist."""
    return kept_for(keeper_of(author), ViewOf.REPORT).get(public_id=key)


def saved_board(key: UUID, author: Author) -> Board:
    """One that he may open; raises Board.DoesNotExist."""
    return boards_for(keeper_of(author)).get(public_id=key)


def rest(subscription: Subscription, reason: NotOpen) -> None:
    """Have nothing more become due, and keep why; once, however many find out."""
    with transaction.atomic():
        rows = Subscription.objects.filter(pk=subscription.pk, active=True, removed_at=None)
        if rows.update(active=False, next_due=None, rests=str(reason), rested_at=timezone.now()):
            about = {"subscription": str(subscription.public_id), "reason": str(reason)}
            record("subscription.rested", tenant_id=subscription.tenant_id, about=about)


def objection(message: Letter) -> str:
    """Why a report that waits in the outbox may not leave any more, or "": its reader may have lost the right to it, or
    what it shows may have been taken back."""
    if reason := rights.objection(message):
        return reason
    saved = Delivery.objects.exclude(subscription__shows=Contents.SECTIONS).filter(message_id=message.pk)
    delivery = saved.select_related("subscription__view", "subscription__board").first()
    try:
        if delivery is not None:
            views_of(delivery.subscription)
    except NotOpen as reason:
        return str(reason)
    return ""
