"""Who may not see numbers plays for one: given a contact's mask, he must not tell the number from its neighbours.

Two worlds differ in the digits that the mask of one contact hides, and in nothing else: the calls, their keys and their
times are the same rows. A masked member and masked keys ask every address in both, and every file; what they are
served has to be the same, but for the contact's opaque id, which is another one in each.
"""

import io
import json
import logging
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
import time_machine
from django.core import mail
from django.db.models import F, Value
from django.db.models.functions import Replace
from django.test import Client

from portal.lib import phones
from portal.logs import RedactedLines
from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.columns.refresh import refresh_tenant
from reports.files import making
from reports.files.models import Export
from reports.mail.models import Delivery, Subscription
from reports.mail.send import send_due
from reports.mail.subscriptions import create_weekly
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from sync.models.agents import Agent
from sync.models.calls import Call, Payload
from sync.models.changes import DirtyDay
from tests import factories
from tests.conftest import member
from tests.isolation.exchange import Exchange, but, visit
from tests.isolation.world import DAYS, NOW, ORIGINSAI, TALKOVER
from tests.journeys.one_agent import BOTH, at
from tests.journeys.test_one_agent import questions
from tests.reports.api.conftest import make_key

pytestmark = pytest.mark.django_db

USED = datetime(2100, 1, 1, tzinfo=UTC)  # so that no use of a key is noted, which the page of keys would tell
MONDAY = datetime(2026, 7, 13, 11, tzinfo=UTC)  # when the weekly mail of these days is due
PERSON, NEIGHBOUR = BOTH[1], "+5511912344301"  # alike in what the mask shows, and in their area
SPELT = ("{0}", "+55 {1} {2}-{3}", "({1}) {2}-{3}", "{1}{2}{3}", "{2} {3}", "{4}")


def spellings(number: str) -> list[str]:
    area, first, last = number[3:5], number[5:10], number[10:]
    return [form.format(number, area, first, last, " ".join(number[5:])) for form in SPELT]


@pytest.fixture
def spoken(acme, sales, care, town) -> dict[str, str]:
    """A call of the person whose vendor wrote the number down in every way, wherever it may stand."""
    said = " / ".join(spellings(PERSON))
    element = {
        "id": "spoken",
        "sid": f"sip:{PERSON}@10.0.0.1",
        "to": PERSON,
        "to_formatted": spellings(PERSON)[2],
        "customer": {"phone": PERSON, "note": said, PERSON: "key"},
        "call_transcription": [{"user": f"Meu número é {said}."}, {"assistant": "Obrigado."}],
        "call_context": {"lead": said, "digits": int(PERSON[1:])},
        "call_timeline": [{"event": f"dialled {PERSON}", "timestamp": "2026-07-09T13:00:00Z"}],
        "call_recording_url": f"https://recordings.example/{PERSON[1:]}.mp3",
    }
    with wall.tenant(acme):
        for environment, key in ((sales, "agent-mine"), (care, "7")):
            agent = Agent.objects.get(environment=environment, external_id=key)
            call = factories.call(environment, f"spoken-{PERSON[1:]}", agent=agent, raw=json.dumps(element),
                                  sid=element["sid"], to_number=PERSON, hangup_cause=f"busy {PERSON}",
                                  started_at=at(9, 16))  # fmt: skip
            renew(environment)
        refresh_tenant()
    return town | {"call": str(call.pk), "number": PERSON[3:], "contact_id": opaque(acme, PERSON)}


def renew(environment: Any) -> None:
    for day in DAYS:
        DirtyDay.objects.update_or_create(
            tenant_id=environment.tenant_id, environment=environment, day=day, defaults={"since": NOW}
        )


def opaque(tenant: Any, number: str) -> str:
    return contact_id(number[1:], Scope(tenant.pk, "UTC", frozenset()))


def change_world(tenant: Any, *environments: Any) -> None:
    """The person's number becomes the neighbour's, wherever it stands and however it is written."""
    pairs = list(zip([*spellings(PERSON), PERSON[1:]], [*spellings(NEIGHBOUR), NEIGHBOUR[1:]], strict=True))

    def changed(column: str) -> Any:
        expression: Any = F(column)
        for was, now in pairs:
            expression = Replace(expression, Value(was), Value(now))
        return expression

    with wall.tenant(tenant):
        columns = ("contact", "from_number", "to_number", "sid", "external_id", "hangup_cause")
        Call.objects.update(**{column: changed(column) for column in columns})
        Payload.objects.update(raw=changed("raw"))
        for environment in environments:
            renew(environment)
        refresh_tenant()


@pytest.fixture
def masked(acme, sales, care, spoken) -> dict[str, tuple[Client, dict[str, str]]]:
    """A manager and keys, none of whom may see numbers."""
    eva = member(acme, "eva@acme.example", Role.MANAGER)
    found = {"eva": (Client(), {"Accept-Language": "en"})}
    found["eva"][0].force_login(eva)
    for name, environment in (("key", None), ("sales-key", sales), ("care-key", care)):
        secret = make_key(acme, environment=environment, numbers=False, role=Role.MANAGER, last_used_at=USED)
        found[name] = (Client(), {"Accept-Language": "en", "Authorization": f"Bearer {secret}"})
    return found


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Every line that is logged, as it is written out."""
    lines, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(RedactedLines())
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)


def reader_of(path: str) -> str:
    among = {"/t/": "eva", "/api/": "key", TALKOVER: "sales-key", ORIGINSAI: "care-key"}
    return next(name for start, name in among.items() if path.startswith(start))


def asked(ids: dict[str, str]) -> Iterator[str]:
    """Every address, and every way to search by a number: each is asked for the same number in both worlds."""
    yield from questions(ids)
    number, days = PERSON[1:], "date_from=2026-07-01&date_to=2026-07-10"
    yield f"{TALKOVER}/agents/{ids['agent_key']}/calls?per_page=100"
    yield f"{TALKOVER}/calls?per_page=100"
    yield f"{ORIGINSAI}/agents/7/call_stats"
    yield f"/t/acme/calls/{ids['call']}/payload.json"
    yield f"/t/acme/contacts/{ids['contact_id']}/"
    yield f"/t/acme/calls/?contact={ids['contact_id']}&testing=include&columns=id,sid,line,contact"
    for part, match in ((number, "exact"), (number[2:], "exact"), (number[4:9], "contains"), (number[:8], "begins"),
                        (number[-8:], "ends"), (number[-4:], "ends")):  # fmt: skip
        for path in ("/t/acme/calls/", "/t/acme/calls.csv", "/t/acme/reports/query/", "/t/acme/exports/",
                     "/t/acme/callbacks/", "/api/v1/calls/", "/api/v1/calls/csv/", "/api/v1/reports/query/",
                     "/api/v1/contacts/"):  # fmt: skip
            yield f"{path}?number={part}&number_match={match}&{days}"
        for path in ("/t/acme/calls/", "/api/v1/calls/", "/api/v1/reports/query/"):
            yield f"{path}?line={part}"
            yield f"{path}?cause=busy+%2B{part}"
        for path in ("calls", "agents", "campaigns", f"agents/{ids['agent_key']}/calls"):
            yield f"{TALKOVER}/{path}?search={part}"
    for ordering in ("started_at", "-started_at", "changed_at", "contact", "to_number"):
        yield f"/api/v1/calls/?ordering={ordering}&page_size=3"


def served(masked: dict[str, Any], ids: dict[str, str]) -> dict[str, Exchange]:
    contact = {"contact_id": ids["contact_id"]}
    told = {path: but(visit(masked[reader_of(path)], path), contact) for path in asked(ids)}
    # One id in 64 begins with a sign that a spreadsheet would read as a formula, and is quoted in files.
    return {
        path.replace(ids["contact_id"], "ID"): replace(each, body=each.body.replace("'ID", "ID"))
        for path, each in told.items()
    }


WHATS, FORMS = ("calls", "callbacks", "waiting", "campaigns", "report"), ("csv", "xlsx", "parquet", "pdf")


def files(
    tenant: Any, masked: dict[str, Any], contact: str, whats: Iterable[str] = WHATS, forms: Iterable[str] = FORMS
) -> dict[str, Any]:
    """What stands in the files of a masked key, but for the contact's id; a job that is refused is its answer."""
    client, headers = masked["key"]
    found: dict[str, Any] = {}
    for what in whats:
        for form in forms:
            narrowed = ({"contact": contact}, {"number": PERSON[1:], "number_match": "exact"})
            for more in ({}, *(narrowed if form != "pdf" else ())):
                body = {"what": what, "format": form, "date_from": "2026-07-01", "date_to": "2026-07-10"} | more
                answer = client.post("/api/v1/exports/", body, content_type="application/json", headers=headers)
                case = (what, form, *more)
                if answer.status_code != 202:
                    found[case] = (answer.status_code, answer.content.decode().replace(contact, "ID"))
                    continue
                with wall.tenant(tenant):
                    making.make(Export.objects.latest("pk").pk)
                job = answer.json()["id"]
                file = client.get(f"/api/v1/exports/{job}/download/", headers=headers)
                assert file.status_code == 200, case
                content = b"".join(file.streaming_content)
                found[case] = repr(parts(form, content)).replace(contact, "ID").replace("'ID", "ID")
    with wall.tenant(tenant):
        Export.objects.all().delete()
    return found


def parts(form: str, content: bytes) -> Any:
    """All that is in a file, what no program shows of it included."""
    if form == "csv":
        return content.decode()
    if form == "parquet":
        table = pq.read_table(io.BytesIO(content))
        return table.schema.metadata, table.to_pylist()
    if form == "xlsx":
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            return {name: book.read(name).decode() for name in book.namelist()}
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL)
    unpacked = [zlib.decompress(each) if each[:1] == b"x" else each for each in streams]
    return [each for each in unpacked if b"xmpmeta" not in each]  # when it was made, and a number by chance


def mails(tenant: Any, contact: str) -> list[str]:
    """What the masked manager is sent, as it leaves: every part of the weekly mail, but for its signed links."""
    create_weekly(tenant, "eva@acme.example", "en", since=MONDAY - timedelta(days=1))
    mail.outbox.clear()
    assert send_due(MONDAY + timedelta(hours=7)).sent == 1  # it has waited for days that are not read
    (sent,) = mail.outbox
    parts = [str(sent.subject), str(sent.body), *(str(body) for body, _kind in sent.alternatives)]
    parts += [str(attached) for attached in sent.attachments]
    with wall.tenant(tenant):
        Delivery.objects.all().delete()
        Subscription.objects.all().delete()
        Message.objects.all().delete()
    return [re.sub(r"/mail/\S+", "LINK", part).replace(contact, "ID") for part in parts]


def test_a_masked_reader_is_served_the_same_in_two_worlds(
    acme, sales, care, spoken, masked, settings, tmp_path, monkeypatch, logged
):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr("reports.api.exports.hint", lambda *pair: None)
    assert phones.masked(PERSON) == phones.masked(NEIGHBOUR)
    here = served(masked, spoken)
    with time_machine.travel(NOW, tick=False):
        here_files = files(acme, masked, spoken["contact_id"])
    here_mails = mails(acme, spoken["contact_id"])
    change_world(acme, sales, care)
    there_ids = spoken | {"contact_id": opaque(acme, NEIGHBOUR)}
    there = served(masked, there_ids)
    with time_machine.travel(NOW, tick=False):
        there_files = files(acme, masked, there_ids["contact_id"])
    assert mails(acme, there_ids["contact_id"]) == here_mails
    assert here.keys() == there.keys()
    assert [path for path in here if here[path] != there[path]] == []
    assert [case for case in here_files if here_files[case] != there_files[case]] == []
    hidden = (PERSON[5:10], PERSON[3:10])
    told = [path for path, answer in here.items() for digits in hidden if digits in answer.body]
    echoed = [path for path in told if digits_asked(path)]
    assert sorted(set(told) - set(echoed)) == []
    kept = (*here_files.values(), *here_mails, logged.getvalue())
    assert [text[:200] for text in map(str, kept) for digits in hidden if digits in text] == []


def digits_asked(path: str) -> bool:
    """Whether the address itself brought digits along, which a form shows again."""
    return any(f"{name}=" in path for name in ("number", "search", "line", "cause"))


def test_who_sees_numbers_would_tell_the_worlds_apart(acme, sales, care, spoken, ana, settings, tmp_path, monkeypatch):
    """The other way round, so that the game could be lost."""
    client = Client()
    client.force_login(ana)
    secret = make_key(acme, environment=sales)
    everyone = {
        "eva": (client, {"Accept-Language": "en"}),
        "key": (Client(), {"Authorization": f"Bearer {make_key(acme)}"}),
        "sales-key": (Client(), {"Authorization": f"Bearer {secret}"}),
    }
    paths = ("/t/acme/calls/", f"/t/acme/calls/{spoken['call']}/", "/api/v1/calls/", f"{TALKOVER}/calls?per_page=100",
             f"/api/v1/calls/?number={PERSON[1:]}&number_match=exact&page_size=500")  # fmt: skip
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr("reports.api.exports.hint", lambda *pair: None)
    wanted = {"whats": ("calls",), "forms": ("xlsx", "pdf")}
    here = {path: visit(everyone[reader_of(path)], path) for path in paths}
    with time_machine.travel(NOW, tick=False):
        here_files = files(acme, everyone, spoken["contact_id"], **wanted)
    change_world(acme, sales, care)
    with time_machine.travel(NOW, tick=False):
        there_files = files(acme, everyone, opaque(acme, NEIGHBOUR), **wanted)
    assert all(there_files[case] != content for case, content in here_files.items())
    assert all(visit(everyone[reader_of(path)], path) != here[path] for path in paths)


def test_a_number_that_is_there_and_one_that_is_not_are_refused_alike(masked, spoken):
    answers = {
        visit(masked["key"], f"/api/v1/calls/?number={number}&number_match=exact").body
        for number in (PERSON[1:], NEIGHBOUR[1:], "5521900000000")
    }
    assert len(answers) == 1
