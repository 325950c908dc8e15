"""Many environments from a file: what each line is worth, what is saved, and where tokens do not stay."""

import re
from datetime import date, timedelta

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import Role, User
from portal.tenants.models.tenants import Environment
from sync import bulk
from sync.bulk_file import MOST_BYTES, MOST_ROWS, WrongFile, described, lines_of, template
from sync.connections import ConnectionRefused
from sync.history import today
from sync.models.connections import Connection, ConnectionState
from sync.sandbox.server import Sandbox
from tests.conftest import member
from tests.journeys.conftest import _generous

__all__ = ["_generous"]

pytestmark = pytest.mark.django_db(transaction=True)
HEAD = "name,vendor,address,token,since,agents"
MANY = reverse("connections:many", args=["acme"])


@pytest.fixture(scope="module")
def box():
    with Sandbox(days=2, calls_per_day=5, seed=3) as box:
        yield box


@pytest.fixture
def hints(monkeypatch) -> list:
    given: list = []
    monkeypatch.setattr("sync.tasks.pull_stream.apply_async", lambda ids, **_: given.append(ids))
    return given


def upload(client, *lines: str):
    content = "\n".join(lines).encode()
    return client.post(MANY, {"file": SimpleUploadedFile("environments.csv", content, "text/csv")})


def talkover(box, name="West", token="", since="2") -> str:
    return f"{name},talkover,{box.talkover_url},{token or box.talkover_token},{since},"


def connections() -> list[Connection]:
    with wall.every_tenant("a test looks"):
        return list(Connection.objects.select_related("environment").order_by("pk"))


def test_good_lines_are_added_and_bad_ones_are_named(client, ana, box, hints) -> None:
    client.force_login(ana)
    agents = " ".join(f"{number}:{name}," for number, name in box.originsai_agents.items()).strip(" ,")
    page = upload(
        client,
        HEAD,
        talkover(box),
        "",
        talkover(box, "Wrong token", "talq_" + "0" * 40),
        talkover(box, "West"),
        f'Care,OriginsAI,{box.originsai_url},{box.originsai_token},2,"{agents}"',
        f"Nowhere,unknown,{box.talkover_url},x,2,",
        talkover(box, "Late", since="2031-01-01"),
    )
    found = {each.line.number: each.problem for each in page.context["found"]}
    assert [number for number, problem in found.items() if not problem] == [2, 6]
    assert "rejected the token" in found[4]
    assert "Another line of the file has this name" in found[5]
    assert "talkover, originsai" in found[7]
    assert "lies in the future" in found[8]
    assert connections() == []  # nothing yet

    done = client.post(MANY, {"carried": page.context["carried"], "line": ["2", "6"]})
    assert done.context["added"] == 2
    west, care = connections()
    assert (west.environment.name, west.state, west.since) == ("West", ConnectionState.OK, today() - timedelta(days=1))
    assert (care.environment.name, care.provider) == ("Care", "originsai")
    assert {connection for _tenant, connection, _stream in hints} == {west.pk, care.pk}
    with wall.every_tenant("a test looks"):
        assert Entry.objects.filter(action="connection.created").count() == 2


def test_tokens_are_shown_and_kept_nowhere(client, ana, box) -> None:
    client.force_login(ana)
    page = upload(client, HEAD, talkover(box), talkover(box, "Two", "talq_" + "1" * 40))
    done = client.post(MANY, {"carried": page.context["carried"], "line": ["2"]})
    for shown in (page.content.decode(), done.content.decode(), str(dict(client.session))):
        assert box.talkover_token not in shown
        assert "talq_1111" not in shown
    assert box.talkover_token not in repr(page.context["found"])
    assert page["Cache-Control"] == "private, no-store"


def test_only_what_was_chosen_is_added_and_a_name_taken_meanwhile_is_named(client, acme, ana, box, hints) -> None:
    client.force_login(ana)
    page = upload(client, HEAD, talkover(box), talkover(box, "East"), talkover(box, "North"))
    with wall.tenant(acme):
        Environment.objects.create(tenant=acme, name="East", provider="talkover")
    done = client.post(MANY, {"carried": page.context["carried"], "line": ["2", "3"]})
    assert [(each.line.number, bool(each.made)) for each in done.context["done"]] == [(2, True), (3, False)]
    assert "already" in done.content.decode()
    assert [row.environment.name for row in connections()] == ["West"]


def test_the_lines_are_for_one_person_of_one_company_and_for_half_an_hour(client, acme, ana, box, monkeypatch) -> None:
    client.force_login(ana)
    carried = upload(client, HEAD, talkover(box)).context["carried"]
    other = member(acme, "otto@acme.example", Role.OWNER)
    client.force_login(other)
    assert "too long ago" in client.post(MANY, {"carried": carried, "line": "2"}).context["wrong"]
    client.force_login(ana)
    monkeypatch.setattr(bulk, "GOOD_FOR", -1.0)
    old = upload(client, HEAD, talkover(box)).context["carried"]
    assert client.post(MANY, {"carried": old, "line": "2"}).status_code == 400
    assert client.post(MANY, {"carried": carried}).status_code == 400  # none chosen
    assert client.post(MANY, {"carried": carried, "line": "9" * 5000}).status_code == 400
    assert connections() == []


def test_one_file_of_a_company_is_tested_at_a_time(client, acme, ana, box) -> None:
    client.force_login(ana)
    cache.add(f"connections-many:{acme.pk}", True, 60)
    assert "Another file" in upload(client, HEAD, talkover(box)).context["wrong"]


def test_who_may_not_add_one_may_not_add_many(client, acme, bruno, carla, sales, box) -> None:
    narrow = member(acme, "nina@acme.example", Role.MANAGER, sales)
    for person, status in ((bruno, 403), (narrow, 403), (carla, 404)):
        client.force_login(person)
        assert client.get(MANY).status_code == status
        assert client.get(f"{MANY}template.csv").status_code == status
        assert upload(client, HEAD, talkover(box)).status_code == status


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "columns are missing: name"),
        (b"name;vendor;address\n", "columns are missing: token"),
        (b"name,vendor,address,token,colour\na,b,c,d,e\n", "unknown, or stand there twice: colour"),
        (b"name,vendor,address,token,name\na,b,c,d,e\n", "twice: name"),
        (b"name,vendor,address,token\n\n,,,\n", "no line"),
        (b'name,vendor,address,token\n"a,b,c,d\n', "no CSV"),
        (b"name,vendor,address,token\na\0,b,c,d\n", "no text"),
        (b"\xff\xfe\x00\x00", "no text"),
        (b"name,vendor,address,token\n" + b"a,b,c,d\n" * (MOST_ROWS + 1), "too many lines"),
        (b"x" * (MOST_BYTES + 1), "too large"),
    ],
)
def test_a_file_that_is_none_is_told_in_words(content, told) -> None:
    with pytest.raises(WrongFile, match=told):
        lines_of(content)


def test_spreadsheets_of_either_language_are_read() -> None:
    portuguese = "\ufeffNome;Fornecedor;Endereço;Token;Desde\r\nCafé;Talkover;https://a.example/api/v1;talq_x;90\r\n"
    old = portuguese.removeprefix("\ufeff").encode("cp1252")
    for content in (portuguese.encode(), old):
        [line] = lines_of(content)
        description = described(line)
        assert (line.number, description.name, description.provider) == (2, "Café", "talkover")
        assert (description.since, description.token) == (today() - timedelta(days=89), "talq_x")
        assert "talq_x" not in repr(description) + repr(line)


@pytest.mark.parametrize("since", ["20/11/2026", "0", "99999", "soon"])
def test_how_far_back_is_a_day_or_a_number_of_days(since) -> None:
    [line] = lines_of(f"name,vendor,address,token,since\na,talkover,https://a.example/api,t,{since}\n".encode())
    with pytest.raises(ConnectionRefused, match="such as 90"):
        described(line)


def test_the_template_is_a_file_that_is_read(client, ana) -> None:
    client.force_login(ana)
    answer = client.get(f"{MANY}template.csv")
    assert (answer["Content-Type"], answer.content) == ("text/csv; charset=utf-8", template())
    [line] = lines_of(answer.content)
    assert described(line).provider == "talkover"
    assert isinstance(described(line).since, date)
    ana.language = "pt-br"
    ana.save()
    assert re.match("\ufeffnome;fornecedor;endereço;token;desde;", client.get(f"{MANY}template.csv").content.decode())


def test_the_console_adds_them_to_a_tenant_that_is_chosen_first(client, acme, box, hints) -> None:
    client.force_login(User.objects.create_superuser("root@ringbook.example", "correct horse battery"))
    asked = client.get(reverse("admin:sync_connection_many")).content.decode()
    assert f"?tenant={acme.pk}" in asked
    address = f"{reverse('admin:sync_connection_many')}?tenant={acme.pk}"
    file = SimpleUploadedFile("environments.csv", "\n".join((HEAD, talkover(box))).encode())
    page = client.post(address, {"file": file})
    assert box.talkover_token not in page.content.decode()
    done = client.post(address, {"carried": page.context["carried"], "line": "2"})
    assert "1 environment was added" in done.content.decode()
    [west] = connections()
    assert west.tenant == acme
    assert client.get(reverse("admin:sync_connection_template")).content == template()
