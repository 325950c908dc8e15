"""A destination acts with the rights of every schedule on it: nobody with fewer may touch it, and nothing goes to
another place before a person with the rights of the schedule has confirmed it."""

import re
from datetime import timedelta

import pytest

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.handover.models import Destination, ExportSchedule
from tests.conftest import member
from tests.reports.handover.conftest import DUE, LATER, handovers, mails, run, tick
from tests.reports.handover.test_s3 import bucket_on, keys, put_there
from tests.s3 import BUCKET

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1"
NO_MATTER = {"host": "https://elsewhere.example", "secret": "another"}


@pytest.fixture
def server(s3_server, settings):
    settings.UPSTREAM_ALLOW_PRIVATE = True
    s3_server.empty()
    return s3_server


@pytest.fixture
def whole(acme, mirrored):
    return member(acme, "whole@acme.example", Role.OWNER, numbers=True)


@pytest.fixture
def narrow(acme, mirrored, care):
    return member(acme, "narrow@acme.example", Role.MANAGER, mirrored)


@pytest.fixture
def lake(acme, whole, server):
    return bucket_on(server.port, acme, whole)


@pytest.fixture
def nightly(acme, whole, lake):
    return put_there(acme, whole, lake, numbers=True)


def patch(client, place, values):
    return client.patch(f"{API}/destinations/{place.public_id}/", values, content_type="application/json")


@pytest.mark.parametrize("change", [NO_MATTER, {"bucket": "narrows-own"}, {"folder": "mine"}, {"name": "Mine"}])
def test_who_sees_less_changes_nothing_of_a_destination(acme, client, whole, narrow, nightly, lake, server, change):
    client.force_login(narrow)
    assert patch(client, lake, change).status_code == 403
    tick(acme)
    assert run(acme) == ["sent"]
    assert keys(server)
    with wall.tenant(acme):
        assert Destination.objects.get().bucket == BUCKET


@pytest.mark.parametrize("change", [{"folder": "elsewhere"}, {"bucket": "other"}, {"region": "us-east-1"}, NO_MATTER])
def test_nothing_goes_to_another_place_before_it_is_confirmed(acme, client, whole, nightly, lake, server, change):
    client.force_login(whole)
    one = f"{API}/export-schedules/{nightly.public_id}/"
    assert client.get(one).json()["suspended_at"] is None
    assert patch(client, lake, change).status_code == 200
    told = client.get(one).json()
    assert told["suspended_at"]
    assert "destination" in told["suspended"]
    (mail,) = mails(acme, "schedule-suspended:")
    assert (mail.to, nightly.name in mail.text) == (whole.email, True)
    tick(acme)
    assert run(acme) == ["held"]
    assert keys(server) == set()
    if change != {"folder": "elsewhere"}:
        patch(client, lake, {"bucket": BUCKET, "region": "eu-central-1", "host": lake.host, "secret": "sec/ret+key"})
        stale = client.post(f"{one}confirm/", {"suspended_at": told["suspended_at"]}, content_type="application/json")
        assert stale.status_code == 409  # it was changed once more since
        told = client.get(one).json()
    body = {"suspended_at": told["suspended_at"]}
    confirmed = client.post(f"{one}confirm/", body, content_type="application/json")
    assert (confirmed.status_code, confirmed.json()["suspended"]) == (200, "")
    assert run(acme, LATER) == ["sent"]
    assert keys(server)


def test_a_confirmation_takes_the_rights_of_the_schedule(acme, client, whole, narrow, nightly, lake):
    """A manager of one environment made the destination, and an owner's schedule took it: it is not theirs to move."""
    with wall.tenant(acme):
        Destination.objects.update(creator=narrow)
    client.force_login(narrow)
    assert patch(client, lake, {"folder": "mine"}).status_code == 403
    client.force_login(whole)
    patch(client, lake, {"folder": "ours"})
    with wall.tenant(acme):
        since = ExportSchedule.objects.get().suspended_at.isoformat()
    client.force_login(narrow)
    confirm = f"{API}/export-schedules/{nightly.public_id}/confirm/"
    assert client.post(confirm, {"suspended_at": since}, content_type="application/json").status_code == 404


def test_the_page_says_why_it_is_suspended_and_confirms(acme, client, whole, nightly, lake):
    client.force_login(whole)
    patch(client, lake, {"folder": "ours"})
    page = f"/t/acme/exports/scheduled/{nightly.public_id}/"
    shown = client.get(page).content.decode()
    assert "destination was changed" in shown
    assert "/ours" in shown
    assert nightly.name in client.get(f"/t/acme/exports/destinations/{lake.public_id}/").content.decode()
    assert "suspended" in client.get("/t/acme/exports/scheduled/").content.decode()
    since = re.search(r'name="suspended_at" value="([^"]+)"', shown).group(1)
    assert client.post(f"{page}act/", {"act": "confirm", "suspended_at": since}).status_code == 302
    assert "destination was changed" not in client.get(page).content.decode()


def test_another_destination_or_way_ends_the_suspension(acme, client, whole, nightly, lake, server):
    client.force_login(whole)
    patch(client, lake, {"folder": "ours"})
    other = bucket_on(server.port, acme, whole, name="Pond")
    one = f"{API}/export-schedules/{nightly.public_id}/"
    answer = client.patch(one, {"destination": str(other.public_id)}, content_type="application/json")
    assert (answer.status_code, answer.json()["suspended_at"]) == (200, None)


@pytest.mark.parametrize(("missed", "states"), [("latest", ["suppressed"] * 2), ("each", ["sent"] * 2)])
def test_after_a_long_suspension_the_latest_period_alone_is_handed_over(
    acme, client, whole, nightly, lake, missed, states
):
    with wall.tenant(acme):
        ExportSchedule.objects.update(missed=missed)
    client.force_login(whole)
    patch(client, lake, {"folder": "ours"})
    for week in range(3):
        tick(acme, DUE + timedelta(weeks=week))
        run(acme, DUE + timedelta(weeks=week))
    with wall.tenant(acme):
        body = {"suspended_at": ExportSchedule.objects.get().suspended_at.isoformat()}
    confirm = f"{API}/export-schedules/{nightly.public_id}/confirm/"
    assert client.post(confirm, body, content_type="application/json").status_code == 200
    assert run(acme, DUE + timedelta(weeks=2, hours=8)) == [*states, "sent"]
    page = client.get(f"/t/acme/exports/scheduled/{nightly.public_id}/").content.decode()
    assert ("Only the latest period" in page) == (missed == "latest")


def test_a_new_name_or_password_suspends_nothing(acme, client, whole, nightly, lake):
    client.force_login(whole)
    assert patch(client, lake, {"name": "Sea", "secret": "rotated"}).status_code == 200
    with wall.tenant(acme):
        assert ExportSchedule.objects.get().suspended_at is None


def test_the_audit_names_the_old_place_and_the_new(acme, client, whole, nightly, lake):
    client.force_login(whole)
    patch(client, lake, {"bucket": "other", "secret": "rotated"})
    with wall.tenant(acme):
        entry = Entry.objects.get(action="destination.changed")
        suspended = Entry.objects.get(action="schedule.suspended")
    assert entry.changes["bucket"] == [BUCKET, "other"]
    assert entry.changes["secret"] == [None, "changed"]
    assert "rotated" not in str(entry.changes)
    assert suspended.about["schedule"] == str(nightly.public_id)


def test_the_audit_keeps_no_number_that_a_folder_names(acme, client, whole, nightly, lake):
    """Nothing is ever taken out of it, not by an erasure either."""
    client.force_login(whole)
    patch(client, lake, {"folder": "clients/11987654321"})
    with wall.tenant(acme):
        assert Entry.objects.get(action="destination.changed").changes["folder"] == ["ringbook/calls", "changed"]


def test_a_file_on_its_way_waits_for_the_confirmation_too(acme, client, whole, nightly, lake, server):
    tick(acme)
    client.force_login(whole)
    patch(client, lake, {"folder": "elsewhere"})
    assert run(acme) == ["held"]
    assert [row.reason for row in handovers(acme)] == ["suspended"]
    assert keys(server) == set()
