"""What a tenant leaves on disk and in tables after its people did what they can: nothing there is another's."""

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from portal.outbox import post
from portal.tenants import wall
from portal.tenants.guards import membership_of
from reports.columns import files
from reports.columns.models import ColumnFile
from reports.columns.refresh import refresh_tenant
from reports.files import folder, jobs, making
from reports.files.formats import FORMATS
from reports.files.models import Export, State
from reports.files.orders import read_order
from reports.mail.models import Delivery
from reports.mail.send import send_tenant
from reports.queries.scope import Scope
from tests.isolation.exchange import ask, leaked, overheard
from tests.isolation.world import NOW, Side, canary
from tests.walls.rows import MODELS, snapshot

pytestmark = pytest.mark.django_db

ORDERS: tuple[dict[str, str], ...] = (
    {"what": "calls"}, {"what": "callbacks"}, {"what": "waiting"}, {"what": "campaigns"},
    {"what": "report", "by": "agent,environment", "metrics": "attempts,connect_rate"},
)  # fmt: skip


def text_of(content: bytes) -> str:
    """What stands in a file, in whichever format: packed parts are unpacked, rows of Parquet are written out."""
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            return "\n".join(book.read(part).decode("utf-8", "replace") for part in book.namelist())
    if content[:4] == b"PAR1":
        return str(pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist())
    if content[:5] == b"%PDF-":
        parts = content.split(b"stream\n")[1:]
        return "\n".join(zlib.decompressobj().decompress(part).decode("latin-1") for part in parts if part[:1] == b"x")
    return content.decode("utf-8-sig")


def order(side: Side, user: Any, params: dict[str, str]) -> Export:
    membership = membership_of(user, side.tenant.slug)
    asked = read_order(params, Scope.of(membership.grant))
    return jobs.ask(asked, jobs.Asker(side.tenant.pk, user=user), lambda *pair: None)


@pytest.mark.parametrize(
    ("slug", "formats"),
    [
        ("acme", ("csv", "xlsx")),
        *(pytest.param(slug, tuple(FORMATS), marks=pytest.mark.isolation_long) for slug in ("acme", "globex")),
    ],
)
def test_nothing_of_another_tenants_is_in_what_one_has(sides, five_companies, slug, formats) -> None:
    side, other = sides[slug], sides["globex" if slug == "acme" else "acme"]
    user = five_companies.people["owner" if slug == "acme" else "their-owner"]
    seen: dict[str, str] = {}
    with overheard() as texts, wall.tenant(side.tenant):
        for params in ORDERS:
            for key in formats:
                row = order(side, user, {**params, "format": key})
                assert making.make(row.pk), (params, key)
                row.refresh_from_db()
                assert row.state == State.READY
                with folder.open_file(side.tenant.pk, row.file) as file:
                    seen[f"{params['what']}.{key}"] = text_of(file.read())
        refresh_tenant()
        for column_file in ColumnFile.objects.filter(retired_at__isnull=True):
            seen[column_file.name] = text_of(files.local(column_file).read_bytes())
        Delivery.objects.all().delete()
        send_tenant(NOW.replace(day=20), lambda _tenant, message_id: post.deliver(message_id))
        mailed = Delivery.objects.count()
    for model in MODELS:
        seen[model._meta.db_table] = str(snapshot(model, side.tenant))
    seen["logs, mails and queues"] = "\n".join(texts)
    assert {name: found for name, text in seen.items() if (found := leaked(text, other.secrets, {}))} == {}
    # So there was something to be found in.
    for key in set(formats) - {"pdf"}:  # which writes glyphs
        assert canary(slug) in seen[f"calls.{key}"], key
    assert any("environment=" in name and canary(slug) in text for name, text in seen.items())
    assert mailed


def test_a_file_is_opened_by_rows_of_ones_own(sides, principals) -> None:
    """Names of files are no keys: who knows another's finds no row that says so."""
    theirs = sides["globex"]
    with wall.tenant(theirs.tenant):
        export = Export.objects.get(public_id=theirs.ids["export"])
    assert Path(folder.place(theirs.tenant.pk, export.file)).is_file()
    for path in (
        f"/t/acme/exports/{export.public_id}/download/",
        f"/t/acme/exports/{export.file}/download/",
        f"/api/v1/exports/{export.public_id}/download/?tenant=acme",
        f"/t/acme/exports/../{theirs.tenant.pk}/{export.file}",
    ):
        assert ask(principals["owner"], path).status == 404, path
    with wall.tenant(sides["acme"].tenant):
        assert not making.make(export.pk)
        assert jobs.claim(export.pk) is None
