"""The API of exports on a schedule: schedules, what was handed over, and destinations whose secrets are never read."""

import pytest

from portal.tenants import wall
from portal.tenants.models.people import Membership, Role
from reports.handover.models import Destination, Handover
from reports.saved.models import Board
from tests.reports.handover.conftest import run, scheduled, tick
from tests.reports.handover.test_boards import board_of
from tests.reports.mail.conftest import mirror

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1"


@pytest.fixture
def mirrored(acme, sales, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    with wall.tenant(acme):
        mirror(sales)
    return sales


def post(client, address, data=None):
    return client.post(f"{API}{address}", data or {}, content_type="application/json")


def test_one_is_made_read_changed_and_removed(acme, ana, client, mirrored):
    client.force_login(ana)
    wish = {"name": "Nightly", "what": "report", "query": {"report": "agents"}, "format": "xlsx", "every": "day"}
    made = post(client, "/export-schedules/", wish)
    assert made.status_code == 201, made.content
    one = made.headers["Location"]
    told = client.get(one).json()
    assert {name: told[name] for name in wish} == wish
    assert (told["to"], told["way"], told["numbers"], told["days"]) == ([ana.email], "linked", False, "")
    changed = client.patch(one, {"hour": 4, "paused": True}, content_type="application/json").json()
    assert (changed["hour"], changed["next_due"]) == (4, None)
    assert [row["name"] for row in client.get(f"{API}/export-schedules/").json()["results"]] == ["Nightly"]
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404


def test_each_wrong_wish_is_named(acme, ana, client, mirrored):
    client.force_login(ana)
    wish = {"name": "", "format": "docx", "hour": 30, "days": "standing", "way": "put", "id": "x", "colour": "red"}
    answer = post(client, "/export-schedules/", wish)
    assert answer.status_code == 400
    assert {"id", "colour"} <= set(answer.json()["errors"])
    del wish["id"], wish["colour"]
    errors = post(client, "/export-schedules/", wish).json()["errors"]
    assert {"name", "format", "hour", "days", "destination"} <= set(errors)


def test_what_was_handed_over_is_listed_with_its_manifest(acme, ana, bruno, client, mirrored):
    schedule = scheduled(acme, ana, to=[ana.email, bruno.email], wait_hours=0, format="csv")
    tick(acme)
    run(acme)
    client.force_login(ana)
    (row,) = client.get(f"{API}/handovers/?schedule={schedule.public_id}").json()["results"]
    assert (row["state"], row["trial"], row["complete"]) == ("sent", False, True)
    assert row["manifest"]["files"][0]["rows"] == 77
    assert {mail["to"] for mail in row["mails"]} == {ana.email, bruno.email}
    again = post(client, f"/handovers/{row['id']}/again/")
    assert (again.status_code, again.json()["state"]) == (202, "pending")
    assert post(client, f"/handovers/{row['id']}/again/").status_code == 409
    trial = post(client, f"/export-schedules/{schedule.public_id}/try/")
    assert (trial.status_code, trial.json()["trial"]) == (202, True)
    with wall.tenant(acme):
        Membership.objects.filter(user=bruno).update(role=Role.VIEWER)
    client.force_login(bruno)
    told = client.get(f"{API}/handovers/").json()["results"]
    assert len(told) == 2
    assert [mail for each in told for mail in each["mails"]] == []
    assert post(client, f"/handovers/{row['id']}/again/").status_code == 403


def test_a_destination_is_confirmed_and_its_secrets_are_never_read(acme, ana, client, sshd):
    client.force_login(ana)
    wish = {
        "name": "Warehouse",
        "host": "127.0.0.1",
        "port": sshd.port,
        "folder": str(sshd.folder),
        "login": sshd.user,
        "private_key": sshd.private_key,
    }
    made = post(client, "/destinations/", wish)
    assert made.status_code == 201, made.content
    one, told = made.headers["Location"], made.json()
    assert told["offered"] == f"ssh-ed25519 {sshd.fingerprint}"
    assert (told["ready"], told["fingerprint"]) == (False, "")
    assert not {"secret", "private_key"} & set(told)
    address = f"/destinations/{told['id']}"
    assert post(client, f"{address}/try/").status_code == 409
    assert post(client, f"{address}/confirm/", {"fingerprint": "SHA256:no"}).status_code == 400
    assert post(client, f"{address}/confirm/", {"fingerprint": told["offered"]}).json()["ready"] is True
    assert post(client, f"{address}/try/").status_code == 200
    assert client.patch(one, {"login": "else"}, content_type="application/json").status_code == 400
    assert client.patch(one, {"name": "Lake"}, content_type="application/json").json()["name"] == "Lake"
    wish = {"name": "Nightly", "way": "put", "destination": told["id"]}
    assert post(client, "/export-schedules/", wish).status_code == 201
    assert client.delete(one).status_code == 409
    with wall.tenant(acme):
        assert Destination.objects.get().ready


@pytest.mark.parametrize(
    ("language", "refused", "reason"),
    [
        ("en", "The address has to begin with https://.", "The connection was not made: Connection refused."),
        ("pt-br", "O endereço precisa começar com https://.", "A conexão não foi feita: Connection refused."),
    ],
)
def test_why_a_server_is_not_reached_is_told_in_the_readers_language(
    acme, ana, client, mirrored, language, refused, reason
):
    client.force_login(ana)
    headers = {"Accept-Language": language}
    wish = {"name": "Bucket", "kind": "s3", "host": "ftp://files.example", "bucket": "b", "login": "a", "secret": "s"}
    answer = client.post(f"{API}/destinations/", wish, "application/json", headers=headers).json()
    assert answer["errors"]["host"] == [refused]
    schedule = scheduled(acme, ana, wait_hours=0, format="csv")
    tick(acme)
    with wall.tenant(acme):
        Handover.objects.update(reason="network", reply="The connection was not made: Connection refused.")
    (row,) = client.get(f"{API}/handovers/?schedule={schedule.public_id}", headers=headers).json()["results"]
    assert row["reply"] == reason
    page = client.get(f"/t/acme/exports/scheduled/{schedule.public_id}/", headers=headers).content.decode()
    assert reason in page


def test_a_board_is_scheduled_and_what_it_takes_is_told(acme, ana, client, mirrored):
    board = board_of(acme, ana)
    client.force_login(ana)
    wish = {"name": "Board", "what": "board", "query": {"board": str(board.public_id)}, "format": "xlsx"}
    made = post(client, "/export-schedules/", wish)
    assert made.status_code == 201, made.content
    told = client.get(made.headers["Location"]).json()
    assert {name: told[name] for name in wish} == wish
    with wall.tenant(acme):
        Board.objects.update(shared=False, owner=None)
    again = client.patch(made.headers["Location"], {"hour": 5}, content_type="application/json")
    assert (again.status_code, again.json()["hour"]) == (200, 5)
    errors = post(client, "/export-schedules/", wish | {"format": "pdf"}).json()["errors"]
    assert errors["query"] == ["There is no such board."]
    assert "XLSX" in errors["format"][0]
    portuguese = client.post(f"{API}/export-schedules/", wish, "application/json", headers={"Accept-Language": "pt-br"})
    assert portuguese.json()["errors"]["query"] == ["Esse painel não existe."]
    orders = client.post(f"{API}/exports/", {"what": "board", "format": "xlsx"}, content_type="application/json")
    assert (orders.status_code, set(orders.json()["errors"])) == (400, {"what"})
