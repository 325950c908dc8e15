"""What was kept long enough goes in the night, no figure moves, and the vendor's next telling brings nothing back."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.test import TestCase
from django.utils import timezone

from portal.lib import phones
from portal.outbox.models import Enclosure, Message
from portal.outbox.models import State as MailState
from portal.outbox.post import send_again
from portal.privacy import registry
from portal.privacy.models import Reason, Removal, Retention
from portal.privacy.registry import DataClass
from portal.privacy.retention import keep, kept_since, next_night
from portal.tenants import wall
from portal.tenants.guards import membership_of
from reports.annotations.models import CallNote
from reports.columns.refresh import refresh_tenant
from reports.columns.sweep import forget_retired
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.files.models import Export
from reports.files.models import State as FileState
from reports.privacy.erasing import ask as ask_erasure
from reports.privacy.erasing import work as erase
from reports.privacy.retention import nightly, numbers
from reports.privacy.retention.preview import preview
from reports.queries.ask import ask
from reports.queries.calls.detail import detail
from reports.queries.question import Question
from reports.queries.scope import Scope
from reports.queries.vendor_api.calls import VendorFilter, page
from reports.queries.vendor_api.calls import calls as vendor_calls
from sync.leases import claim
from sync.mirror import Mirror
from sync.models.calls import Call, Payload, Unplaced
from sync.models.campaigns import Campaign
from sync.models.changes import CallChange
from sync.models.quarantine import Quarantine
from sync.models.runs import Run, RunState
from sync.providers.base import Part
from sync.reading.knowledge import known_digests
from sync.records import BrokenRecord, CallRecord, CampaignRecord, UnplacedRecord
from sync.taxonomy import Stream
from tests.reports.privacy.test_erasing import everything_kept
from tests.sync.conftest import make_connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("behind_acme")]

LINE = "+551130000000"
SILENT, SEEN, RETURNED = "+5511987123654", "+5521912345678", "+5511955554444"
SPOKEN, LINK = "my sister Rosalia knows", "https://recordings.example/rosalia.mp3"
NAMES = {DataClass.RECORDINGS: LINK, DataClass.TRANSCRIPTS: SPOKEN, DataClass.NUMBERS: "987123654"}


@dataclass(frozen=True)
class Told:
    """A call as the vendor tells of it: so many days ago, and what else it says."""

    key: str
    number: str
    days: float
    status: str = "completed"
    direction: str = "outbound"
    rest: str = ""

    def record(self, **more: object) -> CallRecord:
        ours, theirs = ("from", "to") if self.direction == "outbound" else ("to", "from")
        element = {
            "id": self.key, theirs: self.number, ours: LINE, "status": self.status, "duration": 60,
            "call_transcription": [{"role": "user", "content": SPOKEN}], "call_recording_url": LINK, "tool_data": [],
        }  # fmt: skip
        raw = json.dumps(element | more, ensure_ascii=False)
        return CallRecord(
            external_id=self.key,
            digest=blake2b(raw.encode(), digest_size=16).digest(),
            raw=raw,
            status=self.status,
            direction=self.direction,
            started_at=ago(self.days),
            duration_ms=60_000 if self.status == "completed" else 0,
            agent="a1",
            agent_name="Sales",
            from_number=LINE if self.direction == "outbound" else self.number,
            to_number=self.number if self.direction == "outbound" else LINE,
            sid=f"SIP/{phones.digits(self.number)}-9",
            hangup_cause="normal",
        )


CALLS = (
    Told("c1", SILENT, 200, status="no-answer"),
    Told("c2", SILENT, 199.5, direction="inbound"),
    Told("c3", RETURNED, 199, status="no-answer"),
    Told("c4", RETURNED, 2),
    Told("c5", SEEN, 1),
    Told("c6", "", 150, direction="inbound"),
    Told("c7", "11987123654", 120),
)
_ZERO = timezone.now().replace(microsecond=0)


def ago(days: float) -> datetime:
    return _ZERO - timedelta(days=days)


def of(record: type, raw: str, **values: object) -> object:
    return record(raw=raw, digest=blake2b(raw.encode(), digest_size=16).digest(), **values)


def campaign() -> object:
    raw = json.dumps({"id": "k", "name": "July", "calls": [{"id": "c1", "to": SILENT}, {"id": "c5", "to": SEEN}]})
    return of(CampaignRecord, raw, external_id="k", name="July", status="done", detail=True, calls=(("c1", 0),))


def tell(connection, *records: object) -> tuple[int, int]:
    """A run that mirrors what the vendor tells; how many rows were new and changed."""
    run = claim(connection, Stream.CALLS)
    mirror = Mirror(run, connection, "UTC")
    mirror.write([(record, timezone.now()) for record in records], [])
    Run.objects.filter(pk=run.pk).update(state=RunState.COMPLETE, lease_until=None, finished_at=timezone.now())
    return mirror.tally.new, mirror.tally.changed


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def connection(sales):
    return make_connection(sales)


@pytest.fixture
def filled(connection):
    tell(connection, *(call.record() for call in CALLS), campaign())
    refresh_tenant()
    return connection


@pytest.fixture
def scope(ana) -> Scope:
    return Scope.of(membership_of(ana, "acme").grant)


def rule(tenant, **days: int | None) -> None:
    """Keep classes for so many days, as if the night had come."""
    with transaction.atomic():
        keep(tenant.pk, tenant.zone, {DataClass(what): count for what, count in days.items()})
    Retention.objects.filter(days__isnull=False).update(due_at=ago(1))


def night() -> int:
    done = sum(nightly.work(pk) for pk in nightly.in_order(nightly.due()))
    refresh_tenant()
    return done


def figures(scope: Scope) -> list[object]:
    """Every metric over the whole history, plain and by what calls can be told apart by."""
    period = Period(ago(220).date(), ago(-1).date(), scope.zone)
    ways = (("area_code",), ("status", "direction"), ("month",))
    answers = [ask(Question(tuple(METRICS), period, by, compare=False), scope, now=_ZERO) for by in ways]
    assert answers[0].totals["unique_contacts"].value
    return [(answer.totals, answer.rows) for answer in answers]


def removed() -> dict[str, int]:
    return dict(Removal.objects.values_list("what", "amount"))


def payload(key: str) -> dict[str, object]:
    return json.loads(Payload.objects.get(call__external_id=key).raw)


def everything_about_the_silent() -> list[str]:
    digits = "".join(sign if sign.isalnum() else "" for sign in everything_kept().replace("\n", "n"))
    return ["987123654"] if "987123654" in digits else []


@pytest.mark.parametrize(
    "days",
    [{"transcripts": 90}, {"recordings": 90}, {"payloads": 90}, {"numbers": 90}, dict.fromkeys(DataClass.values, 90)],
    ids=lambda days: "+".join(days) if len(days) == 1 else "all",
)
def test_no_figure_moves_and_as_many_go_as_was_said(filled, acme, scope, days) -> None:
    before, count = figures(scope), Call.objects.count()
    said = {
        each.what: each.total
        for each in preview(acme, {DataClass(what): n for what, n in days.items()}, timezone.now())
        if each.total
    }
    rule(acme, **days)

    assert night() == len(days)
    assert figures(scope) == before
    assert Call.objects.count() == count
    assert removed() == said
    assert said or days == {}
    Retention.objects.update(due_at=ago(1), reached=None)
    night()
    assert removed() == said, "what is gone does not go again"
    assert figures(scope) == before


def test_a_transcript_goes_and_the_link_stays(filled, acme) -> None:
    rule(acme, transcripts=90)
    night()

    assert payload("c1").keys() == {"id", "to", "from", "status", "duration", "call_recording_url", "tool_data"}
    assert payload("c1")["to"] == SILENT
    assert payload("c4")["call_transcription"]


def test_with_all_that_the_vendor_sent_only_the_course_of_a_call_stays(filled, acme) -> None:
    rule(acme, payloads=90)
    night()

    assert payload("c1") == {"id": "c1", "status": "no-answer", "duration": 60}
    assert Call.objects.get(external_id="c1").to_number == SILENT


def test_a_number_goes_once_the_last_call_is_old(filled, acme, ana) -> None:
    CallNote.objects.create(
        tenant_id=acme.pk, call=Call.objects.get(external_id="c1"), author=ana, text="ring 11 98712-3654"
    )
    rule(acme, numbers=90)
    night()
    forget_retired()

    calls = {call.external_id: call for call in Call.objects.all()}
    assert phones.is_erased(calls["c1"].contact)
    assert calls["c1"].contact == calls["c1"].to_number == calls["c2"].contact == calls["c2"].from_number
    assert calls["c1"].from_number == calls["c2"].to_number == LINE
    assert calls["c3"].to_number == RETURNED, "somebody called it two days ago"
    assert phones.is_erased(calls["c7"].contact)
    assert calls["c6"].contact == ""
    assert SPOKEN in json.dumps(payload("c1"))
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        forget_retired()
    assert everything_about_the_silent() == []


@pytest.mark.parametrize("what", [*NAMES])
def test_the_vendor_brings_nothing_back(filled, acme, scope, what) -> None:
    rule(acme, **{what.value: 90})
    night()
    before = figures(scope)

    assert tell(filled, *(call.record() for call in CALLS), campaign()) == (0, 0), "it is known to be the same"
    tell(filled, *(call.record(note="told anew") for call in CALLS[:3]))
    if what is DataClass.NUMBERS:
        tell(filled, Told("c1", "", 200, status="no-answer").record(number="withheld now"))
    refresh_tenant()

    text = " ".join(Payload.objects.filter(call__started_at__lt=ago(100)).values_list("raw", flat=True))
    if what is DataClass.NUMBERS:
        text += " ".join(str(row) for row in Call.objects.filter(external_id__in=("c1", "c2", "c7")).values())
        text += Campaign.objects.get().detail_payload
    left = text.replace(RETURNED, "")
    assert NAMES[what] not in left
    assert "told anew" in payload("c2").values()
    assert figures(scope) == before


def test_what_is_read_for_the_first_time_is_cut_at_once(connection, acme) -> None:
    rule(acme, transcripts=90, recordings=30)
    tell(connection, *(call.record() for call in CALLS))

    assert "call_transcription" not in payload("c1")
    assert "call_transcription" in payload("c4")
    assert night() == 2
    assert removed() == {}


def test_a_reader_knows_a_call_without_its_number_by_the_vendors_digest(filled, acme, sales) -> None:
    rule(acme, numbers=90)
    night()
    start = ago(200)
    known = known_digests(sales.pk, Part(Stream.CALLS, start.date().isoformat(), start.astimezone(UTC).date()))

    record = CALLS[0].record()
    assert bytes(Call.objects.get(external_id="c1").digest) != record.digest
    assert record.digest in known
    assert known[record.digest] == "c1"
    assert b"another digest" not in known


def test_what_is_gone_is_shown_as_absent(filled, acme, scope, client, ana) -> None:
    rule(acme, transcripts=90, recordings=90, numbers=90)
    night()
    call = Call.objects.get(external_id="c1")

    told = detail(call.pk, scope)
    assert told.parts.transcript == []
    assert not told.has_transcript
    client.force_login(ana)
    shown = client.get(f"/t/acme/calls/{call.pk}/").content.decode()
    listed = client.get("/t/acme/calls/").content.decode()
    assert SPOKEN not in shown
    assert "98712" not in shown + listed
    elements = [json.loads(raw) for raw in page(scope, vendor_calls(scope, VendorFilter()), offset=0, size=50)]
    assert len(elements) == len(CALLS)
    assert [each["id"] for each in elements if "call_transcription" in each] == ["c5", "c4"]


def test_texts_of_mails_go_and_that_they_were_sent_stays(acme) -> None:
    common = {"tenant_id": acme.pk, "to": "ana@acme.example", "subject": "Weekly", "text": "figures", "html": "<p>"}
    rows = [
        Message.objects.create(**common, reference=str(place), message_id=str(place), state=state)
        for place, state in enumerate((MailState.SENT, MailState.PENDING, MailState.FAILED, MailState.SENT))
    ]
    Enclosure.objects.create(tenant_id=acme.pk, message=rows[0], name="a.pdf", content_type="x/y", content=b"figures")
    Message.objects.filter(pk__in=[row.pk for row in rows[:3]]).update(created_at=ago(40))
    rule(acme, mails=30)
    night()

    assert [(row.text, row.html, row.subject) for row in Message.objects.order_by("pk")] == [
        ("", "", "Weekly"),
        ("figures", "<p>", "Weekly"),
        ("", "", "Weekly"),
        ("figures", "<p>", "Weekly"),
    ]
    assert bytes(Enclosure.objects.get().content) == b""
    assert removed() == {"mails": 2}
    assert not send_again(rows[2].pk), "nobody is sent an empty mail"


def test_the_history_of_a_call_goes_and_the_call_stays(filled, acme) -> None:
    tell(filled, Told("c5", SEEN, 1, status="busy").record())
    tell(filled, Told("c4", RETURNED, 2, status="busy").record())
    CallChange.objects.filter(call__external_id="c5").update(at=ago(40))
    rule(acme, changes=30)
    night()

    assert list(CallChange.objects.values_list("call__external_id", flat=True)) == ["c4"]
    assert Call.objects.get(external_id="c5").status == "busy"


@pytest.mark.parametrize("what", ["recordings", "numbers", "payloads"])
def test_what_nobody_could_read_goes_with_the_first_class(connection, acme, what) -> None:
    aside = (
        of(UnplacedRecord, json.dumps({"to": SILENT}), agent="a1"),
        of(BrokenRecord, f'{{"to": "{SILENT}"', kind="call", external_id="b", reason="cut", stream="calls", part="x"),
    )
    tell(connection, *aside)
    for model in (Unplaced, Quarantine):
        model.objects.update(first_seen_at=ago(100))
    rule(acme, **{what: 90})
    night()
    tell(connection, *aside)
    old = of(BrokenRecord, '{"old"', kind="call", external_id="o", reason="cut", stream="calls", part="y",
             day=ago(100).date())  # fmt: skip
    tell(connection, old)

    assert [row.raw for row in (*Unplaced.objects.all(), *Quarantine.objects.all())] == ["", "", ""]
    assert removed() == {what: 2}


def test_a_round_that_dies_is_gone_on_with(filled, acme, scope, monkeypatch) -> None:
    before = figures(scope)
    rule(acme, numbers=90, transcripts=90)
    monkeypatch.setattr(numbers, "_CONTACTS", 1)
    monkeypatch.setattr("reports.privacy.retention.payloads._BATCH", 1)
    calls = []

    def die(self) -> None:
        calls.append(self.what)
        if calls.count(self.what) == 2:
            raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("reports.privacy.retention.rounds.Round.go_on", die)
        for pk in nightly.in_order(nightly.due()):
            with pytest.raises(SystemExit):
                nightly.work(pk)
    assert 0 < sum(removed().values()) < 7
    assert nightly.in_order(nightly.due()) == [], "its claims have not run out"
    Retention.objects.update(claimed_until=ago(1))

    assert night() == 2
    assert removed() == {"transcripts": 5, "numbers": 2}
    assert figures(scope) == before


def test_a_turn_ends_in_time_and_the_next_goes_on(filled, acme) -> None:
    rule(acme, transcripts=90)
    turns = 0
    while Retention.objects.filter(done_at=None).exists():
        (pk,) = nightly.in_order(nightly.due())
        nightly.work(pk, turn=timedelta(0))
        turns += 1

    assert turns > 2
    assert removed() == {"transcripts": 5}


def test_a_rule_that_is_lengthened_meanwhile_stops_the_round(filled, acme, monkeypatch) -> None:
    rule(acme, transcripts=90)
    (pk,) = nightly.in_order(nightly.due())
    monkeypatch.setattr(
        "reports.privacy.retention.rounds.Round.go_on", lambda self: Retention.objects.update(days=None)
    )

    assert nightly.work(pk) is False
    assert removed()["transcripts"] < 5


def test_files_made_with_numbers_of_then_go(filled, acme, ana) -> None:
    queries = ("", f"date_from={ago(300).date()}", f"date_from={ago(5).date()}")
    for place, query in enumerate(queries):
        made = Export.objects.create(
            tenant_id=acme.pk, user=ana, what="calls", format="csv", language="en", query=query,
            rights={"numbers": True}, state=FileState.READY, file=str(place) * 40,
        )  # fmt: skip
        path = Path(settings.DATA_DIR) / "exports" / str(acme.pk) / made.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SILENT)
    rule(acme, numbers=90)
    with TestCase.captureOnCommitCallbacks(execute=True):
        night()

    assert list(Export.objects.order_by("pk").values_list("state", flat=True)) == ["expired", "expired", "ready"]
    assert sorted(path.name[0] for path in path.parent.iterdir()) == ["2"]


def test_another_company_keeps_what_it_has(filled, acme, globex, foreign) -> None:
    with wall.tenant(globex):
        other = make_connection(foreign)
        tell(other, *(call.record() for call in CALLS))
    rule(acme, **dict.fromkeys(DataClass.values, 31))
    night()

    with wall.tenant(globex):
        assert payload("c1")["call_transcription"]
        assert Call.objects.get(external_id="c1").contact == "5511987123654"
        assert tell(other, CALLS[0].record(note="told anew")) == (0, 1)
        assert payload("c1")["call_transcription"]


def test_a_person_whose_number_is_gone_can_still_be_erased(filled, acme) -> None:
    rule(acme, numbers=90)
    night()
    assert SPOKEN in json.dumps(payload("c1"))
    done = erase(ask_erasure(acme.pk, SILENT, Reason.REQUEST).pk)

    assert done is not None
    assert done.calls == 3
    for key in ("c1", "c2", "c7"):
        assert payload(key).keys() == {"id", "status", "duration"}
    tell(filled, *(call.record(note="told anew") for call in CALLS))
    assert payload("c1").keys() == {"id", "status", "duration"}
    assert SPOKEN in json.dumps(payload("c3"))


def test_who_calls_again_is_known_by_his_number_until_it_goes_again(filled, acme) -> None:
    rule(acme, numbers=90)
    night()
    code = Call.objects.get(external_id="c1").contact
    tell(filled, Told("c8", SILENT, 0.5).record())

    assert Call.objects.get(external_id="c8").to_number == SILENT
    assert Call.objects.get(external_id="c1").contact == code


def test_days_are_the_companys_own() -> None:
    now = datetime(2026, 7, 8, 1, 30, tzinfo=UTC)  # the evening before in São Paulo

    assert kept_since(30, "America/Sao_Paulo", now).isoformat() == "2026-06-07T00:00:00-03:00"
    assert next_night("America/Sao_Paulo", now).isoformat() == "2026-07-08T03:00:00-03:00"
    assert next_night("Asia/Kathmandu", now).isoformat() == "2026-07-09T03:00:00+05:45"


def test_each_night_it_is_owed_anew(filled, acme) -> None:
    rule(acme, transcripts=90)
    night()
    row = Retention.objects.get()

    assert row.due_at > timezone.now()
    assert row.claimed_until is None
    assert nightly.in_order(nightly.due()) == []


def test_the_command_tells_and_does(filled, acme, capsys) -> None:
    rule(acme, transcripts=90, numbers=90)
    Retention.objects.update(due_at=ago(-9))
    with wall.every_tenant("a command opens walls by itself"):
        call_command("apply_retention", tenant="acme", preview=True, json=True)
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert removed() == {}
        call_command("apply_retention", tenant="acme", json=True)
    done = json.loads(capsys.readouterr().out.splitlines()[-1])

    assert told == {"transcripts": 5, "numbers": 2}
    assert done == {"status": "done"} | told


def test_every_personal_column_of_its_kind_is_of_a_class_or_said_to_stay() -> None:
    kinds = (registry.Kind.NUMBER, registry.Kind.RAW, registry.Kind.MAIL)
    there = {column for kind in kinds for column in registry.PERSONAL[kind]}
    retained = {column for columns in registry.RETAINED.values() for column in columns}

    assert there <= retained | set(registry.STAYING)
    assert not retained & set(registry.STAYING)
    assert list(registry.RETAINED) == list(DataClass)


def test_who_is_called_while_numbers_go_keeps_his(filled, acme, monkeypatch) -> None:
    """Numbers are listed first and taken some at a time, so a call may come between."""
    take = numbers._take

    def late(round_, contacts) -> None:
        tell(filled, Told("c8", SILENT, 0.5).record())
        take(round_, contacts)

    monkeypatch.setattr(numbers, "_take", late)
    rule(acme, numbers=90)
    night()
    contacts = {call.external_id: call.contact for call in Call.objects.all()}
    assert contacts["c1"] == contacts["c2"] == contacts["c8"] == SILENT.removeprefix("+")
    assert phones.is_erased(contacts["c7"])
