"""The audit: written once, read by its own tenant, about ids only."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.accounts.keys import NewKey, issue_key, revoke_key
from portal.audit.models import Entry, Permanent, PlatformEntry
from portal.audit.record import record
from portal.tenants import wall


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
                with pytest.raises(Permanent):
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
    counts = []
    for email in ("ana@acme.example", "nobody@acme.example"):
        with CaptureQueriesContext(connection) as queries:
            client.post("/accounts/login/", {"login": email, "password": "wrong"})
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert list(PlatformEntry.objects.order_by("id").values_list("action", "user_id")) == [
        ("person.sign_in_failed", ana.pk),
        ("person.sign_in_failed", None),
    ]
    assert "@" not in str(list(PlatformEntry.objects.values("about")))
