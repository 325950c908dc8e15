"""The page on which an owner erases a person: what he types is kept nowhere."""

import pytest

from portal.audit.models import Entry
from portal.privacy.models import Erasure
from portal.tenants import wall
from reports.privacy.erasing import sweep

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
