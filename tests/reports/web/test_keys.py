"""The page of API keys: what it gives is no more than its reader has, and a secret is shown once."""

import re
from datetime import timedelta

from django.utils import timezone

from portal.accounts.keys import NewKey, issue_key
from portal.lib.ids import uuid7
from portal.tenants import wall
from portal.tenants.guards import reader_of_key
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Role
from tests.conftest import member

PAGE = "/t/acme/keys/"
WISH = {"name": "Warehouse", "role": "viewer", "environment": "", "lasts": "365"}


def secret_in(answer) -> str:
    (found,) = set(re.findall(r"ring_[\w-]{40}", answer.content.decode()))
    return found


def test_a_key_is_issued_and_shown_once(client, acme, sales, ana) -> None:
    client.force_login(ana)
    answer = client.post(PAGE, WISH | {"environment": str(sales.public_id), "look_up": "1"})
    secret = secret_in(answer)
    reader = reader_of_key(secret)

    assert answer["Cache-Control"] == "private, no-store"
    assert secret not in str(answer.cookies) + str(dict(client.session)) + client.get(PAGE).content.decode()
    assert (reader.key.environment_id, reader.key.made_by_id, reader.role) == (sales.pk, ana.pk, Role.VIEWER)
    assert (reader.grant.sees_numbers, reader.grant.looks_up) == (False, True)
    left = reader.key.expires_at - timezone.now()
    assert timedelta(days=364) < left < timedelta(days=366)


def test_a_manager_gives_no_more_than_he_has(client, acme, sales, care) -> None:
    mia = member(acme, "mia@acme.example", Role.MANAGER, sales)
    client.force_login(mia)
    text = client.get(PAGE).content.decode()
    for more in (
        {"role": "owner"},
        {"environment": str(care.public_id)},
        {"numbers": "1"},
        {"look_up": "1"},
        {"lasts": "never"},
        {"lasts": "400"},
        {"name": " "},
    ):
        assert client.post(PAGE, WISH | more).status_code == 400, more
    reader = reader_of_key(secret_in(client.post(PAGE, WISH)))

    assert str(care.public_id) not in text
    with wall.tenant(acme):
        assert list(reader.grant.environments.all()) == [sales]
        assert ApiKey.objects.count() == 1


def test_a_manager_neither_sees_nor_rotates_a_key_that_may_more(client, acme, sales, care) -> None:
    above, _ = issue_key(acme, NewKey("canary-above", Role.OWNER))
    aside, _ = issue_key(acme, NewKey("canary-aside", environment=care))
    numbers, _ = issue_key(acme, NewKey("canary-numbers", environment=sales, sees_numbers=True))
    own, secret = issue_key(acme, NewKey("within", environment=sales))
    client.force_login(member(acme, "mia@acme.example", Role.MANAGER, sales))

    text = client.get(PAGE).content.decode()
    assert "within" in text
    assert "canary" not in text
    for key in (above, aside, numbers):
        for act in ("rotate", "revoke"):
            assert client.post(f"{PAGE}{key.public_id}/{act}/", {"ends": "24"}).status_code == 404
    rotated = client.post(f"{PAGE}{own.public_id}/rotate/", {"ends": "24"})
    assert reader_of_key(secret_in(rotated)).key.name == "within"
    assert reader_of_key(secret) is not None


def test_a_revoked_key_ends_at_its_next_request(client, acme, ana) -> None:
    key, secret = issue_key(acme, NewKey("Warehouse"))
    client.force_login(ana)
    bearer = {"authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/environments/", headers=bearer).status_code == 200
    assert client.post(f"{PAGE}{key.public_id}/revoke/").status_code == 302
    assert client.get("/api/v1/environments/", headers=bearer).status_code == 401
    assert client.post(f"{PAGE}{key.public_id}/rotate/", {"ends": "24"}).status_code == 404


def test_another_companys_key_is_as_one_that_is_not_there(client, acme, globex, ana, bruno) -> None:
    theirs, secret = issue_key(globex, NewKey("canary-of-globex"))
    client.force_login(ana)
    for key in (theirs.public_id, uuid7()):
        for act in ("rotate", "revoke"):
            assert client.post(f"{PAGE}{key}/{act}/", {"ends": "0"}).status_code == 404
    assert reader_of_key(secret) is not None
    client.force_login(bruno)
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, WISH).status_code == 403
