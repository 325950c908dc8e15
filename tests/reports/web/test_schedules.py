"""The pages of exports on a schedule: set up from an answer, read, tried, taken along; destinations and their keys."""

import re

import pytest
from django.urls import reverse

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role
from reports.handover.models import Destination, ExportSchedule, Handover
from reports.saved.models import Board
from tests.reports.handover.conftest import handovers, run, scheduled, tick
from tests.reports.handover.test_boards import board_of
from tests.reports.handover.test_sftp import folder_on
from tests.reports.mail.conftest import mirror

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/t/acme/exports"


@pytest.fixture
def mirrored(acme, sales, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    with wall.tenant(acme):
        mirror(sales)
    return sales


def test_one_is_set_up_from_the_answer_that_is_looked_at(acme, ana, client, mirrored):
    client.force_login(ana)
    answer = client.get("/t/acme/reports/query/?metrics=attempts&by=agent&period=last_week").content.decode()
    asked = re.search(r'/exports/scheduled/new/(\?[^"]+)"', answer).group(1).replace("&amp;", "&")
    page = client.get(f"{BASE}/scheduled/new/{asked}").content.decode()
    assert '<option value="report" selected>' in page
    assert '<option value="week" selected>' in page
    others = re.search(r'name="others" value="([^"]*)"', page).group(1).replace("&amp;", "&")
    sent = {"name": "Agents", "what": "report", "report": "asked", "others": others, "format": "csv", "every": "week"}
    made = client.post(f"{BASE}/scheduled/new/", sent)
    assert made.status_code == 302
    with wall.tenant(acme):
        schedule = ExportSchedule.objects.get()
    assert (schedule.what, schedule.kind, schedule.way) == ("report", "weekly", "linked")
    assert "metrics=attempts" in schedule.query
    assert "period" not in schedule.query
    assert "Agents" in client.get(f"{BASE}/scheduled/").content.decode()
    assert client.get(made.headers["Location"]).status_code == 200


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_files_are_first_offered_in_the_language_of_the_page(acme, ana, client, mirrored, language):
    type(ana).objects.filter(pk=ana.pk).update(language=language)
    client.force_login(ana)
    page = client.get(f"{BASE}/scheduled/new/").content.decode()
    choice = page.partition('<select id="language"')[2].partition("</select>")[0]
    assert re.findall(r'<option value="([^"]+)" selected>', choice) == [language]


def test_what_is_wrong_is_said_beside_what_was_typed(acme, ana, client, mirrored):
    client.force_login(ana)
    answer = client.post(f"{BASE}/scheduled/new/", {"name": "Kept", "to": "nobody@elsewhere.example"})
    assert answer.status_code == 400
    assert b'value="Kept"' in answer.content
    assert b"nobody@elsewhere.example" in answer.content


def test_a_reader_takes_the_file_along_and_who_sees_less_does_not(acme, ana, bruno, client, mirrored):
    schedule = scheduled(acme, ana, to=[ana.email, bruno.email], wait_hours=0, format="csv")
    tick(acme)
    run(acme)
    (row,) = handovers(acme)
    file = f"{BASE}/scheduled/{schedule.public_id}/{row.public_id}/file/"
    client.force_login(ana)
    answer = client.get(file)
    assert b"".join(answer.streaming_content).startswith(b"started_at")
    assert answer.headers["X-Content-SHA256"] == row.manifest["files"][0]["sha256"]
    assert row.manifest["files"][0]["name"].startswith("acme-calls-")
    log = client.get(f"{BASE}/scheduled/{schedule.public_id}/").content.decode()
    assert file in log
    client.force_login(bruno)
    with wall.tenant(acme):
        grant = Membership.objects.get(user=bruno).grant
        grant.all_environments = False
        grant.save()
        grant.environments.clear()
    assert client.get(file).status_code == 403
    page = client.get(f"{BASE}/scheduled/{schedule.public_id}/").content.decode()
    assert file not in page
    assert "/act/" in page
    assert client.post(f"{BASE}/scheduled/{schedule.public_id}/act/", {"act": "pause"}).status_code == 403
    assert client.post(f"{BASE}/scheduled/{schedule.public_id}/act/", {"act": "leave"}).status_code == 302
    assert client.get(f"{BASE}/scheduled/{schedule.public_id}/").status_code == 404


def test_pause_trial_another_round_and_removal(acme, ana, client, mirrored):
    schedule = scheduled(acme, ana, wait_hours=0, format="csv")
    tick(acme)
    run(acme)
    client.force_login(ana)
    here = f"{BASE}/scheduled/{schedule.public_id}/"
    assert client.post(f"{here}act/", {"act": "try"}).status_code == 302
    (row, trial) = handovers(acme)
    assert trial.press
    assert client.post(f"{here}{row.public_id}/again/").status_code == 302
    assert handovers(acme)[0].round == 1
    for act, active in (("pause", False), ("resume", True)):
        assert client.post(f"{here}act/", {"act": act}).status_code == 302
        with wall.tenant(acme):
            assert ExportSchedule.objects.get().active is active
    assert client.post(f"{here}act/", {"act": "remove"}).status_code == 302
    assert client.get(here).status_code == 404
    with wall.tenant(acme):
        assert not Handover.objects.filter(state="pending").exists()


def test_a_destination_is_confirmed_by_its_fingerprint_and_shows_no_secret(acme, ana, client, sshd):
    client.force_login(ana)
    typed = {
        "name": "Warehouse",
        "kind": "sftp",
        "host": "127.0.0.1",
        "port": str(sshd.port),
        "folder": str(sshd.folder),
        "login": sshd.user,
        "private_key": sshd.private_key,
    }
    wrong = client.post(f"{BASE}/destinations/new/", typed | {"login": "", "secret": "hush-hush"})
    assert wrong.status_code == 400
    assert b"hush-hush" not in wrong.content
    assert b"PRIVATE KEY" not in wrong.content
    made = client.post(f"{BASE}/destinations/new/", typed)
    here = made.headers["Location"]
    page = client.get(here).content.decode()
    assert sshd.fingerprint in page.replace("&#x2B;", "+")
    assert "PRIVATE KEY" not in page
    assert client.post(f"{here}act/", {"act": "try"}).status_code == 302
    with wall.tenant(acme):
        place = Destination.objects.get()
    assert not place.ready
    shown = re.search(r'name="fingerprint" value="([^"]+)"', page).group(1)
    client.post(f"{here}act/", {"act": "confirm", "fingerprint": shown})
    client.post(f"{here}act/", {"act": "try"})
    with wall.tenant(acme):
        assert Destination.objects.get().ready
    assert sshd.names() == set()
    assert f'value="{sshd.port}"' in page  # not as a number that people read
    kept = client.post(here, {"name": "Lake house", "secret": "", "private_key": "•••"})
    assert kept.status_code == 302
    with wall.tenant(acme):
        assert Destination.objects.get().private_key == sshd.private_key


def test_destinations_are_for_managers_and_stay_while_they_are_used(acme, ana, bruno, client, mirrored, sshd):
    place = folder_on(sshd, acme, ana)
    scheduled(acme, ana, way="put", destination=str(place.public_id))
    here = f"{BASE}/destinations/{place.public_id}/"
    client.force_login(ana)
    client.post(f"{here}act/", {"act": "remove"})
    with wall.tenant(acme):
        assert Destination.objects.get().removed_at is None
        Membership.objects.filter(user=bruno).update(role=Role.VIEWER)
    client.force_login(bruno)
    assert client.get(here).status_code == 403
    assert "Warehouse" not in client.get(f"{BASE}/scheduled/").content.decode()


@pytest.mark.parametrize(("language", "way"), [("en", "Export on a schedule"), ("pt-br", "Exportar com agendamento")])
def test_one_is_set_up_from_a_board(acme, ana, client, mirrored, language, way):
    board = board_of(acme, ana)
    client.force_login(ana)
    headers = {"Accept-Language": language}
    address = reverse("reports_web:board", args=["acme", board.public_id])
    page = client.get(address, headers=headers).content.decode()
    asked = re.search(r'/exports/scheduled/new/(\?what=board[^"]+)">([^<]+)<', page)
    assert asked.group(2) == way
    form = client.get(f"{BASE}/scheduled/new/{asked.group(1).replace('&amp;', '&')}", headers=headers).content.decode()
    assert '<option value="board" selected>' in form
    assert f'<option value="{board.public_id}" selected>Monday</option>' in form
    assert '<option value="xlsx" selected>' in form
    assert 'value="Monday"' in form
    sent = {"name": "Monday", "what": "board", "board": str(board.public_id), "format": "csv", "every": "week"}
    refused = client.post(f"{BASE}/scheduled/new/", sent, headers=headers)
    assert (refused.status_code, "XLSX" in refused.content.decode()) == (400, True)
    made = client.post(f"{BASE}/scheduled/new/", sent | {"format": "xlsx"}, headers=headers)
    assert made.status_code == 302
    with wall.tenant(acme):
        schedule = ExportSchedule.objects.get()
    assert (schedule.what, schedule.query, schedule.format) == ("board", f"board={board.public_id}", "xlsx")
    one = client.get(made.headers["Location"], headers=headers).content.decode()
    assert f'<option value="{board.public_id}" selected>Monday</option>' in one


@pytest.mark.parametrize("gone", [False, True])
def test_a_board_that_one_does_not_see_stays_chosen_when_something_else_is_changed(
    acme, ana, bruno, client, mirrored, gone
):
    board = board_of(acme, ana, shared=False)
    schedule = scheduled(acme, ana, what="board", query={"board": str(board.public_id)}, format="xlsx")
    with wall.tenant(acme):
        Membership.objects.filter(user=bruno).update(role=Role.MANAGER)
        Grant.objects.filter(membership__user=bruno).update(all_environments=True)
        if gone:
            Board.objects.all().delete()
    client.force_login(bruno)
    page = client.get(f"{BASE}/scheduled/{schedule.public_id}/").content.decode()
    assert '<option value="board" selected>' in page
    chosen = re.search(rf'<option value="{board.public_id}" selected>([^<]*)<', page).group(1)
    assert chosen == ("one that is not there any more" if gone else "Monday")


def test_an_address_tells_nothing_of_a_board_that_one_does_not_see(acme, ana, bruno, client, mirrored):
    board = board_of(acme, ana, shared=False)
    client.force_login(bruno)
    for named in (str(board.public_id), "none", "' OR 1"):
        page = client.get(f"{BASE}/scheduled/new/", {"what": "board", "board": named})
        assert page.status_code == 200
        assert f'<option value="{named}"' not in page.content.decode()
        sent = {"name": "x", "what": "board", "board": named, "format": "xlsx"}
        refused = client.post(f"{BASE}/scheduled/new/", sent)
        assert refused.status_code == 400
        assert f'<option value="{named}"' not in refused.content.decode()
