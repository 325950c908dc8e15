"""Files put into a folder of a real OpenSSH server: whole, known by its confirmed key, and never in part."""

import hashlib
import json
from io import BytesIO, StringIO

import paramiko
import pytest
from django.db import connection

from portal.tenants import row_security, wall
from portal.tenants.models.people import Membership, Role
from reports.handover import acts, destinations, places, sftp, work
from reports.handover.handing import NotTaken, Pulse
from reports.handover.models import Destination, ExportSchedule
from tests.reports.alerts.conftest import author
from tests.reports.handover.conftest import handovers, mails, reading, run, scheduled, tick

pytestmark = pytest.mark.django_db(transaction=True)


def folder_on(sshd, tenant, user, *, confirmed=True, **values) -> Destination:
    plan = {
        "name": "Warehouse",
        "host": "127.0.0.1",
        "port": sshd.port,
        "folder": str(sshd.folder),
        "login": sshd.user,
        "private_key": sshd.private_key,
    }
    with wall.tenant(tenant):
        by = author(tenant, user)
        made = destinations.create_place(destinations.read_place(plan | values), by)
        if confirmed:
            assert destinations.confirm(made, destinations.fingerprint(made.seen_key), by)
        return made


def put_there(tenant, user, place, **wishes):
    return scheduled(
        tenant, user, **{"way": "put", "destination": str(place.public_id), "format": "csv", "wait_hours": 0} | wishes
    )


def test_a_file_and_its_manifest_lie_there_whole(acme, ana, mirrored, sshd):
    put_there(acme, ana, folder_on(sshd, acme, ana))
    tick(acme)
    assert run(acme) == ["sent"]
    (row,) = handovers(acme)
    (told,) = row.manifest["files"]
    assert sshd.names() == {told["name"], told["name"].replace(".csv", ".manifest.json")}
    content = (sshd.folder / told["name"]).read_bytes()
    assert (told["sha256"], told["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert json.loads((sshd.folder / told["name"].replace(".csv", ".manifest.json")).read_text()) == row.manifest
    assert mails(acme) == []


def test_a_file_made_anew_takes_the_place_of_the_one_before(acme, ana, mirrored, sshd):
    put_there(acme, ana, folder_on(sshd, acme, ana))
    tick(acme)
    reading(acme, "incomplete")
    assert run(acme) == ["sent"]
    (row,) = handovers(acme)
    assert row.manifest["complete"] is False
    assert len(sshd.names()) == 2
    assert any("-incomplete.csv" in name for name in sshd.names())
    reading(acme, "complete")
    with wall.tenant(acme):
        assert work.rows.begin_again(row)
    assert run(acme) == ["sent"]
    (row,) = handovers(acme)
    assert row.manifest["complete"] is True
    assert sshd.names() == {row.manifest["files"][0]["name"], *(n for n in sshd.names() if n.endswith(".json"))}
    assert not any("incomplete" in name for name in sshd.names())


def test_the_fingerprint_is_that_of_its_own_tools_and_nothing_goes_before_it_is_confirmed(acme, ana, sshd):
    place = folder_on(sshd, acme, ana, confirmed=False)
    assert destinations.fingerprint(place.seen_key) == f"ssh-ed25519 {sshd.fingerprint}"
    with wall.tenant(acme):
        assert not place.ready
        with pytest.raises(NotTaken, match="no destination"):
            places.check(place)
        assert not destinations.confirm(place, "ssh-ed25519 SHA256:another", author(acme, ana))
        assert destinations.confirm(place, destinations.fingerprint(place.seen_key), author(acme, ana))
        places.check(place)
    assert sshd.names() == set()


def test_a_server_with_another_key_gets_nothing(acme, ana, mirrored, sshd):
    place = folder_on(sshd, acme, ana)
    put_there(acme, ana, place)
    sshd.change_key()
    tick(acme)
    assert run(acme) == ["pending"]
    (row,) = handovers(acme)
    assert row.reason == "host key"
    assert sshd.names() == set()
    assert "Accepted" not in (sshd.home / "log").read_text()
    with wall.tenant(acme):
        place.refresh_from_db()
        destinations.look_again(place, author(acme, ana))
        assert destinations.fingerprint(place.seen_key) == f"ssh-ed25519 {sshd.fingerprint}"
        assert place.ready  # the one that was confirmed still counts, and so nothing is sent to this one
        assert destinations.confirm(place, destinations.fingerprint(place.seen_key), author(acme, ana))
    assert run(acme) == ["held"]  # another key may be another server's
    with wall.tenant(acme):
        schedule = ExportSchedule.objects.get()
        assert acts.confirm(schedule, schedule.suspended_at, author(acme, ana))
    assert run(acme) == ["sent"]


def test_a_server_that_is_away_is_tried_again_and_a_part_is_swept(acme, ana, mirrored, sshd):
    put_there(acme, ana, folder_on(sshd, acme, ana))
    tick(acme)
    sshd.stop()
    assert run(acme) == ["pending"]
    (row,) = handovers(acme)
    assert (row.reason, row.tries) == ("network", 2)  # the first round made the file
    sshd.start()
    name = f"acme-calls-{row.schedule.public_id.hex[-8:]}-2026-07-06-2026-07-12.csv"
    (sshd.folder / f".{name}.0badc0de.part").write_bytes(b"half")  # of a worker that died
    assert run(acme) == ["sent"]
    assert sshd.names() == {name, name.replace(".csv", ".manifest.json")}


def test_who_lost_the_row_renames_nothing(acme, ana, mirrored, sshd):
    place = folder_on(sshd, acme, ana)

    def lost():
        raise work.Lost

    with wall.tenant(acme):
        access = places.access_to(place)
    with pytest.raises(work.Lost), sftp._session(access) as client:
        sftp._write(client, "calls.csv", BytesIO(b"x" * 100), Pulse(lost))
    assert sshd.names() == set()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"login": "nobody-here"}, "login"),
        ({"folder": "/nowhere/at/all"}, "folder"),
        ({"private_key": "", "secret": "guess"}, "login"),
    ],
)
def test_what_a_server_refuses_is_said(acme, ana, sshd, values, reason):
    place = folder_on(sshd, acme, ana, **values)
    with wall.tenant(acme), pytest.raises(NotTaken) as refused:
        places.check(place)
    assert refused.value.reason == reason


def test_private_addresses_are_not_asked(acme, ana, sshd, settings):
    settings.UPSTREAM_ALLOW_PRIVATE = False
    with pytest.raises(NotTaken) as refused:
        folder_on(sshd, acme, ana)
    assert refused.value.reason == "address"
    with wall.tenant(acme):
        assert not Destination.objects.exists()


def test_secrets_sleep_and_go_to_the_server_that_they_were_given_for(acme, ana, sshd):
    place = folder_on(sshd, acme, ana, secret="of-the-key")
    with row_security.as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT secret, private_key FROM reports_handover_destination")
        assert all(text.startswith("bound:") for text in cursor.fetchone())
    with wall.tenant(acme):
        same = destinations.read_place({"name": "Other", "secret": destinations.KEPT}, before=place)
        destinations.change_place(place, same, author(acme, ana))
        assert place.secret == "of-the-key"
        for elsewhere in ({"host": "127.0.0.2"}, {"port": 1022}, {"login": "somebody"}):
            with pytest.raises(work.QuestionError):
                destinations.read_place(elsewhere, before=place)
        destinations.remove_place(place, author(acme, ana))
        place.refresh_from_db()
    assert (place.secret, place.private_key) == ("", "")


def test_a_maker_who_manages_no_more_puts_nothing_there(acme, ana, mirrored, sshd):
    put_there(acme, ana, folder_on(sshd, acme, ana))
    tick(acme)
    with wall.tenant(acme):
        Membership.objects.filter(user=ana).update(role=Role.VIEWER)
    assert run(acme) == ["suppressed"]
    assert sshd.names() == set()


def test_keys_of_every_kind_are_read_and_others_refused():
    for made in (paramiko.ECDSAKey.generate(), paramiko.RSAKey.generate(2048)):
        text = StringIO()
        made.write_private_key(text, password="open")
        assert sftp.readable_key(text.getvalue(), "open") == made
        with pytest.raises(NotTaken):
            sftp.readable_key(text.getvalue(), "wrong")
    with pytest.raises(NotTaken):
        sftp.readable_key("no key", "")
