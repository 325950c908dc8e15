"""The audit: written once, read by its own tenant, about ids only."""

import json
import threading

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from portal.accounts.keys import NewKey, issue_key, revoke_key
from portal.audit.chain import first_break
from portal.audit.models import Entry, Permanent, PlatformEntry
from portal.audit.record import record
from portal.tenants import row_security, wall
from portal.tenants.models.tenants import Tenant
from portal.work.retries import persist


def acts(tenant) -> list[tuple[str, int | None]]:
    with wall.tenant(tenant):
        return list(Entry.objects.order_by("id").values_list("action", "user_id"))


def test_an_entry_is_never_changed(acme, ana) -> None:
    entries = [record("a.b", tenant_id=acme.pk, user=ana, about={"run": 7}), record("a.b", tenant_id=None)]
    with wall.tenant(acme):
        for entry in entries:
            everything = type(entry).objects.all()
            for write in (
                entry.save,
                entry.delete,
                everything.delete,
                lambda rows=everything: rows.update(action="x"),
                lambda row=entry, rows=everything: rows.bulk_update([row], ["action"]),
                lambda row=entry, rows=everything: rows.update_or_create(pk=row.pk, defaults={"action": "x"}),
                lambda row=entry, rows=everything: rows.bulk_create([row], update_conflicts=True),
            ):
                with pytest.raises((Permanent, ProgrammingError)), transaction.atomic():
                    write()
            assert type(entry).objects.get(action="a.b").about == entry.about


@pytest.mark.parametrize("value", ["ana@acme.example", 1.5, None, ["x"], "x" * 201])
def test_entries_are_about_ids_only(acme, value) -> None:
    with pytest.raises(ValueError, match="ids"):
        record("a.b", tenant_id=acme.pk, about={"who": value})


def test_an_entry_outlives_the_person(acme, ana) -> None:
    record("a.b", tenant_id=acme.pk, user=ana)
    number = ana.pk
    with wall.every_tenant("a test"):
        ana.delete()

    assert acts(acme) == [("a.b", number)]


def test_keys(acme, globex, ana) -> None:
    key, secret = issue_key(acme, NewKey("a"), by=ana)
    revoke_key(key, by=ana)
    revoke_key(key, by=ana)

    assert acts(acme) == [("key.created", ana.pk), ("key.revoked", ana.pk)]
    assert acts(globex) == []
    with wall.tenant(acme):
        assert secret not in str(list(Entry.objects.values()))


def test_signing_in_and_out(client, acme, globex, ana) -> None:
    client.post("/accounts/login/", {"login": "ANA@acme.example", "password": "correct horse battery"})
    client.post("/accounts/logout/")

    assert acts(acme) == [("person.signed_in", ana.pk), ("person.signed_out", ana.pk)]
    assert acts(globex) == []
    with wall.tenant(acme):
        assert {entry.address for entry in Entry.objects.all()} == {"127.0.0.1"}


def test_a_failed_sign_in_costs_the_same_for_known_and_unknown(client, acme, ana) -> None:
    record("a.b", tenant_id=None)  # the very first entry also begins the chain
    client.get("/accounts/login/")  # the very first page asks whether the portal is empty
    counts = []
    for email in ("ana@acme.example", "nobody@acme.example"):
        with CaptureQueriesContext(connection) as queries:
            client.post("/accounts/login/", {"login": email, "password": "wrong"})
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert list(PlatformEntry.objects.order_by("id").values_list("action", "user_id")) == [
        ("a.b", None),
        ("person.sign_in_failed", ana.pk),
        ("person.sign_in_failed", None),
    ]
    assert "@" not in str(list(PlatformEntry.objects.values("about")))


def _chain(tenant) -> list[Entry]:
    with wall.tenant(tenant):
        return list(Entry.objects.order_by("number"))


def test_entries_of_a_tenant_are_a_chain_of_their_own(acme, globex, ana) -> None:
    for tenant_id in (acme.pk, globex.pk, acme.pk, None):
        record("a.b", tenant_id=tenant_id, user=ana, about={"run": 7}, address="2001:db8::1")

    first, second = _chain(acme)
    assert (first.number, first.previous, second.number, second.previous) == (1, "", 2, first.digest)
    assert [entry.number for entry in _chain(globex)] == [1]
    assert [first_break(tenant_id) for tenant_id in (acme.pk, globex.pk, None)] == [None, None, None]


def _behind_our_back(sql: str, *params: object) -> None:
    with row_security.as_owner(), connection.cursor() as cursor:
        cursor.execute(sql, params)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("sql", "number", "reason"),
    [
        ("UPDATE audit_entry SET action = 'nothing.special' WHERE number = 2", 2, "does not say"),
        ("UPDATE audit_entry SET user_id = NULL WHERE number = 2", 2, "does not say"),
        ("DELETE FROM audit_entry WHERE number = 2", 2, "missing"),
        ("DELETE FROM audit_entry WHERE number = 3", 3, "missing at the end"),
        ("UPDATE audit_entry SET previous = digest WHERE number = 3", 3, "not sealed"),
        ("DELETE FROM audit_entryhead", 4, "end was not noted"),
    ],
)
def test_what_was_done_to_a_chain_is_named(acme, ana, capsys, sql, number, reason) -> None:
    for action in ("a.one", "a.two", "a.three"):
        record(action, tenant_id=acme.pk, user=ana)
    _behind_our_back(sql)

    found = first_break(acme.pk)
    assert found is not None
    assert found.number == number
    assert reason in found.reason
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", "--tenant", "acme")
    assert ended.value.code == 3
    assert f"tenant acme: entry {number} " in capsys.readouterr().out


def test_verify_audit_says_when_all_holds(acme, globex, capsys) -> None:
    record("a.b", tenant_id=acme.pk)
    call_command("verify_audit", "--json")
    assert json.loads(capsys.readouterr().out) == {"chains": 3, "broken": []}


@pytest.mark.django_db(transaction=True)
def test_entries_written_at_once_wait_for_each_other() -> None:
    tenant = Tenant.objects.create(slug="busy", name="Busy")
    everybody = threading.Barrier(4)

    def write() -> None:
        everybody.wait()
        for _ in range(5):
            persist(lambda: record("a.b", tenant_id=tenant.pk))
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [entry.number for entry in _chain(tenant)] == list(range(1, 21))
    assert first_break(tenant.pk) is None


def test_changes_tell_what_was_and_what_is(acme) -> None:
    entry = record(
        "a.b",
        tenant_id=acme.pk,
        changes={"role": ("viewer", "owner"), "host": ("a.example", "b.example"), "same": (1, 1), "agents": ([], [7])},
    )
    assert entry.changes == {"role": ["viewer", "owner"], "host": ["a.example", "b.example"], "agents": [[], [7]]}


@pytest.mark.parametrize("value", ["ana@acme.example", "+55 11 98765-4321", "5511987654321", {"a": 1}, "x" * 201])
def test_changes_hold_no_text_of_people(acme, value) -> None:
    with pytest.raises(ValueError, match="audit entry keeps"):
        record("a.b", tenant_id=acme.pk, changes={"field": (None, value)})
