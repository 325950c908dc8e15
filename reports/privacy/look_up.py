"""Looking up a number that one holds in hand, and having one number shown for a reason, without seeing numbers.

Both take from one daily budget of the reader and are kept in the audit, by ids only. What is asked for becomes the
contact's opaque id, so nothing beyond this module is ever searched by a number.
See portal/decisions/0035-numbers-that-stay-hidden.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from portal.audit.record import record
from portal.lib import phones
from portal.outbox import post
from portal.outbox.models import Letter
from portal.outbox.render import Button, letter
from portal.outbox.tasks import enqueue
from portal.privacy.budget import Budget, seconds_left, spend, today
from portal.privacy.models import Reveal
from portal.tenants.brand import address_of, look_of
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Tenant
from portal.work.retries import persist
from reports.definitions.filters import QuestionError
from reports.queries.calls.masks import hide_in
from reports.queries.contacts.contact import NoContact, latest_call
from reports.queries.contacts.ids import contact_digits_of, contact_id
from reports.queries.refused import no_search
from reports.queries.run import NotNow
from reports.queries.scope import Scope

LEAST_REASON, MOST_REASON = 5, 200  # signs


class UsedUp(NotNow):
    """The reader has asked for as many numbers as he may in a day."""

    status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return _("You have looked up as many numbers as you may in one day. Tomorrow you may look up more.")


@dataclass(frozen=True, slots=True)
class NumberAsker:
    """Who asks, from where: a member, or an API key."""

    tenant: Tenant
    grant: Grant
    user: Any = None
    key: ApiKey | None = None
    address: str | None = None

    @property
    def account(self) -> int:
        """The grant whose budget is spent. A key's maker who may not see numbers either shares his with it, so that
        nobody makes himself more by making keys. The wall must be open."""
        if self.key is None or self.key.made_by_id is None:
            return self.grant.pk
        makers = Membership.objects.filter(user_id=self.key.made_by_id, grant__sees_numbers=False)
        return makers.values_list("grant_id", flat=True).first() or self.grant.pk

    @property
    def name(self) -> str:
        if self.key is not None:
            return _("API key %(name)s") % {"name": self.key.name}
        return str(self.user.email)

    def note(self, action: str, about: Mapping[str, str | int]) -> None:
        record(
            action,
            tenant_id=self.tenant.pk,
            user=self.user if self.key is None else None,
            key=self.key,
            about=about,
            address=self.address,
        )


def look_up(number: str, scope: Scope, asker: NumberAsker) -> str:
    """The opaque id of the contact that a whole number names, whether any call of it may be seen or not.

    Raises QuestionError, and UsedUp. The wall of the tenant must be open.
    """
    if not scope.may_look_up:
        raise QuestionError({"number": no_search()})
    contact = phones.whole(number)
    if not contact:
        text = _("Give one whole number with + and country code, as in +55 11 98765-4321.")
        raise QuestionError({"number": text})
    public_id = contact_id(contact, scope)
    if not scope.sees_numbers:
        persist(lambda: _pay(contact, _found(public_id, scope), asker))
    return public_id


def reveal(public_id: str, reason: str, scope: Scope, asker: NumberAsker) -> str:
    """The number of a contact, whole. Raises PermissionDenied, NoContact, QuestionError and UsedUp.

    The wall of the tenant must be open.
    """
    if not scope.may_look_up:
        raise PermissionDenied(_("You may not see numbers."))
    contact, found = contact_digits_of(public_id, scope), _found(public_id, scope)
    if not found or phones.is_erased(contact):
        raise NoContact
    said = " ".join(reason.split())
    if not LEAST_REASON <= len(said) <= MOST_REASON:
        text = _("Say in a few words why you need the number, in %(most)s signs at most.") % {"most": MOST_REASON}
        raise QuestionError({"reason": text})
    persist(lambda: _show(contact, hide_in(said, [contact], free=True), found, scope, asker))
    return phones.written(contact)


def reasons(abouts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What was written where numbers were shown, by the ids that audit entries have of it."""
    ids = {about["reveal"] for about in abouts if "reveal" in about}
    rows = Reveal.objects.filter(public_id__in=ids) if ids else Reveal.objects.none()
    return {str(row.public_id): row.reason for row in rows}


def objection(message: Letter) -> str:
    """Why the mail about a budget may not leave any more: its reader is no owner now."""
    return "" if message.to in {owner.email.lower() for owner in _owners()} else "no longer an owner"


def _found(public_id: str, scope: Scope) -> dict[str, str | int]:
    """What an entry tells of a contact: a call of his, which an erasure leaves without the number."""
    call = latest_call(public_id, scope)
    return {"call": call} if call else {}


def _show(contact: str, reason: str, found: Mapping[str, str | int], scope: Scope, asker: NumberAsker) -> None:
    with transaction.atomic():
        if not scope.sees_numbers:
            _pay(contact, {}, asker, entry=False)
        shown = Reveal.objects.create(tenant_id=asker.tenant.pk, reason=reason)
        asker.note("number.shown", {**found, "reveal": str(shown.public_id)})


def _pay(contact: str, found: Mapping[str, str | int], asker: NumberAsker, *, entry: bool = True) -> None:
    """Take a number from the budget, with the entry of a look-up and the alarm in one transaction. Raises UsedUp."""
    with transaction.atomic():
        budget = spend(asker.tenant, asker.account, contact)
        if not budget.allowed:
            raise UsedUp(seconds_left(asker.tenant))
        if entry and budget.is_new:
            asker.note("number.looked_up", {**found, "used": budget.used})
        if budget.is_new and not budget.left:
            asker.note("number.looked_up_enough", {"used": budget.used})
            _tell_owners(budget, asker)


def _tell_owners(budget: Budget, asker: NumberAsker) -> None:
    tenant, day = asker.tenant, today(asker.tenant)
    audit = reverse("reports_web:audit", args=[tenant.slug])
    for owner in _owners():
        with translation.override(owner.language or tenant.language):
            facts = {"who": asker.name, "n": budget.used, "company": tenant.name}
            mail = letter(
                _("All look-ups of a day are used up"),
                [
                    _(
                        "%(who)s has looked up %(n)s numbers in %(company)s today, as many as one may who does not "
                        "see numbers. Further ones are refused until tomorrow."
                    )
                    % facts,
                    _("Is that what the right was given for? The audit says which calls the numbers belong to."),
                ],
                Button(_("Open the audit"), f"{address_of(tenant)}{audit}?action=number.looked_up"),
                small=[_("You get this because you are an owner. Numbers stand in neither mail nor audit.")],
                look=look_of(tenant),
            )
            message = post.put(
                tenant_id=tenant.pk,
                to=owner.email,
                subject=mail.subject,
                text=mail.text,
                html=mail.html,
                headers={"Auto-Submitted": "auto-generated"},
                reference=f"look-ups:{asker.account}:{day.isoformat()}:{owner.pk}",
                conduct=post.Conduct(rule="look-ups"),
            )
            transaction.on_commit(partial(enqueue, tenant.pk, message.pk))


def _owners() -> list[User]:
    """The active owners of the tenant whose wall is open."""
    rows = Membership.objects.filter(role=Role.OWNER, user__is_active=True).select_related("user")
    return [row.user for row in rows]
