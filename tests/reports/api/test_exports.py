"""Files over the API: asked for, looked at, downloaded, withdrawn; and only one's own."""

import csv
import hashlib
import io
import json
import re
import sys
from datetime import timedelta

import pytest
from python_calamine import CalamineWorkbook

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Role
from reports.api.parameters import PAGING
from reports.api.views import CallList
from reports.definitions.metrics import METRICS
from reports.files import making, orders
from reports.files.formats import FORMATS
from reports.files.models import Export
from tests import factories
from tests.reports.api.conftest import make_key

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _data(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr("reports.api.exports.hint", lambda *pair: None)


@pytest.fixture
def calls(acme, sales, care):
    with wall.tenant(acme):
        for number in range(6):
            factories.call(
                (sales, care)[number % 2], f"c{number}", started_at=factories.TIME_ZERO + timedelta(hours=number)
            )


@pytest.fixture
def post(client):
    def ask(path, body, key):
        response = client.post(
            path, json.dumps(body), content_type="application/json", headers={"Authorization": f"Bearer {key}"}
        )
        response.data = json.loads(response.content) if response.content else None
        return response

    return ask


@pytest.fixture
def described(client):
    """The media types that the description says a file may have; each is told to be bytes."""

    def kinds(path):
        schema = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
        content = schema["paths"][path]["get"]["responses"]["200"]["content"]
        assert all(told["schema"] == {"type": "string", "format": "binary"} for told in content.values())
        return set(content)

    return kinds


def make_all(tenant):
    with wall.tenant(tenant):
        for row in Export.objects.all():
            making.make(row.pk)


def test_a_file_from_asking_to_having(get, post, acme, calls):
    key = make_key(acme)
    answer = post("/api/v1/exports/", {"what": "calls", "format": "csv", "date_from": "2026-07-08"}, key)
    assert answer.status_code == 202
    job = answer.data
    assert answer["Location"].endswith(f"/api/v1/exports/{job['id']}/")
    assert (job["state"], job["rows"], job["download"]) == ("waiting", None, None)
    early = get(f"/api/v1/exports/{job['id']}/download/", key)
    assert (early.status_code, early["Content-Type"]) == (409, "application/problem+json")
    make_all(acme)
    job = get(answer["Location"].replace("http://testserver", ""), key).data
    assert (job["state"], job["rows"], job["expected"], job["complete"]) == ("ready", 6, 6, False)
    assert job["params"] == {"date_from": "2026-07-08", "zone": "America/Sao_Paulo"}
    file = get(job["download"].replace("http://testserver", ""), key, **{"Accept-Encoding": "gzip"})
    assert file.status_code == 200
    assert hashlib.sha256(file.body).hexdigest() == job["sha256"] == file["X-Content-SHA256"]
    assert file["Content-Length"] == str(len(file.body)) == str(job["bytes"])
    assert file["Content-Disposition"] == f'attachment; filename="{job["name"]}"'
    listed = get("/api/v1/calls/?date_from=2026-07-08", key).data["results"]
    rows = list(csv.DictReader(io.StringIO(file.body.decode())))
    assert [row["id"] for row in rows] == [row["id"] for row in listed]
    with wall.tenant(acme):
        acts = list(Entry.objects.order_by("id").values_list("action", "key__name"))
    assert acts == [("export.asked", "test"), ("export.downloaded", "test")]


def test_a_report_in_one_body(get, post, acme, calls):
    key = make_key(acme)
    body = {"what": "report", "metrics": ["attempts", "connect_rate"], "by": "day", "date_from": "2026-07-07",
            "date_to": "2026-07-09", "format": "csv", "compare": "none", "language": "pt-br"}  # fmt: skip
    job = post("/api/v1/exports/", body, key).data
    make_all(acme)
    job = get(f"/api/v1/exports/{job['id']}/", key).data
    assert (job["state"], job["rows"], job["language"]) == ("ready", 3, "pt-br")
    file = get(f"/api/v1/exports/{job['id']}/download/", key)
    rows = list(csv.reader(io.StringIO(file.body.decode())))
    query = "metrics=attempts,connect_rate&by=day&date_from=2026-07-07&date_to=2026-07-09&compare=none"
    answer = get(f"/api/v1/reports/query/?{query}", key).data
    told = [
        [row["key"]["day"], row["cells"]["attempts"]["value"], row["cells"]["connect_rate"]["value"]]
        for row in answer["rows"]
    ]
    assert [[row[0], int(row[1]), float(row[2]) if row[2] else None] for row in rows[1:]] == told


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_can_be_asked_for_by_the_media_type_that_the_description_names(get, post, acme, calls, described, form):
    key = make_key(acme)
    body = {"what": "calls", "format": form, "date_from": "2026-07-08", "date_to": "2026-07-09"}
    path = f"/api/v1/exports/{post('/api/v1/exports/', body, key).data['id']}/download/"
    make_all(acme)
    kind = get(path, key)["Content-Type"].partition(";")[0]
    assert kind in described("/api/v1/exports/{id}/download/")
    exactly = get(path, key, Accept=kind)
    assert (exactly.status_code, exactly["Content-Type"].partition(";")[0]) == (200, kind)


def test_the_description_of_a_download_names_every_format_and_nothing_else(described):
    assert described("/api/v1/exports/{id}/download/") == {
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "text/csv",
        "application/vnd.apache.parquet",
        "application/pdf",
        "application/zip",
    }


@pytest.mark.parametrize("name", ["calls/csv", "audit/csv", "audit/lines"])
def test_a_list_as_a_file_can_be_asked_for_by_the_media_type_that_the_description_names(get, acme, described, name):
    path = f"/api/v1/{name}/"
    (kind,) = described(path)
    answer = get(path, make_key(acme, role=Role.OWNER), Accept=kind)
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (200, kind)


def test_a_download_in_another_form_is_refused(get, acme):
    answer = get("/api/v1/calls/csv/", make_key(acme), Accept="text/html")
    assert (answer.status_code, answer.data["detail"]) == (406, "This address cannot answer in that form.")


def test_a_format_that_is_not_installed_is_refused_and_the_next_one_usual(post, acme, calls, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    answer = post("/api/v1/exports/", {"what": "calls", "format": "xlsx"}, make_key(acme))

    assert answer.status_code == 400
    sentence = "XLSX files need the package xlsxwriter, which is not installed here."
    assert answer.data["errors"] == {"format": [sentence]}
    assert post("/api/v1/exports/", {"what": "calls"}, make_key(acme)).data["format"] == "csv"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"what": "secrets"}, "what"),
        ({"format": "csv"}, "what"),
        ({"what": "calls", "format": "exe"}, "format"),
        ({"what": "calls", "colour": "red"}, "colour"),
        ({"what": "calls", "date_from": {"a": 1}}, "date_from"),
        ({"what": "report", "metrics": ["attempts", "nothing"]}, "metrics"),
        ({"what": "calls", "language": "tlh"}, "language"),
        ([], "body"),
    ],
)
def test_a_wrong_order_is_refused_by_name(post, acme, body, name):
    answer = post("/api/v1/exports/", body, make_key(acme))
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert list(answer.data["errors"]) == [name]
    with wall.tenant(acme):
        assert not Export.objects.exists()


def test_each_reader_has_his_own_files(get, post, client, acme, calls, ana):
    key, other = make_key(acme), make_key(acme)
    job = post("/api/v1/exports/", {"what": "calls", "format": "csv"}, key).data
    make_all(acme)
    client.force_login(ana)
    for path in (f"/api/v1/exports/{job['id']}/", f"/api/v1/exports/{job['id']}/download/"):
        assert get(path, key).status_code == 200
        assert get(path, other).status_code == 404
        assert get(path).status_code == 404
    assert len(get("/api/v1/exports/", key).data["results"]) == 1
    assert get("/api/v1/exports/", other).data["results"] == []
    assert get(f"/api/v1/exports/{job['id']}/", other, method="DELETE").status_code == 404
    assert get(f"/api/v1/exports/{job['id']}/", key, method="DELETE").status_code == 204
    assert get(f"/api/v1/exports/{job['id']}/", key).status_code == 404


def test_a_key_that_lost_its_right_to_numbers_reads_403(get, post, acme, calls):
    key = make_key(acme)
    job = post("/api/v1/exports/", {"what": "calls", "format": "csv"}, key).data
    make_all(acme)
    with wall.tenant(acme):
        grant = ApiKey.objects.get().grant
        grant.sees_numbers = False
        grant.save()
    answer = get(f"/api/v1/exports/{job['id']}/download/", key)
    assert answer.status_code == 403
    assert "You may see less" in answer.data["detail"]


def test_a_member_needs_the_token_of_a_page_to_ask(client, acme, ana):
    client.handler.enforce_csrf_checks = True
    client.force_login(ana)
    answer = client.post("/api/v1/exports/", "{}", content_type="application/json")
    assert answer.status_code == 403


def test_every_filter_of_the_api_can_be_exported():
    assert set(orders.PARAMS) >= set(CallList.parameters()) - {"changed_since", *PAGING}


@pytest.mark.parametrize(
    ("body", "cells", "says"),
    [
        ({"what": "calls"}, 45, r"room for 5 rows, and there are 6\. Choose a shorter period, XLSX or CSV\."),
        ({"what": "calls", "columns": "status"}, 12, "room for 4 rows, and there are 6"),
        (
            {"what": "report", "metrics": "attempts", "by": "hour", "compare": "none"},
            100,
            "room for 50 rows, and there",
        ),
        ({"what": "report", "metrics": ",".join(list(METRICS)[:30])}, 50_000, r"room for 24 columns, and this table"),
    ],
    ids=["calls", "calls with chosen columns", "a report by hours", "a report of many figures"],
)
def test_a_pdf_that_would_not_fit_is_refused_before_it_starts(post, acme, calls, monkeypatch, body, cells, says):
    key, days = make_key(acme), {"date_from": "2026-07-08", "date_to": "2026-07-12"}
    monkeypatch.setattr("reports.files.as_pdf.MOST_CELLS", cells)
    refused = post("/api/v1/exports/", body | days | {"format": "pdf"}, key)
    assert refused.status_code == 400
    assert refused.data["errors"].keys() == {"format"}
    assert re.search(says, str(refused.data["errors"]["format"]))
    for form in ("xlsx", "csv"):
        assert post("/api/v1/exports/", body | days | {"format": form}, key).status_code == 202
    with wall.tenant(acme):
        assert Export.objects.count() == 2


def test_a_report_bears_the_title_that_it_is_given(get, post, acme, calls):
    key = make_key(acme)
    body = {"what": "report", "metrics": "attempts", "by": "day", "date_from": "2026-07-08", "date_to": "2026-07-08"}
    job = post("/api/v1/exports/", body | {"format": "xlsx", "title": " For the\nboard "}, key).data
    assert job["title"] == "For the board"
    make_all(acme)
    file = get(f"/api/v1/exports/{job['id']}/download/", key)
    assert "For the board" in CalamineWorkbook.from_filelike(io.BytesIO(file.body)).sheet_names
