"""The page on which an owner erases a person: what he types is kept nowhere."""

import io
import json
from zipfile import ZipFile

import pytest

from portal.audit.models import Entry
from portal.formats import figures
from portal.privacy.models import Erasure
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from reports.files.models import Export
from reports.privacy import exporting
from reports.privacy.erasing import sweep
from tests import factories

DAY = factories.TIME_ZERO.date()
ADDRESS = "/t/acme/erasures/"
FILLED = {"number": "+55 21 99123-7788", "reason": "consent", "sure": "yes"}


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path


def rows(tenant) -> list[Erasure]:
    with wall.tenant(tenant):
        return list(Erasure.objects.all())


def test_an_owner_erases_a_person_and_sees_when_it_is_done(client, acme, ana) -> None:
    client.force_login(ana)
    assert "Nobody was erased yet." in client.get(ADDRESS).content.decode()

    text = client.post(ADDRESS, FILLED, follow=True).content.decode()
    (row,) = rows(acme)
    assert str(row.public_id) in text
    assert "consent was withdrawn" in text
    assert "under way" in text
    assert "7788" not in text
    assert (row.asked_by, row.reason) == (ana, "consent")

    assert sweep() == 1
    assert "under way" not in client.get(ADDRESS).content.decode()
    with wall.tenant(acme):
        assert list(
            Entry.objects.filter(action__startswith="person.eras").order_by("number").values_list("action", "user_id")
        ) == [
            ("person.erasure_asked", ana.pk),
            ("person.erased", None),
        ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"number": "21 99123-7788"}, "country code"),
        ({"reason": "whim"}, "Choose a reason."),
        ({"sure": ""}, "Confirm that it is for good."),
    ],
)
def test_what_is_not_whole_is_refused_and_not_repeated(client, acme, ana, change, words) -> None:
    client.force_login(ana)
    answer = client.post(ADDRESS, FILLED | change)

    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert '98765-4321" value' not in answer.content.decode()
    assert rows(acme) == []


def test_nobody_else_erases(client, acme, bruno, carla) -> None:
    for user, status in ((bruno, 403), (carla, 404)):
        client.force_login(user)
        assert client.get(ADDRESS).status_code == client.post(ADDRESS, FILLED).status_code == status
    assert rows(acme) == []


def test_an_owner_looks_and_takes_everything_as_a_file(client, acme, ana, sales) -> None:
    with wall.tenant(acme):
        factories.call(sales, "c1", to_number="+5521991237788", raw='{"id": "c1", "transcript": "hello"}')
        factories.call(sales, "c2", to_number="+5521991237799")
    client.force_login(ana)
    seen = client.post(ADDRESS, {"number": FILLED["number"], "act": "look"}).content.decode()
    assert f"1 call · {figures.days(DAY, DAY)} · 0 notes" in seen

    asked = client.post(ADDRESS, {"number": FILLED["number"], "act": "export"}, follow=True)
    assert asked.redirect_chain == [("/t/acme/exports/#files", 302)]
    with wall.tenant(acme):
        (waits,) = exporting.waiting()
        assert exporting.make(waits)
        row = Export.objects.get()
    listed = client.get("/t/acme/exports/").content.decode()
    assert "Data of one person" in listed
    assert "Ask again" not in listed
    file = client.get(f"/t/acme/exports/{row.public_id}/download/")
    with ZipFile(io.BytesIO(file.getvalue())) as archive:
        (call,) = json.loads(archive.read("calls.json"))
    assert (call["external_id"], call["element"]["transcript"]) == ("c1", "hello")
    with wall.tenant(acme):
        kept = str(list(Entry.objects.values())) + str(list(Export.objects.values()))
        acts = set(Entry.objects.values_list("action", flat=True))
    assert {"person.looked_for", "export.asked", "export.downloaded"} <= acts
    assert "7788" not in kept + listed


@pytest.mark.parametrize("act", ["look", "export"])
def test_who_may_not_see_numbers_learns_of_none(client, acme, ana, sales, act) -> None:
    with wall.tenant(acme):
        Grant.objects.update(sees_numbers=False)
        factories.call(sales, "c1", to_number="+5521991237788")
    client.force_login(ana)
    answers = [client.post(ADDRESS, {"number": number, "act": act}) for number in (FILLED["number"], "+5521990000000")]
    assert {answer.status_code for answer in answers} == {400}
    assert all("yours is narrower" in answer.content.decode() for answer in answers)
    with wall.tenant(acme):
        assert not Export.objects.exists()
