"""Links by which people without an account read the answer of a saved report or of a board.

What a link shows at most was fixed when it was made: what its maker saw, without numbers, and the periods of the
questions where he did not leave these to its reader. It opens nothing once it is
revoked or over, once its maker no longer manages, or where his rights have become narrower than it. A link that opens
nothing is answered like one that never was.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from portal.audit.record import record
from portal.lib import turns
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import digest
from portal.tenants.models.people import Role
from portal.tenants.rights import Rights
from portal.tenants.standing import standing_member
from reports.queries.scope import Scope
from reports.saved.boards import reports_on
from reports.saved.keeping import Keeper, Use, ViewRefused, about_one
from reports.saved.models import Board, FrameHost, SavedView, ShareLink

LASTS = (7, 30, 90, 365)  # days
MOST_LINKS, MOST_HOSTS, LEAST_PASSWORD = 200, 20, 8
STATES = {
    "open": pgettext_lazy("a share link", "open"),
    "over": pgettext_lazy("a share link", "over"),
    "revoked": pgettext_lazy("a share link", "revoked"),
}
_LONGEST_TOKEN = 100
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])")


@dataclass(frozen=True, slots=True)
class LinkWish:
    """What a new link is to be; exactly one of ``view`` and ``board`` is named."""

    days: int
    view: SavedView | None = None
    board: Board | None = None
    password: str = ""
    embeds: bool = False
    any_period: bool = False


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that opens something now, whose wall is to be open: what is read by it, and in which scope."""

    link: ShareLink
    title: str
    reports: tuple[SavedView, ...]
    scope: Scope


def make(keeper: Keeper, grant: Grant, wish: LinkWish) -> tuple[ShareLink, str]:
    """A new link and its token, which is told now and never again. Raises ViewRefused, and PermissionError for who does
    not manage."""
    if keeper.user is None or not keeper.manages:
        raise PermissionError
    if wish.days not in LASTS:
        raise ViewRefused(_("Choose for how long the link is to open."))
    if wish.password and len(wish.password) < LEAST_PASSWORD:
        raise ViewRefused(_("A password has at least %(n)s characters.") % {"n": LEAST_PASSWORD})
    if wish.password and wish.embeds:
        raise ViewRefused(_("A frame in another's page can't ask for a password: choose one of the two."))
    views = [wish.view] if wish.view is not None else reports_on(wish.board, keeper) if wish.board else []
    if any(about_one(view.query) for view in views):
        raise ViewRefused(_("What is about a phone number or one contact can't be shared by a link."))
    now = timezone.now()
    if ShareLink.objects.filter(revoked_at=None, expires_at__gt=now).count() >= MOST_LINKS:
        raise ViewRefused(_("The company has %(n)s links already: revoke one first.") % {"n": MOST_LINKS})
    token = secrets.token_urlsafe(30)
    with transaction.atomic():
        link = ShareLink.objects.create(
            tenant=keeper.tenant,
            digest=digest(token),
            view=wish.view,
            board=wish.board,
            grant=Rights.of(grant).make_grant(keeper.tenant),
            maker=keeper.user,
            password=make_password(wish.password) if wish.password else "",
            embeds=wish.embeds,
            any_period=wish.any_period,
            expires_at=now + timedelta(days=wish.days),
        )
        keeper.note("link.made", link=str(link.public_id), days=wish.days)
    return link, token


def links(keeper: Keeper) -> QuerySet[ShareLink]:
    """Those of the company, newest first; none for who does not manage."""
    rows: QuerySet[ShareLink] = ShareLink.objects.select_related("view", "board", "maker", "grant")
    return rows if keeper.manages else rows.none()


def uses(views: Sequence[SavedView], boards: Sequence[Board]) -> list[Use]:
    """The links that open any of these; see ``reports.saved.keeping.USES``."""
    rows = ShareLink.objects.filter(Q(view__in=views) | Q(board__in=boards), revoked_at=None)
    return [_use(row) for row in rows.filter(expires_at__gt=timezone.now()).select_related("grant")]


def revocable(keeper: Keeper, links: Sequence[ShareLink]) -> set[int]:
    """The keys of those that the keeper may revoke; as many queries however many there are."""
    kept = {use.grant.pk for use in keeper.out_of_reach(map(_use, links))}
    return {link.pk for link in links if keeper.manages and link.grant_id not in kept}


def revoke(keeper: Keeper, link: ShareLink) -> None:
    if not revocable(keeper, [link]):
        raise PermissionError(_("This link shows more data than you see. Ask an owner with full access to revoke it."))
    _revoke(link, by=keeper.user)


def _use(link: ShareLink) -> Use:
    return Use(link.grant, link.maker_id)


def revoke_at_console(link: ShareLink, *, by: Any) -> bool:
    """As :func:`revoke`, for an administrator; whether it was still to be revoked. The wall must be open."""
    return _revoke(link, by=by)


def _revoke(link: ShareLink, *, by: Any) -> bool:
    if link.revoked_at is not None:
        return False
    link.revoked_at = timezone.now()
    link.save(update_fields=["revoked_at"])
    record("link.revoked", tenant_id=link.tenant_id, user=by, about={"link": str(link.public_id)})
    return True


def link_of(token: str) -> ShareLink | None:
    """The link of an address, if it may open something; None for any other, at the same cost."""
    known = token if token.isascii() and len(token) <= _LONGEST_TOKEN else ""
    with wall.every_tenant("whose a share link is"):
        rows = ShareLink.objects.filter(
            digest=digest(known), revoked_at=None, expires_at__gt=timezone.now(), tenant__active=True
        )
        link = rows.select_related("tenant", "grant", "view", "board").first()
    if link is not None:
        turns.recognize(f"link {link.pk}", tenant=link.tenant_id)
    return link


def opened(link: ShareLink) -> OpenLink | None:
    """What a link opens now; the wall of its tenant must be open."""
    maker = standing_member(link.maker_id, Role.MANAGER)
    if maker is None:
        return None
    keeper = Keeper.of(maker)
    link.grant.tenant = maker.grant.tenant = link.tenant
    scope = Scope.of(link.grant).within(Scope.of(maker.grant))
    if not scope.environment_ids:
        return None
    if link.board is not None:
        if not (link.board.shared or keeper.owns(link.board)):
            return None
        title, views = link.board.name, reports_on(link.board, keeper)
    elif link.view is not None and (link.view.shared or keeper.owns(link.view)):
        title, views = link.view.name, [link.view]
    else:
        return None
    return OpenLink(link, title, tuple(view for view in views if not about_one(view.query)), scope)


def title_of(link: ShareLink, keeper: Keeper) -> str:
    """The name of what it opens; of another's own no more than that it is one."""
    of = link.board or link.view
    if of is not None and (of.shared or keeper.owns(of)):
        return of.name
    return _("a board of its maker's own") if link.board_id else _("a report of its maker's own")


def state_of(link: ShareLink, now: datetime) -> str:
    """One of ``STATES``."""
    if link.revoked_at is not None:
        return "revoked"
    return "over" if link.expires_at <= now else "open"


def hosts() -> list[str]:
    """Whose pages may hold frames, by name; the wall must be open."""
    return list(FrameHost.objects.values_list("host", flat=True))


def name_hosts(keeper: Keeper, text: str) -> None:
    """Take these hosts in the place of all others. Raises ViewRefused."""
    if keeper.role != Role.OWNER:
        raise PermissionError
    wanted = sorted({word.strip().lower().removeprefix("https://").rstrip("/") for word in text.split()})
    wrong = [word for word in wanted if len(word) > 253 or not _HOST.fullmatch(word)]
    if wrong:
        raise ViewRefused(_("“%(host)s” is no host such as www.example.com.") % {"host": wrong[0][:80]})
    if len(wanted) > MOST_HOSTS:
        raise ViewRefused(_("At most %(n)s hosts can be named.") % {"n": MOST_HOSTS})
    with transaction.atomic():
        FrameHost.objects.exclude(host__in=wanted).delete()
        standing = set(hosts())
        new = [FrameHost(tenant=keeper.tenant, host=host) for host in wanted if host not in standing]
        FrameHost.objects.bulk_create(new)
    keeper.note("link.hosts", hosts=len(wanted))
