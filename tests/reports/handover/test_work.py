"""A file for each period, once: made like those by hand, mailed to members who see as much, held while data lack."""

import csv
import hashlib
import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.utils import translation

from portal.audit.models import Entry
from portal.outbox import rules
from portal.outbox.models import Enclosure
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role
from reports.files import folder, jobs
from reports.files.caps import TooMany
from reports.files.models import Export, State
from reports.files.orders import read_order
from reports.handover import acts, rows, words, work
from reports.handover.models import ExportSchedule, Handover, HandoverState
from reports.handover.wishes import read_plan
from reports.mail import enclosed
from reports.queries.question import QuestionError
from tests.reports.alerts.conftest import author
from tests.reports.handover.conftest import handovers, mails, reading, run, scheduled, tick
from tests.reports.mail.conftest import DUE

pytestmark = pytest.mark.django_db(transaction=True)
WEEK = timedelta(days=7)


def content(row: Handover) -> bytes:
    with folder.open_file(row.tenant_id, row.export.file) as file:
        return file.read()


def test_the_file_of_a_week_is_mailed_once_with_manifest_and_digest(acme, ana, mirrored):
    scheduled(acme, ana, way="attached", format="csv")
    for _ in range(2):
        tick(acme)
    assert run(acme) == ["sent"]
    (row,) = handovers(acme)
    assert (row.period_start, row.period_end) == (date(2026, 7, 6), date(2026, 7, 13))
    (mail,) = mails(acme)
    with wall.tenant(acme):
        file, manifest = Enclosure.objects.filter(message=mail).order_by("id")
    table = list(csv.DictReader(io.StringIO(bytes(file.content).decode())))
    told = json.loads(bytes(manifest.content))
    assert len(table) == 7 * 11
    assert all("…" in line["to"] or "•" in line["to"] for line in table)
    assert told["files"] == [
        {
            "name": file.name,
            "format": "csv",
            "rows": len(table),
            "bytes": len(file.content),
            "sha256": hashlib.sha256(bytes(file.content)).hexdigest(),
        }
    ]
    assert told["period"] == {"from": "2026-07-06", "until": "2026-07-12", "zone": "America/Sao_Paulo"}
    assert told["complete"] is True
    assert told == row.manifest
    assert file.name.startswith("acme-calls-")
    assert file.name.endswith("-2026-07-06-2026-07-12.csv")
    assert run(acme) == ["sent"]
    assert len(mails(acme)) == 1
    with wall.tenant(acme):
        assert rules.objection(mail) == ""
        acts_of = set(Entry.objects.values_list("action", flat=True))
    assert {"schedule.added", "handover.sent"} <= acts_of


def test_what_is_too_large_for_a_mail_comes_as_a_link(acme, ana, mirrored, monkeypatch):
    monkeypatch.setattr("reports.handover.by_mail.MOST_BYTES", 100)
    assert enclosed.MOST_BYTES > 100
    scheduled(acme, ana, way="attached", format="csv")
    tick(acme)
    assert run(acme) == ["sent"]
    (mail,) = mails(acme)
    (row,) = handovers(acme)
    with wall.tenant(acme):
        assert not Enclosure.objects.filter(message=mail).exists()
    assert f"/t/acme/exports/scheduled/{row.schedule.public_id}/{row.public_id}/file/" in mail.text
    assert "Não está anexado" in mail.text
    assert row.export.sha256 in mail.text


def test_data_that_are_not_whole_are_waited_for_and_then_marked(acme, ana, mirrored):
    scheduled(acme, ana, format="csv", wait_hours=2)
    tick(acme)
    reading(acme, "incomplete")
    assert run(acme, DUE) == ["held"]
    assert mails(acme) == []
    assert run(acme, DUE + timedelta(hours=1)) == ["held"]
    assert run(acme, DUE + timedelta(hours=3)) == ["sent"]
    (row,) = handovers(acme)
    assert row.late
    assert row.complete is False
    assert row.manifest["files"][0]["name"].endswith("-incomplete.csv")
    assert "não estão completos" in mails(acme)[0].text


def test_a_file_that_holds_on_comes_once_data_are_whole(acme, ana, mirrored):
    scheduled(acme, ana, format="csv", wait_hours=0, then="hold")
    tick(acme)
    reading(acme, "incomplete")
    assert run(acme, DUE + timedelta(hours=9)) == ["held"]
    reading(acme, "complete")
    assert run(acme, DUE + timedelta(hours=9)) == ["sent"]
    assert handovers(acme)[0].complete is True


def test_each_missed_period_or_the_latest_alone(acme, ana, mirrored):
    each = scheduled(acme, ana, name="Each", missed="each")
    latest = scheduled(acme, ana, name="Latest", missed="latest")
    tick(acme, DUE + 2 * WEEK)
    days = {(row.schedule_id, row.period_start) for row in handovers(acme)}
    assert days == {
        (each.pk, date(2026, 7, 6)),
        (each.pk, date(2026, 7, 13)),
        (each.pk, date(2026, 7, 20)),
        (latest.pk, date(2026, 7, 20)),
    }


@pytest.mark.parametrize(
    ("what", "days"),
    [("callbacks", ""), ("waiting", "standing"), ("campaigns", "standing"), ("report", "last_30_days")],
)
def test_every_kind_that_can_be_had_by_hand(acme, ana, mirrored, what, days):
    query = {"report": "agents"} if what == "report" else {}
    scheduled(acme, ana, what=what, days=days, query=query, format="xlsx", wait_hours=0)
    tick(acme)
    assert run(acme) == ["sent"]
    (row,) = handovers(acme)
    assert (row.manifest["period"] is None) == (days == "standing")
    if what == "report":
        assert row.manifest["period"]["from"] == "2026-06-13"


def test_members_who_see_less_get_nothing_and_whole_numbers_are_allowed_or_not(acme, ana, bruno, mirrored):
    with wall.tenant(acme):
        narrow = Grant.objects.create(tenant=acme, all_environments=False)
        Membership.objects.filter(user=bruno).update(grant=narrow)
    scheduled(acme, ana, to=[ana.email, bruno.email], numbers=True, format="csv", wait_hours=0)
    tick(acme)
    assert run(acme) == ["sent"]
    (mail,) = mails(acme)
    assert mail.to == ana.email
    assert b"+5511" in content(handovers(acme)[0])
    with wall.tenant(acme):
        Grant.objects.filter(pk=Membership.objects.get(user=ana).grant_id).update(sees_numbers=False)
        assert rules.objection(mail) == "nothing to see"


def test_a_maker_who_has_gone_hands_nothing_over(acme, ana, mirrored):
    scheduled(acme, ana)
    tick(acme)
    with wall.tenant(acme):
        Membership.objects.filter(user=ana).delete()
    assert run(acme) == ["suppressed"]
    assert handovers(acme)[0].reason == "nobody vouches"


def test_a_scheduled_file_counts_among_nobodys_own(acme, ana, mirrored):
    scheduled(acme, ana, wait_hours=0)
    tick(acme)
    run(acme)
    with wall.tenant(acme):
        from_schedule = Export.objects.get()
        assert from_schedule.state == State.READY
        assert list(work.jobs.Asker(acme.pk, user=ana).own()) == []


def test_what_fails_for_good_is_told_once_and_run_again_by_a_person(acme, ana, mirrored, monkeypatch):
    scheduled(acme, ana, wait_hours=0)
    tick(acme)
    real = work.by_mail.put

    def broken(*_):
        raise RuntimeError("broken")

    monkeypatch.setattr(work.by_mail, "put", broken)
    assert run(acme, rounds=10) == ["failed"]
    (row,) = handovers(acme)
    assert (row.reason, row.tries) == ("fault", len(rows.DELAYS) + 1)
    told = mails(acme, "handover-failed:")
    assert [mail.to for mail in told] == [ana.email]
    assert "Calls of the week" in told[0].subject
    with wall.tenant(acme):
        assert rules.objection(told[0]) == ""
    monkeypatch.setattr(work.by_mail, "put", real)
    with wall.tenant(acme):
        assert acts.hand_over_again(row, author(acme, ana))
        assert not acts.hand_over_again(row, author(acme, ana))
    assert run(acme) == ["sent"]
    assert len(mails(acme)) == 1
    with wall.tenant(acme):
        assert rules.objection(told[0]) == "removed"


def test_a_trial_stands_beside_what_is_scheduled(acme, ana, mirrored):
    schedule = scheduled(acme, ana)
    with wall.tenant(acme):
        trial = acts.try_now(schedule, author(acme, ana))
        name = work.parcel_of(trial, Export(format="csv", complete=True, tenant=acme)).name
    assert name.endswith("-trial.csv")
    tick(acme)
    assert run(acme) == ["sent", "sent"]


def test_pause_removal_and_two_workers(acme, ana, mirrored):
    schedule = scheduled(acme, ana, wait_hours=0)
    tick(acme)
    with wall.tenant(acme):
        first = rows.claim(Handover.objects.get().pk)
        assert rows.claim(first.pk) is None
        acts.set_paused(schedule, author(acme, ana), on=True)
        assert not rows.settle(first, HandoverState.SENT)
        with pytest.raises(rows.Lost):
            rows.hold(first)
    assert [row.state for row in handovers(acme)] == ["suppressed"]
    with wall.tenant(acme):
        schedule.refresh_from_db()
        assert schedule.next_due is None
        acts.set_paused(schedule, author(acme, ana), on=False)
        schedule.refresh_from_db()
        assert schedule.next_due is not None
        acts.remove(schedule, author(acme, ana))
        schedule.refresh_from_db()
        assert schedule.next_due is None


def test_a_viewer_has_files_mailed_to_himself_only(acme, ana, bruno, mirrored):
    with wall.tenant(acme):
        Membership.objects.filter(user=bruno).update(role=Role.VIEWER)
    scheduled(acme, bruno, to=[bruno.email])
    with pytest.raises(work.QuestionError) as refused:
        scheduled(acme, bruno, to=[ana.email])
    assert set(refused.value.errors) == {"to"}
    with pytest.raises(work.QuestionError) as refused:
        scheduled(acme, bruno, way="put")
    assert "way" in refused.value.errors


@pytest.mark.parametrize(
    ("wishes", "name"),
    [
        ({"query": {"number": "5511"}}, "query"),
        ({"what": "waiting", "zone": "Europe/Berlin"}, "zone"),
        ({"days": "standing"}, "days"),
        ({"format": "docx"}, "format"),
        ({"to": ["somebody@elsewhere.example"]}, "to"),
        ({"name": ""}, "name"),
        ({"query": {"environment": "01890000-0000-7000-8000-000000000000"}}, "query"),
    ],
)
def test_what_cannot_be_scheduled_is_said_by_its_name(acme, ana, mirrored, wishes, name):
    with pytest.raises(work.QuestionError) as refused:
        scheduled(acme, ana, **wishes)
    assert name in refused.value.errors


def test_a_pdf_that_does_not_fit_is_not_scheduled_and_one_that_grew_says_so(acme, ana, mirrored, monkeypatch):
    row = scheduled(acme, ana, format="pdf", language="en")
    monkeypatch.setattr("reports.files.as_pdf.MOST_CELLS", 9 * 76)  # there are 77 calls
    before = DUE - timedelta(hours=1)
    with (
        time_machine.travel(before, tick=False),
        pytest.raises(QuestionError, match=r"format: .*76 rows, and there are 77"),
    ):
        scheduled(acme, ana, format="pdf")
    tick(acme)
    assert run(acme) == ["failed"]
    [failed] = handovers(acme)
    assert (failed.reason, failed.export) == ("too long", None)
    assert "room for 76 rows, and there are 77" in failed.reply
    [notice] = mails(acme, "handover-failed:")
    with translation.override(ana.language or acme.language):
        assert words.reason("too long") in notice.text
    with wall.tenant(acme), time_machine.travel(before, tick=False):
        acts.change(row, read_plan({"paused": True}, author(acme, ana), before=row), author(acme, ana))
        row.refresh_from_db()
    assert not row.active


@pytest.mark.parametrize(
    ("zone", "hour", "due", "day"),
    [
        ("America/Sao_Paulo", 22, datetime(2026, 7, 14, 1, tzinfo=UTC), date(2026, 7, 12)),  # the 13th over there
        ("Asia/Tokyo", 6, datetime(2026, 7, 12, 21, tzinfo=UTC), date(2026, 7, 12)),  # the 13th, too
        ("America/Sao_Paulo", 8, datetime(2026, 7, 13, 11, tzinfo=UTC), date(2026, 7, 12)),
    ],
)
@pytest.mark.parametrize("days", ["yesterday", ""])
def test_a_days_file_is_about_the_day_before_on_the_clock_of_its_zone(acme, ana, mirrored, zone, hour, due, day, days):
    row = scheduled(acme, ana, every="day", zone=zone, hour=hour, days=days)
    with wall.tenant(acme):
        ExportSchedule.objects.filter(pk=row.pk).update(next_due=due)
    tick(acme, due)
    assert [(each.period_start, each.period_end) for each in handovers(acme)] == [(day, day + timedelta(days=1))]


def test_files_of_schedules_take_no_room_from_people(acme, ana, mirrored, monkeypatch):
    monkeypatch.setattr("reports.files.caps.MOST_OPEN", 1)
    monkeypatch.setattr("reports.files.caps.MOST_OPEN_OF_ONE", 1)
    scheduled(acme, ana, wait_hours=0)
    tick(acme)
    with wall.tenant(acme):
        for _tenant, pk in rows.waiting():
            assert work.step(pk, DUE, lambda *_: True) == "making"
        order, asker = read_order({"format": "csv"}, author(acme, ana).scope), jobs.Asker(acme.pk, user=ana)
        jobs.ask(order, asker, lambda *_: True)
        assert Export.objects.filter(state=State.WAITING).count() == 2
        with pytest.raises(TooMany):
            jobs.ask(order, asker, lambda *_: True)


@pytest.mark.parametrize("state", [State.EXPIRED, State.FAILED, None])
def test_a_file_that_is_gone_before_it_was_handed_over_is_made_once_more(acme, ana, mirrored, state):
    scheduled(acme, ana, wait_hours=0)
    tick(acme)
    with wall.tenant(acme):
        for _tenant, pk in rows.waiting():
            work.step(pk, DUE, lambda *_: True)
        gone = Export.objects.filter(state=State.WAITING)
        assert (gone.update(state=state, error="x") if state else len(gone.delete())) > 0
    assert run(acme, rounds=4) == ["sent"]
    assert handovers(acme)[0].export.state == State.READY
