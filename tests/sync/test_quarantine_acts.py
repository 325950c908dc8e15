"""What an administrator does about elements that could not be read: accept, open again, read again."""

import io
import json
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from portal.accounts import visits
from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import User
from portal.work.clock import database_now
from sync.leases import claim
from sync.models.calls import Call
from sync.models.quarantine import ACCEPTED, OPEN, Quarantine
from sync.models.runs import Run, Window
from sync.providers.talkover import normalise
from sync.reading.quarantine import Refused, accept, reopen, reread
from sync.reading.runner import pull
from sync.sandbox.server import Sandbox
from sync.taxonomy import Stream
from tests.faults import invariants
from tests.faults.conftest import busy_day
from tests.journeys.conftest import _generous, acme_wall, connect, connect_originsai, mirrored
from tests.sync.test_quarantine import BACK, read

__all__ = ["_generous", "acme_wall"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def box():
    with Sandbox(days=7, calls_per_day=40, seed=3, originsai_per_day=30) as box:
        yield box


@pytest.fixture
def connection(acme, acme_wall, box):
    return connect(acme, box)


@pytest.fixture
def day(connection, box):
    """A day of which three calls could not be read."""
    day = busy_day(box, 40, BACK)
    box.set_faults(f"nan@day={day},path=/calls", "spoil_items=3")
    assert read(connection, day).quarantined == 3
    return day


def state(day) -> tuple[str, int | None, int | None]:
    window = Window.objects.get(day=day)
    return window.state, window.mirrored, window.vendor_total


def test_accepting_every_element_makes_the_day_whole(connection, box, day, ana):
    total = len(box.world.calls_of_day(day))
    first, *others = Quarantine.objects.all()
    for row in others:
        accept(row, "  a probe  ", user=ana)
        invariants.hold(connection)
    assert state(day) == ("unreadable", total - 3, total)
    accept(first, "a probe", user=ana)
    assert state(day) == ("complete", total - 3, total)
    first.refresh_from_db()
    assert (first.note, first.accepted_by, first.released_at) == ("a probe", ana, None)
    invariants.hold(connection)


def test_what_was_accepted_stays_so_while_its_text_does(connection, box, day):
    for row in Quarantine.objects.all():
        accept(row, "a probe")
    told = read(connection, day)
    assert (told.status, told.quarantined, state(day)[0]) == ("complete", 0, "complete")
    box.set_faults()
    read(connection, day)
    box.set_faults(f"nan@day={day},path=/calls", "spoil_items=3")
    assert read(connection, day).status == "complete"  # gone and back again, with the same text
    assert Quarantine.objects.filter(ACCEPTED).count() == 3
    box.set_faults(f"huge_number@day={day},path=/calls", "spoil_items=3")
    told = read(connection, day)
    assert (told.status, told.quarantined, state(day)[0]) == ("partial", 3, "unreadable")
    assert Quarantine.objects.filter(OPEN).count() == 3


def test_an_acceptance_can_be_taken_back(connection, day):
    row = Quarantine.objects.first()
    accept(row, "a probe")
    reopen(row)
    row.refresh_from_db()
    assert (row.accepted_at, row.note, state(day)[0]) == (None, "", "unreadable")
    with pytest.raises(Refused):
        reopen(row)
    invariants.hold(connection)


def test_a_note_is_needed_and_each_act_is_done_once(day):
    row = Quarantine.objects.first()
    with pytest.raises(Refused, match="note"):
        accept(row, " \x00 ")
    accept(row, "a probe")
    with pytest.raises(Refused, match="meanwhile"):
        accept(row, "another")
    row.refresh_from_db()
    assert row.note == "a probe"


def test_the_audit_names_the_element_and_nothing_of_its_content(acme, day, ana):
    row = Quarantine.objects.first()
    accept(row, "call of +5511999990000", user=ana, address="10.0.0.9")
    reopen(row, user=ana)
    told = [(entry.action, entry.user_id, entry.about) for entry in Entry.objects.order_by("id")]
    about = {
        "element": str(row.public_id), "environment": str(row.environment.public_id), "kind": "call", "day": str(day)
    }  # fmt: skip
    assert told[-2:] == [("quarantine.accepted", ana.pk, about), ("quarantine.reopened", ana.pk, about)]
    assert Entry.objects.order_by("id").first().address == "10.0.0.9"


def test_a_kept_text_is_read_again_when_the_reader_has_learned_to(connection, box, day, monkeypatch):
    """After an upgrade: the same text makes a call, in the mirror's own way, and the day is whole again."""
    for row in Quarantine.objects.all():
        assert reread(row) is False
    assert state(day)[0] == "unreadable"
    total, runs = len(box.world.calls_of_day(day)), Run.objects.count()
    learned = normalise.read_element

    def read_nan(raw):
        return learned(bytes(raw).replace(b"NaN", b"61"))

    monkeypatch.setattr(normalise, "read_element", read_nan)
    for row in Quarantine.objects.all():
        assert reread(row) is True
    assert state(day) == ("complete", total, total)
    assert not Quarantine.objects.filter(released_at=None).exists()
    assert Call.objects.filter(duration_ms=61_000).count() >= 3
    assert [run.state for run in Run.objects.order_by("-id")[:3]] == ["complete"] * 3
    assert Run.objects.count() == runs + 3
    monkeypatch.undo()
    invariants.hold(connection)


def test_nothing_is_read_again_beside_a_reader(connection, day, monkeypatch):
    monkeypatch.setattr(normalise, "read_element", lambda raw: {"id": "x", "created_at": f"{day}T10:00:00Z"})
    claim(connection, Stream.CALLS)
    with pytest.raises(Refused, match="another process"):
        reread(Quarantine.objects.first())
    assert Quarantine.objects.filter(OPEN).count() == 3


def test_a_text_that_was_not_kept_whole_is_not_read_again(connection, day):
    row = Quarantine.objects.first()
    row.raw = row.raw.replace("NaN", '"\ufffd"')
    row.save()
    with pytest.raises(Refused, match="could not be kept"):
        reread(row)


def test_another_organisations_call_never_comes_in_as_an_empty_one(acme, acme_wall, box):
    connection = connect_originsai(acme, box, org_id="999999")
    assert pull(connection, [Stream.CALLS]).status == "partial"
    connection.settings.pop("org_id")
    connection.save()
    assert reread(Quarantine.objects.first()) is False
    assert mirrored(connection) == {}


def said(*words: str) -> tuple[int, dict]:
    out, status = io.StringIO(), 0
    try:
        call_command(*words, "--json", stdout=out)
    except SystemExit as ended:
        status = int(str(ended.code))
    return status, json.loads(out.getvalue().splitlines()[-1])


def test_the_commands_accept_reopen_and_read_again(acme, connection, day):
    ids = [str(row.public_id) for row in Quarantine.objects.order_by("id")]
    assert said("accept_quarantined", *ids, "--note", "a probe") == (0, {"accepted": ids})
    assert state(day)[0] == "complete"
    assert said("accept_quarantined", ids[0], "--reopen") == (0, {"reopened": ids[:1]})
    environment = str(connection.environment.public_id)
    assert said("reread_quarantined", "--environment", environment) == (3, {"read": 0, "unreadable": 1})
    for words in ((ids[0],), (ids[0], "--note", " "), (str(uuid4()), "--note", "x")):
        with pytest.raises(CommandError):
            call_command("accept_quarantined", *words)
    with pytest.raises(CommandError, match="meanwhile"):
        call_command("accept_quarantined", ids[1], "--note", "again")


def test_a_pull_says_in_words_what_could_not_be_read(connection, box, day, capsys):
    box.set_faults(f"malformed@day={day},path=/calls", "spoil_items=20")
    environment = connection.environment.public_id
    with pytest.raises(SystemExit) as ended:
        call_command("pull", environment=environment, stream=["calls"], since=day, until=day)
    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 3
    assert "calls: partial (unreadable), " in lines[0]
    assert "20 quarantined, 1 windows incomplete" in lines[0]
    named = [line for line in lines[1:] if f"of {day}: It " in line]
    assert len(named) == Quarantine.objects.filter(OPEN).count() == len(lines) - 1
    assert any(" times call of " in line for line in named)


def test_reconcile_tells_how_many_of_the_missing_are_in_quarantine(connection, box, day):
    total = len(box.world.calls_of_day(day))
    words = (
        "reconcile",
        "--environment",
        str(connection.environment.public_id),
        "--since",
        str(day),
        "--until",
        str(day),
    )
    difference = {"day": str(day), "ours": total - 3, "theirs": total, "quarantined": 3}
    status, told = said(*words)
    assert (status, told["status"], told["days"]) == (3, "different", [difference])
    for row in Quarantine.objects.all():
        accept(row, "a probe")
    status, told = said(*words)
    assert (status, told["status"], told["days"]) == (0, "equal", [])


@pytest.fixture
def root(client, db):
    user = User.objects.create_superuser("root@ringbook.example", "correct horse battery")
    client.force_login(user)
    return user


def test_the_console_shows_accepts_and_reopens(client, root, acme, connection, day):
    first = Quarantine.objects.order_by("pk").first()
    Quarantine.objects.filter(pk=first.pk).update(id=1_234_567)  # more than a figure without separators
    row = Quarantine.objects.get(pk=1_234_567)
    change = reverse("admin:sync_quarantine_change", args=[row.pk])
    visits.begin(acme, "To look at the element", user=root, address=None)
    page = client.get(change).content.decode()
    assert "NaN" in page
    assert row.reason in page
    acts = {name: reverse(f"admin:sync_quarantine_{name}", args=[row.pk]) for name in ("reopen", "reread")}
    for act in acts.values():
        assert client.get(act).status_code == 405
    accepting = {"action": "accept_chosen", "_selected_action": [row.pk]}
    assert f'value="{row.pk}"' in page
    listed = reverse("admin:sync_quarantine_changelist")
    refused = client.post(listed, accepting | {"note": " "}).content.decode()
    assert "This field is required." in refused
    assert 'name="_selected_action" value="1234567"' in refused
    accepted = client.post(listed, accepting | {"note": "a <b>probe</b>"}, follow=True).content.decode()
    assert "is accepted as no call" in accepted
    shown = client.get(change).content.decode()
    assert "a &lt;b&gt;probe" in shown
    assert root.email in shown
    row.refresh_from_db()
    assert row.accepted_by == root
    client.post(acts["reopen"])
    row.refresh_from_db()
    assert row.accepted_at is None
    assert "still can&#x27;t be read" in client.post(acts["reread"], follow=True).content.decode()


def test_the_console_accepts_many_with_one_note_and_filters(client, root, acme, connection, day):
    address = reverse("admin:sync_quarantine_changelist")
    keys = list(Quarantine.objects.values_list("pk", flat=True))
    chosen = {"action": "accept_chosen", "_selected_action": keys[:2]}
    asked = client.post(address, chosen)
    assert asked.status_code == 200
    assert 'name="note"' in asked.content.decode()
    assert client.post(address, chosen | {"note": "probes"}).status_code == 302
    assert Quarantine.objects.filter(ACCEPTED, note="probes").count() == 2
    for shown, count in (("open", 1), ("accepted", 2), ("released", 0)):
        found = client.get(address, {"state": shown, "environment__id__exact": connection.environment_id})
        assert len(found.context["cl"].result_list) == count
    with wall.tenant(acme):
        assert Quarantine.objects.filter(OPEN, last_seen_at__lte=database_now()).count() == 1
