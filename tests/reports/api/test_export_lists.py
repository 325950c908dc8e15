"""Files of callbacks, of who still waits and of campaigns hold what page and API list: rows, order, filters, masks."""

import csv
import io
import json
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
import python_calamine
import time_machine

from portal.audit.models import Entry
from portal.formats.figures import zone_name
from portal.tenants import wall
from portal.tenants.models.keys import ApiKey
from reports.columns.refresh import refresh_tenant
from reports.files import making
from reports.files.models import Export
from reports.queries.callbacks import lists
from reports.queries.callbacks import open as still
from reports.queries.campaigns import lists as campaigns
from reports.queries.campaigns.lists import histories
from reports.queries.scope import Scope
from sync.models.campaigns import Campaign, CampaignDay
from sync.models.runs import Gap, Window
from tests import factories
from tests.factories import TIME_ZERO
from tests.reports.api.conftest import make_key, read_days

pytestmark = pytest.mark.django_db
DEFINED = {
    "callbacks": "Callbacks found",
    "waiting": "Still open",
    "campaigns": "Campaign success rate (vendor's)",
}
LISTS = {"callbacks": "/api/v1/callbacks/returns/", "waiting": "/api/v1/callbacks/open/"}


@pytest.fixture(autouse=True)
def _next_day(settings, tmp_path, monkeypatch):
    """On the day after, with pages so short that a file needs several."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr("reports.api.exports.hint", lambda *pair: None)
    for module, name in ((lists, "MAX_PAGE"), (still, "MAX_PAGE"), (campaigns, "PORTION")):
        monkeypatch.setattr(module, name, 3)
    with time_machine.travel(TIME_ZERO + timedelta(days=1), tick=False):
        yield


@pytest.fixture
def town(acme, sales, care):
    """Ten contacts of two days that were dialled; all but the first ring back, to two agents, and half are missed."""
    with wall.tenant(acme):
        dials = factories.agent(sales, "dials", name="=Cobrança")
        for name in ("takes", "also"):
            factories.agent(sales, name, takes_callbacks=True, callback_sources=["dials"])
        for n in range(10):
            number, at = f"+55119876543{n:02}", TIME_ZERO - timedelta(days=n % 2, minutes=7 * (n // 2))
            factories.call(sales, f"out-{n}", agent=dials, status="busy", to_number=number, started_at=at)
            if n:
                factories.call(
                    sales,
                    f"in-{n}",
                    agent=factories.agent(sales, "takes" if n % 3 else "also"),
                    direction="inbound",
                    status="no-answer" if n % 2 or n > 5 else "completed",
                    from_number=number,
                    started_at=at + timedelta(hours=2),
                )
        factories.call(sales, "again", agent=dials, status="busy", to_number="+5511987654305")
    return dials


@pytest.fixture
def sold(acme, sales, care):
    """Eight campaigns, of which the vendor names the start of some; the total of one ran over three days."""
    with wall.tenant(acme):
        agent = factories.agent(sales, "sells")
        for n in range(8):
            row = Campaign.objects.create(
                tenant=acme,
                environment=sales,
                external_id=f"k-{n}",
                name=f"+K {n}",
                status="paused" if n % 3 else "active",
                kind="sales",
                agent=agent if n % 2 else None,
                total_calls=n * 10,
                completed_calls=n * 4,
                failed_calls=n * 5,
                success_rate=40.0,
                changed_at=TIME_ZERO,
                payload=json.dumps({"start_date": f"2026-07-0{n}"} if n in (2, 3, 5, 7) else {}),
            )
        for day, total in ((1, 10), (5, 40), (7, 70)):
            CampaignDay.objects.create(
                tenant=acme, environment=sales, campaign=row, day=date(2026, 7, day), total_calls=total
            )
        read_days(sales, "campaigns", date(2026, 7, 8), date(2026, 7, 8), part="all")
    return agent


@pytest.fixture
def export(client, get):
    """``export(tenant, key, …)``: the job once it was made, and its file."""

    def export(tenant, key, format="parquet", **body):
        headers = {"Authorization": f"Bearer {key}"}
        path = "/api/v1/exports/"
        asked = client.post(path, {"format": format, **body}, content_type="application/json", headers=headers)
        assert asked.status_code == 202, asked.content
        with wall.tenant(tenant):
            making.make(Export.objects.latest("id").pk)
        job = get(f"{path}{asked.json()['id']}/", key).data
        return job, get(f"{path}{job['id']}/download/", key)

    return export


def rows_of(file) -> list[dict]:
    return pq.read_table(io.BytesIO(file.body)).to_pylist()


def listed(get, path, key) -> list[dict]:
    """The whole list, page by page, in the words of a file."""
    found, address = [], f"{path}{'&' if '?' in path else '?'}page_size=4"
    while address:
        page = get(address.replace("http://testserver", ""), key).data
        found += page["results"]
        address = page["next"]
    return [as_row(row) for row in found]


def as_row(row: dict) -> dict:
    told = {}
    for name, value in row.items():
        if name in ("agent", "source"):
            told |= {name: value and value["id"], f"{name}_name": value["name"] if value else ""}
        elif name.endswith(("_at", "_since")) and isinstance(value, str):
            told[name] = datetime.fromisoformat(value)
        else:
            told[name] = value
    return told


def among(row: dict, names) -> dict:
    return {name: row[name] for name in names}


@pytest.mark.parametrize("settled", [False, True], ids=["live", "kept"])
@pytest.mark.parametrize("what", LISTS)
def test_a_file_holds_the_list_in_its_order(get, export, acme, town, what, settled):
    if settled:
        with wall.tenant(acme), time_machine.travel(TIME_ZERO + timedelta(days=5), tick=False):
            refresh_tenant()
    key = make_key(acme)
    expected = listed(get, LISTS[what], key)
    assert len(expected) == {"callbacks": 9, "waiting": 7}[what]
    job, file = export(acme, key, what=what)
    rows = rows_of(file)
    assert [among(row, expected[0]) for row in rows] == expected
    assert {row["environment_name"] for row in rows} == {"Sales"}
    assert (job["rows"], job["expected"], job["params"]) == (len(rows), len(rows), {})
    assert job["name"] == f"acme-{what}-incomplete.parquet"
    with wall.tenant(acme):
        assert list(Entry.objects.order_by("id").values_list("action", "about__what"))[-2:] == [
            ("export.asked", what),
            ("export.downloaded", what),
        ]


@pytest.mark.parametrize("what", LISTS)
def test_the_filters_of_the_list_are_those_of_the_file(get, export, acme, sales, care, town, what):
    key, lengths = make_key(acme), []
    with wall.tenant(acme):
        takes = factories.agent(sales, "takes").public_id
    for filters in (
        {"date_from": "2026-07-08", "date_to": "2026-07-08"},
        {"agent": str(takes)},
        {"environment": f"{sales.public_id},{care.public_id}", "date_to": "2026-07-07"},
        {"environment": str(care.public_id)},
    ):
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        expected = listed(get, f"{LISTS[what]}?{query}", key)
        job, file = export(acme, key, what=what, **filters)
        assert [row["contact"] for row in rows_of(file)] == [row["contact"] for row in expected]
        assert job["params"] == filters
        lengths.append(len(expected))
    assert 0 == lengths[-1] < min(lengths[:-1])
    assert max(lengths) < {"callbacks": 9, "waiting": 7}[what]


def test_a_file_of_campaigns_holds_the_vendors_figures_in_the_pages_order(get, export, acme, sales, sold):
    key = make_key(acme)
    with wall.tenant(acme):
        read_days(sales, "calls", date(2026, 7, 1), date(2026, 7, 9))
    days = {"date_from": "2026-07-04", "date_to": "2026-07-08"}
    job, file = export(acme, key, what="campaigns", **days)
    rows = rows_of(file)
    assert [row["external_id"] for row in rows] == ["k-7", "k-5", "k-3", "k-2", "k-6", "k-4", "k-1", "k-0"]
    with wall.tenant(acme):
        scope = Scope(acme.pk, acme.zone, frozenset({sales.pk}))
        assert [row["id"] for row in rows] == [str(each.id) for each in histories(Campaign.objects.all(), scope)]
    for query, found in (("", rows_of(export(acme, key, what="campaigns")[1])), (f"?{urlencode(days)}", rows)):
        expected = {row["id"]: row for row in listed(get, f"/api/v1/campaigns/{query}", key)}
        shared = set(expected[rows[0]["id"]]) - {"success_rate", "period", "read_on"}
        assert [among(row, shared) for row in found] == [among(expected[row["id"]], shared) for row in found]
    first, last = rows[0], rows[-1]
    assert (first["starts"], first["total_calls"], first["read_on"]) == (date(2026, 7, 7), 70, date(2026, 7, 7))
    assert (first["added_calls"], first["added_since"]) == (60, date(2026, 7, 1))
    assert (last["starts"], last["total_calls"], last["over"], last["added_calls"]) == (None, None, None, None)
    assert last["not_known"] == "first_read_later"
    assert (job["complete"], job["rows"], job["name"]) == (True, 8, "acme-campaigns-2026-07-04-2026-07-08.parquet")
    for filters, keys in (({"status": "active"}, "360"), ({"agent": str(sold.public_id)}, "7531")):
        _job, file = export(acme, key, what="campaigns", **filters)
        assert [row["external_id"] for row in rows_of(file)] == [f"k-{n}" for n in keys]


def test_a_file_of_campaigns_says_of_which_moment_its_totals_are(export, acme, sales, sold):
    _job, file = export(acme, make_key(acme), what="campaigns", format="xlsx", date_to="2026-07-07")
    about = lines_about(file)
    assert about["Period"] == "until 7 Jul 2026"
    assert about["Totals"] == "as last read by the end of 7 Jul 2026; a cell is empty where that is not known"
    assert about["Complete"] == "no: some days of the period are not read whole"
    _job, file = export(acme, make_key(acme), what="campaigns", format="xlsx")
    about = lines_about(file)
    assert (about["Period"], about.get("Totals"), about["Complete"]) == ("none: totals as of now", None, "yes")


def test_campaigns_whose_list_broke_off_are_not_complete(export, acme, sales, sold):
    with wall.tenant(acme):
        Window.objects.update(state="incomplete")
        Gap.objects.create(
            tenant=acme, environment=sales, stream="campaigns", part="all", fault="server", opened_at=TIME_ZERO
        )
    job, file = export(acme, make_key(acme), what="campaigns", format="xlsx")
    about = lines_about(file)
    assert (job["complete"], job["name"]) == (False, "acme-campaigns-incomplete.xlsx")
    assert (about["Gap"], about["Complete"]) == (
        "Sales: campaigns, since 8 Jul 2026, 12:00 (the vendor had an error)",
        "no: the vendor's list was not read to its end",
    )
    with wall.tenant(acme):
        assert Export.objects.get().facts["lack"] == "Not complete: the vendor's list was not read to its end."


@pytest.mark.parametrize("what", [*LISTS, "campaigns"])
@pytest.mark.parametrize("form", ["csv", "xlsx", "pdf"])
def test_every_format_has_the_rows(get, export, acme, town, sold, what, form):
    key = make_key(acme)
    number = {"callbacks": 9, "waiting": 7, "campaigns": 8}[what]
    job, file = export(acme, key, what=what, format=form)
    assert (job["state"], job["rows"]) == ("ready", number)
    place = "/api/v1/campaigns/" if what == "campaigns" else LISTS[what]
    expected = listed(get, place, key)
    if form == "pdf":
        assert file.body.startswith(b"%PDF")
        return
    if form == "csv":
        header, *rows = csv.reader(io.StringIO(file.body.decode()))
    else:
        sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(file.body)).get_sheet_by_index(0)
        header, *rows = sheet.to_python()
        about = lines_about(file)
        assert about["Rows"] == number
        assert about["Time zone"] == zone_name("America/Sao_Paulo")
        assert about.get("Not told by the vendor of") == (
            None if what == "waiting" else "Care"
        )  # missed calls all tell
        assert about[DEFINED[what]]
    assert len(rows) == number
    if what == "campaigns":
        names = [row[header.index("name" if form == "csv" else "Campaign")] for row in rows]
        assert names == [f"{chr(39) if form == 'csv' else ''}+K {n}" for n in "75326410"]
    else:
        numbers = [row[header.index("number" if form == "csv" else "Number")] for row in rows]
        assert numbers == [row["number"] for row in expected]
        assert {number[:4] for number in numbers} == {"+551"}
    if what == "callbacks":
        source = "'=Cobrança" if form == "csv" else "=Cobrança"
        place = header.index("source_name" if form == "csv" else "Answers the call of")
        assert {row[place] for row in rows} == {source}


def lines_about(file) -> dict:
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(file.body)).get_sheet_by_name("About")
    return {line[0]: line[1] for line in sheet.to_python() if line[0]}


@pytest.mark.parametrize("what", LISTS)
def test_numbers_are_masked_for_who_may_not_see_them(get, export, acme, town, what):
    blind = make_key(acme, numbers=False)
    _job, file = export(acme, blind, what=what, format="csv")
    text = file.body.decode()
    assert "98765" not in text
    assert text.count("•") >= len(listed(get, LISTS[what], blind)) > 0


def test_calls_of_hidden_agents_are_not_named(get, export, acme, town):
    narrow = make_key(acme, agents=["takes"])
    expected = listed(get, LISTS["callbacks"], narrow)
    _job, file = export(acme, narrow, what="callbacks")
    rows = rows_of(file)
    assert [among(row, expected[0]) for row in rows] == expected
    assert {(row["answers"], row["source"], row["source_name"]) for row in rows} == {(None, None, "")}


def test_who_may_not_see_the_agent_that_had_called_any_more_does_not_get_the_file(get, export, acme, sales, town):
    key = make_key(acme)
    with wall.tenant(acme):
        takes = str(factories.agent(sales, "takes").public_id)
    job, file = export(acme, key, what="callbacks", agent=takes)
    assert file.status_code == 200
    with wall.tenant(acme):
        grant = ApiKey.objects.get().grant
        grant.agent_keys = ["takes"]
        grant.save()
    assert get(f"/api/v1/exports/{job['id']}/download/", key).status_code == 403


@pytest.mark.parametrize("what", [*LISTS, "campaigns"])
def test_another_tenant_sees_nothing_of_it(export, acme, globex, foreign, sales, town, sold, what):
    theirs = make_key(globex)
    for filters in ({}, {"environment": str(sales.public_id)}, {"agent": str(town.public_id)}, {"agent": str(uuid4())}):
        job, file = export(globex, theirs, what=what, **filters)
        assert (job["rows"], rows_of(file)) == (0, [])


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"what": "callbacks", "status": "busy"}, "status"),
        ({"what": "waiting", "number": "98765"}, "number"),
        ({"what": "callbacks", "ordering": "started_at"}, "ordering"),
        ({"what": "waiting", "columns": "agent"}, "columns"),
        ({"what": "campaigns", "by": "day"}, "by"),
        ({"what": "campaigns", "status": "busy"}, "status"),
        ({"what": "callbacks", "zone": "UTC"}, "zone"),
        ({"what": "callbacks", "date_from": "2026-07-09", "date_to": "2026-07-01"}, "date_to"),
        ({"what": "waiting", "agent": "x"}, "agent"),
        ({"what": "calls", "columns": ["agent", "price"]}, "columns"),
    ],
)
def test_what_a_list_cannot_be_narrowed_by_is_refused_by_name(client, acme, sales, body, name):
    headers = {"Authorization": f"Bearer {make_key(acme)}"}
    answer = client.post("/api/v1/exports/", body, content_type="application/json", headers=headers)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])
    with wall.tenant(acme):
        assert not Export.objects.exists()


def test_columns_of_calls_stand_in_the_pages_order(get, export, acme, sales, town):
    key = make_key(acme)
    job, file = export(acme, key, what="calls", columns=["line", "agent", "duration"], ordering="started_at")
    assert job["params"]["columns"] == "agent,duration,line"
    rows = rows_of(file)
    assert list(rows[0]) == ["started_at", "number", "agent_name", "duration", "line"]
    expected = listed(get, "/api/v1/calls/?ordering=started_at", key)
    for row, call in zip(rows, expected, strict=True):
        ends = (call["to"], call["from"]) if call["direction"] == "outbound" else (call["from"], call["to"])
        assert (row["started_at"], row["number"], row["line"]) == (call["started_at"], *ends)
        assert (row["agent_name"], row["duration"]) == (call["agent_name"], call["duration"])
    assert {call["direction"] for call in expected} == {"inbound", "outbound"}
    _job, file = export(acme, key, what="calls", format="csv", columns="status,outcome,id")
    header = ["started_at", "number", "status", "outcome", "external_id"]
    assert file.body.decode().splitlines()[0] == ",".join(header)
    _job, file = export(acme, make_key(acme, numbers=False), what="calls", columns="line")
    assert all("•" in row["number"] and "•" in row["line"] for row in rows_of(file))


def test_a_file_of_callbacks_is_chosen_by_who_had_called_and_names_the_agents_parts(get, export, acme, sales, town):
    key = make_key(acme)
    with wall.tenant(acme):
        other, takes = factories.agent(sales, "other", name="Vendas"), factories.agent(sales, "takes")
        takes.callback_sources = ["dials", "other"]
        takes.save()
        at = TIME_ZERO - timedelta(hours=3)
        factories.call(sales, "o", agent=other, status="busy", to_number="+5511955550000", started_at=at)
        at += timedelta(hours=1)
        factories.call(sales, "t", agent=takes, direction="inbound", from_number="+5511955550000", started_at=at)
    filters = {"agent": str(takes.public_id), "source_agent": str(other.public_id)}
    expected = listed(get, f"{LISTS['callbacks']}?source_agent={other.public_id}", key)
    job, file = export(acme, key, what="callbacks", **filters)
    assert [row["id"] for row in rows_of(file)] == [row["id"] for row in expected]
    assert [row["source_name"] for row in expected] == ["Vendas"]
    assert job["params"] == filters
    with wall.tenant(acme):
        lines = dict(Export.objects.latest("id").facts["lines"])
    assert (lines["Agent that was rung"], lines["Agent that called before"]) == (str(takes), "Vendas")
    assert "Agent" not in lines


@pytest.mark.parametrize(
    "body",
    [{"what": "waiting"}, {"what": "calls"}, {"what": "report", "metrics": "attempts"}],
    ids=lambda body: body["what"],
)
def test_no_other_file_is_chosen_by_who_had_called(client, acme, town, body):
    body = {"format": "parquet", "source_agent": str(town.public_id), **body}
    headers = {"Authorization": f"Bearer {make_key(acme)}"}
    answer = client.post("/api/v1/exports/", body, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"source_agent"}


def test_a_report_of_callbacks_rests_on_agents_that_were_not_chosen(get, export, acme, sales, town):
    """Whoever may see but one agent by now does not get what was counted of the attempts of another."""
    with wall.tenant(acme):
        takes = factories.agent(sales, "takes").public_id
    for metric, status in (("return_rate", 403), ("attempts", 200)):
        key = make_key(acme)
        job, file = export(acme, key, what="report", metrics=metric, agent=str(takes))
        assert file.status_code == 200
        with wall.tenant(acme):
            grant = ApiKey.objects.latest("id").grant
            grant.agent_keys = ["takes"]
            grant.save()
        assert get(f"/api/v1/exports/{job['id']}/download/", key).status_code == status
