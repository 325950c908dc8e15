"""People as acts: find one, make one, give him a place in a tenant, change it, take it away.

Owners act on members; ``by`` None is an administrator at the console. Nobody gives more than he has, or acts on who has
more, and a tenant keeps an owner.
"""

from typing import Any
from urllib.parse import quote

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.keys import revoke_key
from portal.accounts.models import Invitation
from portal.audit.record import Changes, Value, record
from portal.tenants import wall
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Tenant
from portal.tenants.rights import Holding, Rights, may_act_on

HAS_MORE = gettext_lazy("This person has more rights than you. Ask an owner with full access.")
EVERY = "all"  # in the audit, in place of each by its id


class NotPossible(Exception):
    """An act on members that is refused; the text tells the person who asked for it why."""


def find_person(email: str) -> User | None:
    """Whoever signs in with that address, in whatever case it is written.

    Addresses are kept in lower case. PostgreSQL would take other letters for equal as well: ı for i, ſ for s.
    """
    return User.objects.filter(email=email.lower()).first()


def add_person(email: str, password: str = "", *, language: str = "", name: str = "") -> User:
    """A new person. Without a password he can't sign in until he has chosen one."""
    return User.objects.create_user(email, password or None, language=language, name=name)


def give_password(person: User, password: str) -> str:
    """Give somebody who has none a password, unless it is empty; returns what is weak about it, or ""."""
    if not password or person.has_usable_password():
        return ""
    weak = ""
    try:
        validate_password(password, person)
    except ValidationError as error:
        weak = " ".join(error.messages)
    person.set_password(password)
    person.save(update_fields=["password"])
    return weak


def whole(role: Role) -> Holding:
    """A role with every environment and agent in sight; owners see full numbers."""
    return Holding(role, Rights(), sees_numbers=role == Role.OWNER, looks_up=False)


def add_member(tenant: Tenant, user: User, holding: Holding, *, by: Any = None) -> Membership:
    """Give a person a place in the tenant. Who may ask for it is the caller's to check. Audited."""
    with wall.tenant(tenant), transaction.atomic():
        membership = Membership.objects.create(
            tenant=tenant, user=user, role=holding.role, grant=make_grant(tenant, holding)
        )
        about: dict[str, str | int] = {"user": user.pk, "role": str(holding.role)}
        record("member.added", tenant_id=tenant.pk, user=by, about=about, changes=changes(None, holding))
    return membership


def change_member(membership: Membership, holding: Holding, *, by: User | None) -> None:
    """Give a member another role or other rights, from his next request on. Raises :class:`NotPossible`.

    Keys that he made and that may more than he now may are revoked. Audited.
    """
    with wall.tenant(membership.tenant_id), transaction.atomic():
        row = _locked(membership)
        was = holding_of(row)
        demand_owner(by, gives=holding, over=was)
        if holding.role != Role.OWNER:
            _keep_an_owner(row)
        row.role = holding.role
        row.save(update_fields=["role"])
        _write(row, holding)
        revoke_excess(row, by=by)
        about: dict[str, str | int] = {"user": row.user_id, "member": str(row.public_id)}
        record("member.changed", tenant_id=row.tenant_id, user=by, about=about, changes=changes(was, holding))


def remove_member(membership: Membership, *, by: User | None) -> None:
    """Take a person out of the tenant, from his next request on. Raises :class:`NotPossible`.

    The keys he made are revoked, his invitations withdrawn; what mail waits for him is held back as it leaves. Audited.
    """
    with wall.tenant(membership.tenant_id), transaction.atomic():
        row = _locked(membership)
        demand_owner(by, over=holding_of(row))
        _keep_an_owner(row)
        _take_out(row, by)


def remove_at_console(membership: Membership, *, by: Any) -> None:
    """As :func:`remove_member`, for an administrator, who may take out the last owner as well."""
    with wall.tenant(membership.tenant_id), transaction.atomic():
        _take_out(_locked(membership), by)


def revoke_excess(membership: Membership, *, by: Any) -> None:
    """Revoke the keys that a member made and that may more than he now may. The wall must be open."""
    holding = holding_of(membership)
    for key in _keys_of(membership.user_id):
        if not holding.covers(Holding.of(key.role, key.grant)):
            revoke_key(key, by=by)


def holding_of(membership: Membership) -> Holding:
    """What a member has. The wall must be open."""
    return Holding.of(membership.role, membership.grant)


def demand_owner(by: User | None, *, gives: Holding | None = None, over: Holding | None = None) -> None:
    """Raise :class:`NotPossible` for who is no owner here, or has less than he gives, or than what he acts on. The wall
    must be open."""
    if by is None:
        return
    rows = Membership.objects.select_related("grant").filter(user_id=by.pk, user__is_active=True, role=Role.OWNER)
    membership = rows.first()
    if membership is None:
        raise NotPossible(_("Your role in this company does not allow this."))
    own = holding_of(membership)
    if over is not None and not may_act_on(own, [over]):
        raise NotPossible(HAS_MORE)
    if gives is not None and not may_act_on(own, [gives]):
        raise NotPossible(_("Nobody can give more rights than he has."))


def make_grant(tenant: Tenant, holding: Holding) -> Any:
    """A grant of its own for what is held. The wall must be open."""
    return holding.rights.make_grant(tenant, sees_numbers=holding.sees_numbers, looks_up=holding.looks_up)


def changes(was: Holding | None, now: Holding | None) -> Changes:
    """Role and rights before and after, as the audit keeps them."""
    before, after = _told(was), _told(now)
    return {name: (before.get(name), after.get(name)) for name in before | after}


def _told(holding: Holding | None) -> dict[str, Value]:
    if holding is None:
        return {}
    environments, agents = holding.rights.environments, sorted(holding.rights.agents)
    return {
        "role": str(holding.role),
        "environments": [EVERY] if environments is None else sorted(environments),
        # With a word before it, so that no id of digits is taken for somebody's number.
        "agents": [f"agent:{quote(key, safe='')}"[:180] for key in agents] or [EVERY],
        "sees_numbers": holding.sees_numbers,
        "looks_up": holding.looks_up,
    }


def _locked(membership: Membership) -> Membership:
    """The row as it stands now; acts on members of one tenant come one after the other."""
    Tenant.objects.select_for_update().get(pk=membership.tenant_id)
    row = Membership.objects.select_related("grant", "user").filter(pk=membership.pk).first()
    if row is None:
        raise NotPossible(_("This person is no member any more."))
    return row


def _keep_an_owner(row: Membership) -> None:
    owners = Membership.objects.filter(role=Role.OWNER, user__is_active=True)
    if row.role == Role.OWNER and not owners.exclude(pk=row.pk).exists():
        raise NotPossible(_("A company keeps at least one owner. Make somebody else an owner first."))


def _take_out(row: Membership, by: User | None) -> None:
    was, keys = holding_of(row), _keys_of(row.user_id)
    for key in keys:
        revoke_key(key, by=by)
    withdrawn = Invitation.objects.filter(Invitation.OPEN, invited_by_id=row.user_id)
    about: dict[str, str | int] = {
        "user": row.user_id,
        "member": str(row.public_id),
        "keys": len(keys),
        "invitations": withdrawn.update(withdrawn_at=Now()),
    }
    grant = row.grant
    row.delete()
    grant.delete()
    record("member.removed", tenant_id=row.tenant_id, user=by, about=about, changes=changes(was, None))


def _keys_of(user_id: int) -> list[ApiKey]:
    """The keys that stand of those that a person made."""
    return list(ApiKey.objects.select_related("grant").filter(made_by_id=user_id, revoked_at=None))


def _write(row: Membership, holding: Holding) -> None:
    grant, rights = row.grant, holding.rights
    grant.all_environments, grant.agent_keys = rights.environments is None, sorted(rights.agents)
    grant.sees_numbers, grant.looks_up = holding.sees_numbers, holding.looks_up
    grant.save()
    grant.environments.set(rights.environments or ())
