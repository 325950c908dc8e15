"""Who needs a second factor, from when on; and where its secrets sleep."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from portal.accounts.factors import GRACE, due_at, reset, set_rule, users_with_factor
from portal.accounts.members import add_member, whole
from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import SecondFactor, Tenant
from portal.vault import new_key, seal
from tests.conftest import member

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
LONG_AGO = timezone.now() - timedelta(days=100)


@pytest.fixture
def old(acme) -> Tenant:
    """A company whose rule and whose people are older than the days of grace."""
    acme.second_factor_since = LONG_AGO
    acme.save()
    return acme


def give_role(tenant: Tenant, user: User, role: Role) -> None:
    with wall.tenant(tenant):
        membership = Membership.objects.get(user=user)
        membership.role = role
        membership.save(update_fields=["role"])


def age(tenant: Tenant) -> None:
    with wall.tenant(tenant):
        Membership.objects.update(role_since=LONG_AGO)


def days_left(user: User) -> int | None:
    due = due_at(User.objects.get(pk=user.pk))
    return due and (due - timezone.now() + timedelta(hours=1)).days


@pytest.mark.parametrize(
    ("rule", "asked"),
    [
        (SecondFactor.NOBODY, ()),
        (SecondFactor.MANAGERS, (Role.OWNER, Role.MANAGER)),
        (SecondFactor.EVERYONE, (Role.OWNER, Role.MANAGER, Role.VIEWER)),
    ],
)
def test_the_rule_says_who_is_asked(old, rule, asked) -> None:
    Tenant.objects.update(second_factor=rule)
    people = {role: member(old, f"{role}@acme.example", role) for role in Role}
    age(old)
    assert [role for role, user in people.items() if due_at(user) == LONG_AGO + GRACE] == list(asked)


def test_the_days_of_grace_begin_with_the_role_and_not_with_joining(old) -> None:
    user = member(old, "vera@acme.example", Role.VIEWER)
    age(old)
    give_role(old, user, Role.MANAGER)
    assert days_left(user) == GRACE.days


def test_a_save_that_changes_no_role_gives_no_days(old, ana) -> None:
    age(old)
    give_role(old, ana, Role.OWNER)
    assert due_at(ana) == LONG_AGO + GRACE


def test_the_days_of_grace_begin_with_the_rule(old) -> None:
    user = member(old, "vera@acme.example", Role.VIEWER)
    age(old)
    assert due_at(user) is None
    set_rule(old, SecondFactor.EVERYONE)
    assert days_left(user) == GRACE.days


def test_saying_the_same_rule_again_gives_no_days(old, ana) -> None:
    age(old)
    set_rule(old, SecondFactor.MANAGERS)
    assert due_at(ana) == LONG_AGO + GRACE
    with wall.tenant(old):
        assert not Entry.objects.filter(action="tenant.second_factor").exists()


def test_an_administrator_is_asked_from_the_day_he_was_made_one(old) -> None:
    user = member(old, "vera@acme.example", Role.VIEWER)
    User.objects.update(date_joined=LONG_AGO)
    call_command("add_administrator", user.email)
    assert days_left(user) == GRACE.days
    User.objects.filter(pk=user.pk).update(staff_since=LONG_AGO)
    call_command("add_administrator", user.email)
    assert due_at(User.objects.get(pk=user.pk)) == LONG_AGO + GRACE


def test_the_earliest_of_several_rules_holds(old, globex, ana) -> None:
    age(old)
    add_member(globex, ana, whole(Role.OWNER))
    assert due_at(ana) == LONG_AGO + GRACE


def test_who_has_a_factor_is_asked_for_no_more(old, ana, bruno) -> None:
    age(old)
    TOTP.activate(ana, SECRET)
    RecoveryCodes.activate(bruno)
    assert due_at(ana) is None
    assert users_with_factor([ana.pk, bruno.pk]) == {ana.pk}


def test_a_reset_is_told_to_the_person_and_the_audit(old, ana, bruno) -> None:
    TOTP.activate(bruno, SECRET)
    RecoveryCodes.activate(bruno)
    assert reset(bruno, by=ana) == 1
    assert not Authenticator.objects.filter(user=bruno).exists()
    with wall.tenant(old):
        entry = Entry.objects.get(action="factors.reset")
    assert (entry.user_id, entry.about) == (ana.pk, {"user": bruno.pk, "factors": 1})


class TestSecretsOfFactors:
    def test_they_move_to_the_newest_key(self, ana, settings) -> None:
        app, codes = TOTP.activate(ana, SECRET), RecoveryCodes.activate(ana)
        shown = codes.generate_codes()
        kept, newest = settings.TOKEN_KEYS[0], new_key()
        settings.TOKEN_KEYS = [newest, kept]
        call_command("rotate_tokens")
        settings.TOKEN_KEYS = [newest]
        app.instance.refresh_from_db()
        codes.instance.refresh_from_db()
        assert SECRET not in str(app.instance.data)
        assert not app.validate_code("000000")
        assert codes.generate_codes() == shown

    def test_one_that_does_not_open_leaves_all_as_they_were(self, ana, settings) -> None:
        app, codes = TOTP.activate(ana, SECRET), RecoveryCodes.activate(ana)
        codes.instance.data["seed"] = seal("x", "elsewhere")
        codes.instance.save()
        kept = app.instance.data["secret"]
        with pytest.raises(CommandError, match="Nothing was changed"):
            call_command("rotate_tokens")
        app.instance.refresh_from_db()
        assert app.instance.data["secret"] == kept


def test_all_pages_name_the_same_day(client, old, ana) -> None:
    """By the clock of the company: half past ten at night there is the next day already by UTC."""
    night = datetime(2026, 11, 25, 1, 30, tzinfo=UTC)
    with wall.tenant(old):
        Membership.objects.update(role_since=night)
    Tenant.objects.update(second_factor_since=night)
    with time_machine.travel(night + timedelta(hours=1), tick=False):
        client.force_login(ana)
        for page in ("/t/acme/", reverse("second_factor"), "/t/acme/"):
            assert "second factor by 8 Dec 2026" in " ".join(client.get(page).content.decode().split()), page
