"""Saved views of the list of calls: kept, renamed, shared and dropped, each by whoever may.

A view is its owner's to change. A shared one is seen by every member, and a manager may drop it. One with digits of a
number is not shared: members who may not see numbers would read them there.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from portal.audit.record import record
from portal.tenants.models.people import Membership, Role
from reports.web.models import LONGEST_NAME, LONGEST_QUERY, DefaultView, SavedView

MOST_VIEWS = 100  # of one member
_NOT_KEPT = frozenset({"cursor", "view"})
_TELLING = frozenset({"number", "line"})


class ViewRefused(ValueError):
    """A view that can't be kept like this; the text says why in the active language."""


@dataclass(frozen=True, slots=True)
class View:
    """A saved view as a member sees it."""

    id: str
    name: str
    query: str
    shared: bool
    mine: bool
    owner: str
    is_default: bool
    may_drop: bool


def views(membership: Membership) -> list[View]:
    """A member's own views and the shared ones, by name. One query."""
    defaults = DefaultView.objects.filter(view_id=OuterRef("pk"), member_id=membership.user_id)
    rows = _seen(membership).select_related("owner").annotate(is_default=Exists(defaults))
    manages = Role(membership.role).covers(Role.MANAGER)
    visible = [
        View(
            id=str(row.public_id),
            name=row.name,
            query=row.query,
            shared=row.shared,
            mine=row.owner_id == membership.user_id,
            owner=str(row.owner),
            is_default=row.is_default,
            may_drop=row.owner_id == membership.user_id or manages,
        )
        for row in rows
    ]
    return sorted(visible, key=lambda view: (not view.mine, view.name.casefold(), view.id))


def keep(membership: Membership, name: str, query: str) -> SavedView:
    """A new view of the member's own. Raises ViewRefused."""
    if SavedView.objects.filter(owner_id=membership.user_id).count() >= MOST_VIEWS:
        raise ViewRefused(_("You have %(n)s views already: delete one first.") % {"n": MOST_VIEWS})
    view = SavedView(tenant=membership.tenant, owner=membership.user, name=_fit(name), query=_lasting_query(query))
    _save(view)
    record("view.saved", tenant_id=view.tenant_id, user=membership.user, about={"view": str(view.public_id)})
    return view


def rename(membership: Membership, view: UUID, name: str) -> None:
    row = _own(membership, view)
    row.name = _fit(name)
    _save(row)
    record("view.renamed", tenant_id=row.tenant_id, user=membership.user, about={"view": str(view)})


def share(membership: Membership, view: UUID, *, on: bool) -> None:
    row = _own(membership, view)
    if on and _TELLING & {key for key, _value in parse_qsl(row.query)}:
        raise ViewRefused(_("A view with a phone number can't be shared: not every member may see numbers."))
    row.shared = on
    row.save(update_fields=["shared", "changed_at"])
    if not on:
        DefaultView.objects.filter(view=row).exclude(member_id=membership.user_id).delete()
    action = "view.shared" if on else "view.unshared"
    record(action, tenant_id=row.tenant_id, user=membership.user, about={"view": str(view)})


def drop(membership: Membership, view: UUID) -> None:
    """Raises PermissionError for another's shared view, unless the member manages."""
    row = _seen(membership).get(public_id=view)
    if row.owner_id != membership.user_id and not Role(membership.role).covers(Role.MANAGER):
        raise PermissionError
    row.delete()
    record("view.deleted", tenant_id=membership.tenant_id, user=membership.user, about={"view": str(view)})


def open_with(membership: Membership, view: UUID | None) -> None:
    """Have the member's list open with a view of his own or a shared one, or with none."""
    mine = DefaultView.objects.filter(member_id=membership.user_id)
    if view is None:
        mine.delete()
        return
    row = _seen(membership).get(public_id=view)
    with transaction.atomic():
        mine.delete()
        DefaultView.objects.create(tenant=membership.tenant, member=membership.user, view=row)


def _seen(membership: Membership) -> QuerySet[SavedView]:
    rows: QuerySet[SavedView] = SavedView.objects.filter(Q(owner_id=membership.user_id) | Q(shared=True))
    return rows


def _own(membership: Membership, view: UUID) -> SavedView:
    """Raises DoesNotExist for a view the member does not see, PermissionError for another's."""
    row = _seen(membership).get(public_id=view)
    if row.owner_id != membership.user_id:
        raise PermissionError
    return row


def _save(view: SavedView) -> None:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        raise ViewRefused(_("You have a view named “%(name)s” already.") % {"name": view.name}) from None


def _fit(name: str) -> str:
    """The name without what cannot be seen. Raises ViewRefused for none, and for one too long."""
    seen = "".join(" " if unicodedata.category(mark)[0] in "CZ" else mark for mark in name)
    clean = " ".join(seen.split())
    if not clean:
        raise ViewRefused(_("Give the view a name."))
    if len(clean) > LONGEST_NAME:
        raise ViewRefused(_("A name has at most %(n)s characters.") % {"n": LONGEST_NAME})
    return clean


def _lasting_query(query: str) -> str:
    """The query without what belongs to a moment. Raises ViewRefused for one that is too long."""
    pairs: Mapping[str, str] = dict(parse_qsl(query.lstrip("?")))
    lasting = urlencode({name: value for name, value in pairs.items() if name not in _NOT_KEPT}, safe=",")
    if len(lasting) > LONGEST_QUERY:
        raise ViewRefused(_("These are too many filters for one view."))
    return lasting
