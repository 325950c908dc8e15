"""Saved views of the list of calls, and saved reports: kept, renamed, replaced, shared and dropped by whoever may.

One is its owner's to change. A shared one is seen by every member, as far as he sees what it asks for, and a manager
may drop it; reports are shared by managers, who may change each other's too. One with digits of a number is not shared:
members who may not see numbers would read them there. The company's own, whose owner has left, are the managers'.
What a link, mail or schedule of someone else's shows is changed by people with its rights alone.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from portal.audit.record import record
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Tenant
from portal.tenants.rights import Holding, may_act_on
from reports.saved.models import (
    LONGEST_NAME,
    LONGEST_QUERY,
    Board,
    DefaultView,
    SavedView,
    ShareLink,
    ViewOf,
)

MOST_VIEWS = 100  # of one member, of one page
# What belongs to a moment; "view" names a saved view in the list of calls, and in a report how it is shown.
_NOT_KEPT = {ViewOf.CALLS: frozenset({"cursor", "view"}), ViewOf.REPORT: frozenset({"page", "saved"})}
# Who finds the links, mails and schedules that show a report or a board; by name, for they are built on this module.
USES = ("reports.saved.share_links.uses", "reports.mail.content.uses", "reports.handover.access.uses")
_TELLING = frozenset({"number", "line"})


class ViewRefused(ValueError):
    """Something that can't be kept like this; the text says why in the active language."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who keeps and sees: a member, or an API key, which has no ``user`` and keeps nothing of its own. One without a
    ``grant`` only reads."""

    tenant: Tenant
    role: Role
    user: User | None
    grant: Grant | None = None
    environment_id: int | None = None  # of a key that is bound to one

    @classmethod
    def of(cls, membership: Membership) -> "Keeper":
        return cls(membership.tenant, Role(membership.role), membership.user, membership.grant)

    @property
    def holding(self) -> Holding | None:
        return Holding.of(self.role, self.grant, environment_id=self.environment_id) if self.grant else None

    def out_of_reach(self, uses: "Iterable[Use]") -> "list[Use]":
        """Those with more rights than the keeper; what they made themselves never shows more than they see."""
        others = [use for use in uses if self.user is None or use.maker_id != self.user.pk]
        effects = Holding.by_grant(use.grant for use in others)
        own = self.holding if others else None
        return [use for use in others if own is None or not may_act_on(own, [effects[use.grant.pk]])]

    @property
    def user_id(self) -> int | None:
        return self.user.pk if self.user is not None else None

    def owns(self, row: SavedView | Board) -> bool:
        """Whether it is his; what has no owner is nobody's."""
        return self.user is not None and row.owner_id == self.user.pk

    @property
    def manages(self) -> bool:
        return self.role.covers(Role.MANAGER)

    def note(self, action: str, **about: str | int) -> None:
        """Keep in the tenant's audit what he did."""
        record(action, tenant_id=self.tenant.pk, user=self.user, about=about)


class Use(NamedTuple):
    """A link, mail or schedule that shows a saved report or a board: with which rights, and who made it."""

    grant: Grant
    maker_id: int | None


@dataclass(frozen=True, slots=True)
class View:
    """A saved view or report as a member sees it; ``owner`` is "" of one whose owner has left."""

    id: str
    name: str
    query: str
    shared: bool
    mine: bool
    owner: str
    is_default: bool
    may_change: bool
    may_share: bool
    may_drop: bool
    changed_at: datetime


def views(keeper: Keeper, page: ViewOf = ViewOf.CALLS) -> list[View]:
    """A member's own and the shared ones, by name. One query."""
    defaults = DefaultView.objects.filter(view_id=OuterRef("pk"), member_id=keeper.user_id)
    rows = kept_for(keeper, page).select_related("owner").annotate(is_default=Exists(defaults))
    visible = [_view(row, keeper) for row in rows]
    return sorted(visible, key=lambda view: (not view.mine, view.name.casefold(), view.id))


def _view(row: Any, keeper: Keeper) -> View:
    mine = keeper.owns(row)
    changes = may_change(row, keeper)
    return View(
        id=str(row.public_id),
        name=row.name,
        query=row.query,
        shared=row.shared,
        mine=mine,
        owner=str(row.owner or ""),
        is_default=row.is_default,
        may_change=changes,
        may_share=changes and (row.page == ViewOf.CALLS or keeper.manages),
        may_drop=keeper.user is not None and (mine or keeper.manages),
        changed_at=row.changed_at,
    )


def may_change(row: SavedView, keeper: Keeper) -> bool:
    """Its owner; of a report that the company shares, and of a view whose owner has left, any manager too."""
    if keeper.user is None:
        return False
    companys = row.shared and (row.page == ViewOf.REPORT or row.owner_id is None)
    return keeper.owns(row) or (companys and keeper.manages)


def keep(keeper: Keeper, name: str, query: str, page: ViewOf = ViewOf.CALLS) -> SavedView:
    """A new one of the member's own. Raises ViewRefused, and PermissionError for who is no member."""
    if keeper.user is None:
        raise PermissionError
    if SavedView.objects.filter(owner_id=keeper.user_id, page=page).count() >= MOST_VIEWS:
        if page == ViewOf.REPORT:
            raise ViewRefused(_("You have %(n)s saved reports already: delete one first.") % {"n": MOST_VIEWS})
        raise ViewRefused(_("You have %(n)s views already: delete one first.") % {"n": MOST_VIEWS})
    view = SavedView(
        tenant=keeper.tenant, owner=keeper.user, page=page, name=fit_name(name), query=lasting_query(query, page)
    )
    _save(view)
    keeper.note("view.saved", view=str(view.public_id))
    return view


def rename(keeper: Keeper, view: UUID, name: str) -> None:
    row = _changeable(keeper, view)
    row.name = fit_name(name)
    _save(row)
    keeper.note("view.renamed", view=str(view))


def replace(keeper: Keeper, view: UUID, query: str) -> None:
    """Have it ask for something else, under its name. A shared one keeps to what may be shared."""
    row = _changeable(keeper, view)
    row.query = lasting_query(query, ViewOf(row.page))
    if row.shared:
        _demand_shareable(row)
    row.save(update_fields=["query", "changed_at"])
    keeper.note("view.replaced", view=str(view))


def share(keeper: Keeper, view: UUID, *, on: bool) -> None:
    """Share it, or keep it to its owner again; one whose owner has left becomes his who keeps it to himself."""
    row = _changeable(keeper, view, takes_back=not on)
    if row.page == ViewOf.REPORT and not keeper.manages:
        raise PermissionError
    if on:
        _demand_shareable(row)
    row.shared = on
    row.owner = row.owner if on else row.owner or keeper.user
    _save(row)
    if not on:
        DefaultView.objects.filter(view=row).exclude(member_id=row.owner_id).delete()
    keeper.note("view.shared" if on else "view.unshared", view=str(view))


def drop(keeper: Keeper, view: UUID) -> None:
    """Raises PermissionError for another's shared view, unless the member manages."""
    row = kept_for(keeper).get(public_id=view)
    if keeper.user is None or not (keeper.owns(row) or keeper.manages):
        raise PermissionError
    demand_rights(keeper, row, takes_back=True)
    take_away(row)
    keeper.note("view.deleted", view=str(view))


def take_away(row: SavedView | Board) -> None:
    """With the links to it, and what these may see."""
    with transaction.atomic():
        links = ShareLink.objects.filter(board=row) if isinstance(row, Board) else ShareLink.objects.filter(view=row)
        grants = list(links.values_list("grant_id", flat=True))
        row.delete()
        Grant.objects.filter(pk__in=grants).delete()


def open_with(keeper: Keeper, view: UUID | None) -> None:
    """Have the member's list of calls open with a view of his own or a shared one, or with none."""
    if keeper.user is None:
        raise PermissionError
    mine = DefaultView.objects.filter(member_id=keeper.user_id)
    if view is None:
        mine.delete()
        return
    row = kept_for(keeper, ViewOf.CALLS).get(public_id=view)
    with transaction.atomic():
        mine.delete()
        DefaultView.objects.create(tenant=keeper.tenant, member=keeper.user, view=row)


def kept_for(keeper: Keeper, page: ViewOf | None = None) -> QuerySet[SavedView]:
    """Those that he may open: his own and the shared ones. Who is no member has the shared ones."""
    mine = Q(owner_id=keeper.user_id) if keeper.user is not None else Q()
    rows: QuerySet[SavedView] = SavedView.objects.filter(mine | Q(shared=True) if mine else Q(shared=True))
    return rows if page is None else rows.filter(page=page)


def tells_numbers(query: str) -> bool:
    """Whether digits of a number stand in a query."""
    return bool(_TELLING & {key for key, _value in parse_qsl(query)})


def about_one(query: str) -> bool:
    """Whether a question singles out a person or a line."""
    return tells_numbers(query) or "contact" in dict(parse_qsl(query))


def _demand_shareable(row: SavedView) -> None:
    if not tells_numbers(row.query):
        return
    if row.page == ViewOf.REPORT:
        raise ViewRefused(_("A report about a phone number can't be shared: not every member may see numbers."))
    raise ViewRefused(_("A view with a phone number can't be shared: not every member may see numbers."))


def demand_rights(keeper: Keeper, row: SavedView | Board, *, takes_back: bool = False) -> None:
    """Raises PermissionError, with a sentence, if something that shows this report or board has more rights than the
    keeper: it would show a question of theirs with these. Taking back one's own is always allowed."""
    if takes_back and keeper.owns(row):
        return
    if isinstance(row, Board):
        views, boards = [], [row]
    else:
        views, boards = [row], list(Board.objects.filter(places__view=row))
    if keeper.out_of_reach(use for find in USES for use in import_string(find)(views, boards)):
        text = _(
            "A share link, mail or schedule shows this with access to more data than you have. Ask the person who "
            "created it, or an owner with full access."
        )
        raise PermissionError(text)


def _changeable(keeper: Keeper, view: UUID, *, takes_back: bool = False) -> SavedView:
    """Raises DoesNotExist for one that the member does not see, PermissionError for one that they may not change."""
    row = kept_for(keeper).get(public_id=view)
    if not may_change(row, keeper):
        raise PermissionError
    demand_rights(keeper, row, takes_back=takes_back)
    return row


def _save(view: SavedView) -> None:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        if view.page == ViewOf.REPORT:
            raise ViewRefused(_("You have a report named “%(name)s” already.") % {"name": view.name}) from None
        raise ViewRefused(_("You have a view named “%(name)s” already.") % {"name": view.name}) from None


def fit_name(name: str) -> str:
    """The name without what cannot be seen. Raises ViewRefused for none, and for one too long."""
    visible = "".join(" " if unicodedata.category(mark)[0] in "CZ" else mark for mark in name)
    clean = " ".join(visible.split())
    if not clean:
        raise ViewRefused(_("Give it a name."))
    if len(clean) > LONGEST_NAME:
        raise ViewRefused(_("A name has at most %(n)s characters.") % {"n": LONGEST_NAME})
    return clean


def lasting_query(query: str, page: ViewOf) -> str:
    """The query without what belongs to a moment. Raises ViewRefused for one that is too long."""
    pairs: Mapping[str, str] = dict(parse_qsl(query.lstrip("?")))
    lasting = urlencode({name: value for name, value in pairs.items() if name not in _NOT_KEPT[page]}, safe=",")
    if len(lasting) > LONGEST_QUERY:
        raise ViewRefused(_("These are too many filters for one view."))
    return lasting
