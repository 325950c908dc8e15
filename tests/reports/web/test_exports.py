"""The exports page: the form carries what an address chose, and its files are made, had, asked for again, deleted."""

import re
import sys
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
import time_machine
from django.urls import reverse

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership
from reports.files import making
from reports.files.models import Export
from reports.files.orders import params_of, title_of
from tests import factories
from tests.conftest import member

pytestmark = pytest.mark.django_db
PAGE = "/t/acme/exports/"


@pytest.fixture(autouse=True)
def _data(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr("reports.web.exports.views.hint", lambda *pair: None)


@pytest.fixture
def calls(acme, sales, care):
    with wall.tenant(acme):
        for number in range(4):
            factories.call(
                (sales, care)[number % 2], f"c{number}", started_at=factories.TIME_ZERO + timedelta(hours=number)
            )


@pytest.fixture
def page(client, ana, calls):
    client.force_login(ana)
    return client


def rows(acme):
    with wall.tenant(acme):
        return list(Export.objects.order_by("id"))


def make_all(acme):
    with wall.tenant(acme):
        for row in Export.objects.all():
            making.make(row.pk)


def test_an_empty_page_says_what_to_do(page):
    text = page.get(PAGE).content.decode()
    assert "No files yet" in text
    assert reverse("reports_web:exports", args=["acme"]) == PAGE


def test_what_an_address_chose_is_what_is_made(page, acme, sales):
    query = f"?what=calls&date_from=2026-07-08&date_to=2026-07-08&status=completed&environment={sales.public_id}"
    answer = page.get(PAGE + query + "&number=98765&format=csv&nonsense=1")
    text = answer.content.decode()
    assert '<input type="hidden" name="status" value="completed">' in text
    assert "contains 98765" in text
    assert 'name="nonsense"' not in text
    form = {"what": "calls", "date_from": "2026-07-08", "date_to": "2026-07-08", "status": "completed",
            "number": "98765", "environment": str(sales.public_id), "format": "csv", "dialect": "excel-pt"}  # fmt: skip
    answer = page.post(PAGE, form)
    assert answer.status_code == 302
    assert "98765" not in answer["Location"]
    make_all(acme)
    (row,) = rows(acme)
    assert (row.state, row.done, row.dialect) == ("ready", 2, "excel-pt")
    text = page.get(PAGE).content.decode()
    assert row.sha256 in text
    assert "2 rows" in text
    assert "Not complete" in text


@pytest.mark.parametrize("what", ["report:agents", "report"])
def test_a_report_is_made(page, acme, what):
    form = {"what": what, "metrics": "attempts", "by": "agent", "date_from": "2026-07-08", "date_to": "2026-07-08",
            "format": "xlsx", "dialect": "csv"}  # fmt: skip
    assert page.post(PAGE, form).status_code == 302
    make_all(acme)
    (row,) = rows(acme)
    assert (row.state, row.what, row.dialect) == ("ready", "report", "")
    assert title_of(row) == ("Agents side by side" if what == "report:agents" else "Attempts by agent")


def fields_of(text):
    """What the form on a page would send as it stands."""
    form = text.split('class="export-form"')[1].split("</form>")[0]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        told = dict(re.findall(r'(name|value|type)="([^"]*)"', tag))
        if told.get("type") != "radio" or "checked" in tag:
            found[told["name"]] = unescape(told.get("value", ""))
    for name, inner in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        options = re.findall(r'<option value="([^"]*)"([^>]*)>', inner)
        chosen = [value for value, rest in options if "selected" in rest] or [options[0][0]]
        found[name] = unescape(chosen[0])
    return found


def follow(page, address, what):
    """The form that a page's link to a file of its list leads to."""
    text = page.get(address).content.decode()
    href = unescape(re.search(rf'href="([^"]*exports/\?what={what}&[^"]*)"', text)[1])
    answer = page.get(href)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_file_of_calls_looks_like_the_page_it_was_asked_from(page, acme, sales):
    text = follow(page, f"/t/acme/calls/?environment={sales.public_id}&columns=id,agent&ordering=started_at", "calls")
    assert "as on the page: Time, Number, Agent, Vendor&#x27;s id" in text
    fields = fields_of(text) | {"format": "csv", "dialect": "csv"}
    assert page.post(PAGE, fields)["Location"].startswith(f"{PAGE}?")
    assert page.post(PAGE, fields | {"columns": ""}).status_code == 302
    make_all(acme)
    as_shown, whole = ("".join(part.decode() for part in had(page, row)) for row in rows(acme))
    assert as_shown.splitlines()[0] == "started_at,number,agent_name,external_id"
    assert [line.split(",")[-1] for line in as_shown.splitlines()[1:]] == ["c0", "c2"]
    assert whole.splitlines()[0].startswith("started_at,from,")
    assert len(whole.splitlines()) == 3
    usual = "as on the page: Time, Number, Agent, Environment, Direction, Status, Duration (s)<"
    assert usual in follow(page, "/t/acme/calls/", "calls")
    assert 'name="columns"' not in page.get(f"{PAGE}?what=calls").content.decode()


def had(page, row):
    return page.get(f"{PAGE}{row.public_id}/download/").streaming_content


@pytest.mark.parametrize(
    ("place", "what", "filters"),
    [
        ("callbacks/", "callbacks", {}),
        ("callbacks/", "waiting", {}),
        ("campaigns/", "campaigns", {"status": "paused"}),
    ],
)
def test_a_page_leads_to_a_file_of_its_list(page, acme, sales, care, place, what, filters):
    chosen = {"environment": str(sales.public_id), "date_from": "2026-07-01", "date_to": "2026-07-08"} | filters
    text = follow(page, f"/t/acme/{place}?{urlencode(chosen)}", what)
    fields = fields_of(text)
    assert chosen.items() <= fields.items()
    assert fields["what"] == what
    assert page.post(PAGE, fields).status_code == 302
    make_all(acme)
    (row,) = rows(acme)
    assert (row.state, row.what, row.error) == ("ready", what, "")
    assert params_of(row) == chosen
    text = page.get(PAGE).content.decode()
    assert {"callbacks": "Callbacks", "waiting": "Contacts still waiting", "campaigns": "Campaigns"}[what] in text
    assert page.post(f"{PAGE}{row.public_id}/again/").status_code == 302
    assert rows(acme)[1].query == row.query


def test_a_file_of_callbacks_keeps_the_agents_chosen_on_their_page(page, acme, sales):
    with wall.tenant(acme):
        dials, takes = factories.agent(sales, "dials"), factories.agent(sales, "takes", takes_callbacks=True)
    chosen = {"agent": str(takes.public_id), "source_agent": str(dials.public_id)}
    days = {"date_from": "2026-07-01", "date_to": "2026-07-08"}
    text = follow(page, f"/t/acme/callbacks/?{urlencode(chosen | days)}", "callbacks")
    fields = fields_of(text)
    assert chosen.items() <= fields.items()
    assert "Agent that called before <b>Dials</b>" in text
    assert "Agent that was rung <b>" not in text  # which the form has a field for
    assert page.post(PAGE, fields).status_code == 302
    (row,) = rows(acme)
    assert params_of(row) == chosen | days
    answer = page.post(PAGE, fields | {"what": "waiting"})
    assert answer.status_code == 400
    assert "narrowed or shaped by “Agent that called before”" in answer.content.decode()


def test_another_choice_drops_what_shaped_the_first_and_refuses_what_narrowed_it(page, acme):
    form = {"what": "callbacks", "columns": "agent", "ordering": "started_at", "metrics": "attempts", "format": "csv"}
    assert page.post(PAGE, form).status_code == 302
    (row,) = rows(acme)
    assert (row.what, row.query) == ("callbacks", "")
    for what in ("waiting", "campaigns"):
        answer = page.post(PAGE, {"what": what, "number": "98765", "format": "csv"})
        assert answer.status_code == 400
        text = answer.content.decode()
        assert "This list cannot be narrowed or shaped by “Number”." in text
        assert "Choose anew" in text
    assert len(rows(acme)) == 1


def test_a_wrong_choice_is_told_on_the_form(page, acme):
    answer = page.post(PAGE, {"what": "calls", "date_from": "2026-07-09", "date_to": "2026-07-08", "format": "csv"})
    assert answer.status_code == 400
    assert "The period ends before it begins." in answer.content.decode()
    assert rows(acme) == []


PACKAGES = {"xlsx": "xlsxwriter", "parquet": "pyarrow", "pdf": "typst"}


@pytest.mark.parametrize("form", PACKAGES)
def test_a_format_that_is_not_installed_is_said_and_not_offered(page, acme, monkeypatch, form):
    monkeypatch.setitem(sys.modules, PACKAGES[form], None)  # Python's own word for a module that cannot be had
    label = "Parquet" if form == "parquet" else form.upper()
    sentence = f"{label} files need the package {PACKAGES[form]}, which is not installed here."
    shown = page.get(PAGE).content.decode()
    choices = dict(re.findall(r'name="format" value="(\w+)" ?([^>]*)>', shown))

    assert {key for key, rest in choices.items() if "disabled" in rest} == {form}
    assert [key for key, rest in choices.items() if "checked" in rest] == ["csv" if form == "xlsx" else "xlsx"]
    assert shown.count(sentence) == 1

    refused = page.post(PAGE, {"what": "calls", "format": form}, headers={"Accept-Language": "pt-br"})
    assert refused.status_code == 400
    assert f"precisam do pacote {PACKAGES[form]}" in refused.content.decode()
    assert rows(acme) == []


@pytest.mark.parametrize("form", PACKAGES)
def test_a_file_whose_format_went_away_since_says_so(page, acme, monkeypatch, form):
    page.post(PAGE, {"what": "calls", "format": form})
    monkeypatch.setitem(sys.modules, PACKAGES[form], None)
    make_all(acme)
    (row,) = rows(acme)

    assert row.state == "failed"
    assert row.error.endswith(f"files need the package {PACKAGES[form]}, which is not installed here.")


def test_a_file_is_had_asked_for_again_and_deleted(page, acme):
    page.post(PAGE, {"what": "calls", "format": "csv"})
    (row,) = rows(acme)
    here = f"{PAGE}{row.public_id}"
    assert page.get(f"{here}/download/").status_code == 409
    make_all(acme)
    answer = page.get(f"{here}/download/", headers={"Accept-Encoding": "gzip"})
    content = b"".join(answer.streaming_content)
    assert answer["Content-Length"] == str(len(content))
    assert page.post(f"{here}/again/").status_code == 302
    assert [row.state for row in rows(acme)] == ["ready", "waiting"]
    assert rows(acme)[0].query == rows(acme)[1].query
    assert page.post(f"{here}/delete/").status_code == 302
    assert [row.state for row in rows(acme)] == ["waiting"]
    assert page.get(f"{here}/download/").status_code == 404
    assert page.get(f"{here}/delete/").status_code == 405


def test_a_member_sees_his_own_and_a_manager_who_exported_what(page, client, acme, bruno):
    page.post(PAGE, {"what": "calls", "number": "5511987654321", "format": "csv"})
    make_all(acme)
    (row,) = rows(acme)
    client.force_login(bruno)
    text = client.get(PAGE).content.decode()
    assert "Files of others" not in text
    assert str(row.public_id) not in text
    for path in ("download", "again", "delete"):
        ask = client.get if path == "download" else client.post
        assert ask(f"{PAGE}{row.public_id}/{path}/").status_code == 404
    with wall.tenant(acme):
        Grant.objects.filter(pk=Membership.objects.get(user=bruno).grant_id).update(sees_numbers=True)
    client.post(PAGE, {"what": "calls", "number": "5511987654321", "format": "csv"})
    client.logout()
    with wall.tenant(acme):
        Export.objects.filter(pk=row.pk).delete()
    make_all(acme)
    chief = member(acme, "chief@acme.example", "manager")
    client.force_login(chief)
    text = client.get(PAGE).content.decode()
    assert "Files of others" in text
    assert "Bruno" in text
    assert "987654321" not in text


def test_the_list_alone_for_an_open_page(page, acme):
    page.post(PAGE, {"what": "calls", "format": "csv"})
    text = page.get(f"{PAGE}list/").content.decode()
    assert 'data-state="waiting"' in text
    assert "<html" not in text


def test_the_page_asks_the_database_little(page, acme, django_assert_max_num_queries):
    for _ in range(3):
        page.post(PAGE, {"what": "calls", "format": "csv"})
    with django_assert_max_num_queries(24):
        page.get(PAGE)


def test_a_period_by_name_is_a_files_days(page):
    with time_machine.travel(datetime(2026, 7, 15, 15, tzinfo=UTC), tick=False):
        for what in ("calls", "report"):
            text = page.get(f"{PAGE}?what={what}&metrics=attempts&period=last_month").content.decode()
            assert 'name="date_from" value="2026-06-01"' in text, what
            assert 'name="date_to" value="2026-06-30"' in text, what


def test_a_pdf_that_would_not_fit_is_refused_on_the_form(page, acme, monkeypatch):
    monkeypatch.setattr("reports.files.as_pdf.MOST_CELLS", 27)
    form = {"what": "calls", "date_from": "2026-07-08", "date_to": "2026-07-08", "format": "pdf"}
    answer = page.post(PAGE, form)
    assert answer.status_code == 400
    assert "room for 3 rows, and there are 4. Choose a shorter period, XLSX or CSV." in answer.content.decode()
    assert rows(acme) == []
    assert page.post(PAGE, form | {"format": "xlsx"}).status_code == 302
