"""An erased number stands in no byte that is kept, of any table or kind of file, nor after the vendor sends it again.

Tables are filled by the registry of personal columns and files by the list of formats, so that a column or a format
that is added is looked at from its first day.
"""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, models
from django.test import TestCase

from portal.django_inside import redis_of
from portal.lib import number_runs, phones
from portal.outbox.models import Enclosure, Message
from portal.outbox.post import Attachment, deliver, put
from portal.privacy.models import Reason
from portal.privacy.registry import PERSONAL, Kind, columns
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from portal.vault import EncryptedText
from reports.files import downloads, folder, jobs
from reports.files.formats import FORMATS, HANDED_OUT
from reports.files.models import Export, State, What
from reports.files.table import Column, Facts, Table
from reports.files.table import Kind as Cell
from reports.privacy import inside
from reports.privacy.erasing import ask, work
from reports.queries.contacts.ids import id_within
from sync.models.calls import Call
from sync.models.campaigns import CampaignCall
from sync.models.runs import Run
from sync.sandbox.server import Sandbox
from tests.journeys.conftest import _generous, connect
from tests.walls.rows import row_of

__all__ = ["_generous"]

NUMBER, OTHER = "+5511987654321", "+5521912345678"
CONTACT = NUMBER[1:]
SPELLINGS = (
    NUMBER, "+55 (11) 98765-4321", "011 98765 4321", "11\u00a098765\u20114321", "11\u202f98765_4321", "11, 98765, 4321",
    "11      98765    4321", "１１９８７６５４３２１", "55/11/98765.4321", r"11 98765\u20114321", "%2B55+11+98765-4321",
)  # fmt: skip


def holds(text: str) -> bool:
    return number_runs.contains(text, CONTACT)


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path


def tables() -> Iterator[tuple[str, str]]:
    """Every row of every table of the database, as the database holds it."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, cell in zip(names, row, strict=True):
                    if isinstance(cell, bytes | memoryview):
                        yield from ((f"{table}.{name}", text) for text in said(bytes(cell)))
                    elif not isinstance(cell, int | float):
                        yield f"{table}.{name}", str(cell)


def said(content: bytes) -> list[str]:
    return [content.decode("latin-1"), *inside.texts(io.BytesIO(content))]


def files() -> Iterator[tuple[str, str]]:
    for path in Path(settings.DATA_DIR).rglob("*"):
        if path.is_file():
            yield from ((str(path), text) for text in said(path.read_bytes()))


def cached() -> Iterator[tuple[str, str]]:
    local = getattr(cache, "_cache", {})
    if isinstance(local, dict):
        yield from ((str(key), repr(value)) for key, value in local.items())
        return
    client = redis_of(cache, "any")
    for key in client.scan_iter("*"):
        kind = client.type(key).decode()
        if kind == "string":
            yield str(key), client.get(key).decode("latin-1")
        elif kind == "list":
            yield from ((str(key), each.decode("latin-1")) for each in client.lrange(key, 0, -1))


def kept() -> list[str]:
    """Where the number stands, of all that is kept."""
    sealed = id_within(wall.current(), CONTACT)
    places = [*tables(), *files(), *cached()]
    return sorted({place for place, text in places if holds(text) or sealed in text})


def file_of(form: str, text: str) -> bytes:
    """A file of each kind that is handed out, that says a text."""
    if form == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("calls.json", json.dumps([{"said": text}], ensure_ascii=False))
            archive.writestr("deeper.csv.gz", gzip.compress(f"said\n{text}\n".encode()))
        return out.getvalue()
    table = Table(
        name="report",
        columns=(Column("said", "Said"), Column("n", "N", Cell.COUNT)),
        rows=iter([(text, 12), ("nothing", 34)]),
        facts=Facts("Report", "UTC"),
    )
    out = io.BytesIO()
    dialect = next(iter(FORMATS[form].dialects), "")
    FORMATS[form].writer(table, out, dialect=dialect)
    return out.getvalue()


def fill(tenant: Tenant) -> None:
    """A row of every table with a personal column, with the number in each of these."""
    rows: dict[type, Any] = {}
    for place, (label, names) in enumerate(sorted(columns().items())):
        model = apps.get_model(label)
        row = rows.get(model) or row_of(model, tenant, rows)
        written = {name: filled(model._meta.get_field(name), place) for name in names}
        for name in [name for name in names if isinstance(model._meta.get_field(name), EncryptedText)]:
            setattr(row, name, written.pop(name))
            row.save()
        model._default_manager.filter(pk=row.pk).update(**written)


def filled(field: Any, place: int) -> Any:
    column = f"{field.model._meta.label}.{field.name}"
    spelt = SPELLINGS[place % len(SPELLINGS)]
    if column in PERSONAL[Kind.NUMBER]:
        return CONTACT
    if column in PERSONAL[Kind.ID]:
        return f"call-{CONTACT}-{place}"
    if isinstance(field, EncryptedText):
        return NUMBER
    if isinstance(field, models.JSONField):
        return {"said": list(SPELLINGS), "n": int(CONTACT)}
    if isinstance(field, models.BinaryField):
        return file_of("zip", spelt)
    text = json.dumps({"to": list(SPELLINGS)}) if column in PERSONAL[Kind.RAW] else " / ".join(SPELLINGS)
    return spelt if field.max_length and len(text) > field.max_length else text


def in_files(tenant: Tenant, user: Any, text: str) -> dict[str, tuple[Export, Enclosure]]:
    """A file of each kind, ready to be handed out and enclosed in a mail; its rights say that it has no numbers."""
    made = {}
    for form in HANDED_OUT:
        content = file_of(form, text)
        export = Export.objects.create(
            tenant=tenant, user=user, what=What.REPORT, format=form, language="en", rights={"numbers": False},
            state=State.READY, name=f"report.{form}", sha256="00",
        )  # fmt: skip
        Export.objects.filter(pk=export.pk).update(file=f"{export.pk:040}")
        place = folder.place(tenant.pk, f"{export.pk:040}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        put(
            tenant_id=tenant.pk, to="ana@acme.example", subject="Report", text="See the file.", html="", headers={},
            reference=f"{form}-{export.pk}", attachments=[Attachment(f"report.{form}", "any", content)],
        )  # fmt: skip
        made[form] = export, Enclosure.objects.latest("pk")
    return made


@pytest.mark.django_db
@pytest.mark.usefixtures("behind_acme")
def test_nothing_is_left_of_a_number_in_any_table_or_file(acme, ana) -> None:
    fill(acme)
    named, plain = in_files(acme, ana, "call 11 98765\u20114321"), in_files(acme, ana, "call 11 91234-5678")
    before = kept()
    unfilled = [
        column
        for label, names in columns().items()
        for column in (f"{apps.get_model(label)._meta.db_table}.{name}" for name in names)
        if column not in before and not column.endswith("export.subject")
    ]
    assert unfilled == [], "a personal column that this test does not fill"
    calls = Call.objects.count()

    with TestCase.captureOnCommitCallbacks(execute=True):
        assert work(ask(acme.pk, NUMBER, Reason.REQUEST).pk) is not None

    assert kept() == []
    assert Call.objects.count() == calls
    for form, (export, enclosure) in named.items():
        export.refresh_from_db()
        with pytest.raises(downloads.Refused, match="withdrawn") as refused:
            downloads.hand_out(export, jobs.Asker(acme.pk, user=ana))
        assert refused.value.status == 410
        enclosure.refresh_from_db()
        assert enclosure.name == f"report.{form}.txt"
        assert b"withdrawn" in bytes(enclosure.content)
        assert Message.objects.filter(pk=enclosure.message_id).exists()
    for form, (export, enclosure) in plain.items():
        export.refresh_from_db()
        enclosure.refresh_from_db()
        assert (form, export.state, enclosure.name) == (form, State.READY, f"report.{form}")


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["text", "subject", "file"])
def test_a_mail_that_lies_in_the_folder_goes_with_the_number(acme, globex, settings, tmp_path, where) -> None:
    """Where no mail leaves. Another company's stays, and so do mails that say nothing of the person."""
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "portal.outbox.folder.FolderBackend", tmp_path / "outbox"
    said = [(acme, "11 98765\u20114321"), (acme, "11 91234-5678"), (globex, "11 98765-4321")]
    for tenant, text in said:
        named = {place: text if place == where else "Calls" for place in ("text", "subject", "file")}
        files = [Attachment("calls.xlsx", "application/octet-stream", file_of("xlsx", named["file"]))]
        with wall.tenant(tenant):
            message = put(
                tenant_id=tenant.pk, to="ana@acme.example", subject=named["subject"], text=named["text"], html="",
                headers={}, reference=text, attachments=files,
            )  # fmt: skip
            assert deliver(message.pk) == "sent"
    with wall.tenant(acme):
        work(ask(acme.pk, NUMBER, Reason.REQUEST).pk)
    left = [path.read_bytes() for path in (tmp_path / "outbox").glob("*.eml")]
    assert sorted(any(map(holds, inside.mail_texts(content))) for content in left) == [False, True]


@pytest.mark.django_db
@pytest.mark.parametrize("form", HANDED_OUT)
def test_a_file_of_each_kind_says_what_is_in_it(form) -> None:
    for text in ("call 11 98765\u20114321", NUMBER):
        assert any(map(holds, inside.texts(io.BytesIO(file_of(form, text))))), text


@pytest.mark.parametrize("content", [b"PK\x03\x04cut", b"%PDF-1.7 cut", b"PAR1cut", b"\x1f\x8bcut"])
def test_a_file_that_nobody_can_read_counts_as_one_that_holds_it(content) -> None:
    with pytest.raises(inside.Unreadable):
        list(inside.texts(io.BytesIO(content)))


def test_a_number_that_is_cut_by_the_end_of_a_piece_is_found() -> None:
    for offset in range(8):
        content = b"x" * ((1 << 20) - offset) + b" 11 98765-4321 " + b"y" * 100
        assert any(map(holds, inside.texts(io.BytesIO(content))))


@pytest.mark.django_db(transaction=True)
def test_nor_when_a_vendor_that_makes_its_ids_of_numbers_tells_of_it_again(acme) -> None:
    with Sandbox(days=4, calls_per_day=20, seed=3) as box:
        newest = max(element["created_at"] for element in box.world.calls.values())
        ids = [f"call-{CONTACT}-{n}" for n in (1, 2)]
        for key in ids:
            box.world.insert(id=key, to=NUMBER, direction="outbound", created_at=newest, sid=f"sip-{CONTACT}")
        box.world.insert(id=CONTACT, to=OTHER, direction="outbound", created_at=newest)
        with wall.tenant(acme):
            home = connect(acme, box).environment
        pull(home)
        with wall.tenant(acme):
            campaign = row_of(CampaignCall, acme, {type(home): home})
            CampaignCall.objects.filter(pk=campaign.pk).update(call_key=ids[0], environment=home)
            there = Call.objects.count()
            assert Call.objects.filter(external_id__in=[*ids, CONTACT]).count() == 3
        with wall.tenant(acme), TestCase.captureOnCommitCallbacks(execute=True):
            assert work(ask(acme.pk, NUMBER, Reason.REQUEST).pk).calls == 2
        with wall.tenant(acme):
            assert kept() == []
            named = CampaignCall.objects.get(pk=campaign.pk).call_key
            assert Call.objects.get(external_id=named).to_number != NUMBER, "the link leads to the call it led to"
        assert pull(home) == (0, 0, 0)
        box.world.change(ids[0], duration=1234)
        assert pull(home) == (0, 1, 0), "a change of such a call is its own, and it is not missed"
        box.world.drop(ids[1])
        assert pull(home) == (0, 0, 1), "one that is gone is missed"
        box.world.insert(id=f"call-{CONTACT}-9", to=NUMBER, direction="outbound", created_at=newest)
        assert pull(home) == (1, 0, 0)
        assert pull(home) == (0, 0, 0)
        with wall.tenant(acme):
            assert kept() == []
            assert Call.objects.count() == there + 1
            contacts = Call.objects.filter(contact__in=[phones.contact_digits(NUMBER)])
            assert not contacts.exists()


def pull(home: Any) -> tuple[int, int, int]:
    with wall.every_tenant("a command opens walls by itself"):
        call_command("pull", environment=home.public_id, json=True)
    with wall.tenant(home.tenant_id):
        run = Run.objects.filter(stream="calls").latest("pk")
    return run.new, run.changed, run.missing
