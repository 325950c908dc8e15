"""API keys as acts and as commands: rotated with an overlap, listed, revoked."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from portal.accounts.keys import NewKey, NotStanding, issue_key, revoke_key, rotate_key
from portal.audit.models import Entry
from portal.lib.ids import uuid7
from portal.tenants import wall
from portal.tenants.guards import reader_of_key
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Role
from portal.tenants.rights import Rights

DAY = timedelta(days=1)


def fresh(key: ApiKey) -> ApiKey:
    with wall.tenant(key.tenant_id):
        return ApiKey.objects.select_related("grant", "made_by").get(pk=key.pk)


def test_a_key_sees_within_the_rights_it_was_given(acme, sales, care, ana) -> None:
    rights = Rights(frozenset({sales.pk}), frozenset({"agent-1"}))
    _, narrow = issue_key(acme, NewKey("a", rights=rights), by=ana)
    _, outside = issue_key(acme, NewKey("b", environment=care, rights=rights), by=ana)
    readers = [reader_of_key(secret) for secret in (narrow, outside)]

    with wall.tenant(acme):
        assert [list(reader.grant.environments.all()) for reader in readers] == [[sales], []]
    assert [reader.grant.agent_keys for reader in readers] == [["agent-1"], ["agent-1"]]
    assert {reader.key.made_by_id for reader in readers} == {ana.pk}


def test_a_rotated_key_goes_on_for_the_overlap_and_no_longer(acme, sales, ana) -> None:
    key, secret = issue_key(
        acme,
        NewKey("a", Role.MANAGER, sales, looks_up=True, expires_at=timezone.now() + 30 * DAY),
        by=ana,
    )
    new, new_secret = rotate_key(key, overlap=DAY, by=ana)

    assert (reader_of_key(secret), reader_of_key(new_secret)) != (None, None)
    old, row = fresh(key), fresh(new)
    assert abs(old.expires_at - timezone.now() - DAY) < timedelta(minutes=5)
    assert abs(row.expires_at - timezone.now() - 30 * DAY) < timedelta(minutes=5)
    assert (row.name, row.role, row.environment_id, row.grant.looks_up) == ("a", "manager", sales.pk, True)
    with wall.tenant(acme):
        entry = Entry.objects.get(action="key.rotated")
        assert entry.about == {"key": str(new.public_id), "replaces": str(key.public_id), "overlap_hours": 24}
        ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())
    assert reader_of_key(secret) is None


def test_a_key_ends_with_the_account_of_who_made_it(acme, ana) -> None:
    _, secret = issue_key(acme, NewKey("a"), by=ana)
    _, nobodys = issue_key(acme, NewKey("b"))
    ana.is_active = False
    ana.save()
    assert reader_of_key(secret) is None
    assert reader_of_key(nobodys) is not None


def test_a_rotation_never_makes_a_key_last_longer(acme) -> None:
    soon = timezone.now() + timedelta(hours=1)
    key, _ = issue_key(acme, NewKey("a", expires_at=soon))
    rotate_key(key, overlap=7 * DAY)
    assert fresh(key).expires_at == soon


def test_a_key_that_is_over_is_not_rotated(acme) -> None:
    key, _ = issue_key(acme, NewKey("a"))
    assert revoke_key(key)
    assert not revoke_key(key)
    with pytest.raises(NotStanding):
        rotate_key(key, overlap=DAY)


def test_the_commands_list_and_revoke(acme, globex, sales, ana, capsys) -> None:
    key, secret = issue_key(acme, NewKey("Warehouse", environment=sales, looks_up=True), by=ana)
    issue_key(globex, NewKey("canary-of-globex"))

    call_command("list_keys", tenant="acme", json=True)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["keys"]
    call_command("list_keys", tenant="acme")
    table = capsys.readouterr().out
    call_command("revoke_key", str(key.public_id))

    assert [(row["id"], row["state"], row["look_up"], row["made_by"]) for row in told] == [
        (str(key.public_id), "standing", True, ana.email)
    ]
    assert secret not in table + json.dumps(told)
    assert all(word in table for word in (str(key.public_id), "Warehouse", "Sales", "never"))
    assert "canary" not in table
    assert reader_of_key(secret) is None
    with pytest.raises(CommandError, match="no API key"):
        call_command("revoke_key", str(uuid7()))


def test_the_command_adds_a_key_that_may_look_up(acme, capsys) -> None:
    call_command("add_key", tenant="acme", name="crm", look_up=True)
    reader = reader_of_key(capsys.readouterr().out.strip())
    assert (reader.grant.looks_up, reader.grant.sees_numbers) == (True, False)
