"""Connections in the browser: who sees them, who acts, and what stands afterwards."""

import html
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Environment
from sync.connections import access_of, change_token, reject
from sync.history import today
from sync.models.connections import Connection, ConnectionState
from sync.models.runs import Run, RunState, Window, WindowState
from sync.sandbox.server import Sandbox
from sync.taxonomy import Fault
from tests.conftest import member
from tests.journeys.conftest import _generous, connect, connect_originsai

__all__ = ["_generous"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def box():
    with Sandbox(days=2, calls_per_day=5, seed=3) as box:
        yield box


@pytest.fixture
def connection(acme, box) -> Connection:
    with wall.tenant(acme):
        return connect(acme, box, "West")


@pytest.fixture
def hints(monkeypatch) -> list:
    given: list = []
    monkeypatch.setattr("sync.tasks.pull_stream.apply_async", lambda ids, **_: given.append(ids))
    return given


def all_of(tenant="acme") -> str:
    return reverse("connections:all", args=[tenant])


def one(connection) -> str:
    return reverse("connections:one", args=["acme", connection.public_id])


def act(client, connection, name, **more):
    return client.post(reverse("connections:act", args=["acme", connection.public_id]), {"act": name, **more})


def kept() -> Connection:
    with wall.every_tenant("a test looks"):
        return Connection.objects.select_related("environment").get()


def acts_noted() -> list[str]:
    with wall.every_tenant("a test looks"):
        return list(
            Entry.objects.filter(action__startswith="connection.").order_by("pk").values_list("action", flat=True)
        )


def said(answer) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def form_of(connection, **changed) -> dict[str, str]:
    return {
        "base_url": connection.base_url, "new_token": "", "since": str(connection.since), "rate_per_minute": "",
    } | changed  # fmt: skip


# --- who ---


def test_a_reader_sees_the_environments_of_his_grant_and_no_button(client, bruno, sales, connection):
    client.force_login(bruno)
    page = client.get(all_of()).content.decode()
    assert "Sales" in page
    assert "West" not in page
    assert "Add an environment" not in page
    assert client.get(one(connection)).status_code == 404


def test_a_viewer_reads_the_state_and_changes_nothing(client, acme, connection, box):
    client.force_login(member(acme, "vera@acme.example", Role.VIEWER))
    page = client.get(one(connection)).content.decode()
    assert "working" in page
    assert 'name="act"' not in page
    assert "new_token" not in page
    assert client.post(one(connection), form_of(connection, since=str(today()))).status_code == 403
    assert act(client, connection, "remove").status_code == 403
    assert client.get(reverse("connections:new", args=["acme", "talkover"])).status_code == 403
    assert (kept().state, kept().since) == (ConnectionState.OK, connection.since)


def test_who_sees_some_agents_only_changes_no_connection(client, acme, connection, hints):
    """It fills the environment with the calls of all."""
    some = member(acme, "some@acme.example", Role.OWNER)
    with wall.tenant(acme):
        Grant.objects.filter(membership__user=some).update(agent_keys=["agent-1"])
    client.force_login(some)
    shown = client.get(one(connection)).content.decode()
    assert 'name="act"' not in shown
    assert "base_url" not in shown
    assert all(act(client, connection, name).status_code == 403 for name in ("pause", "remove", "read", "test"))
    assert client.post(one(connection), {"base_url": "https://elsewhere.example"}).status_code == 403
    assert kept().state == ConnectionState.OK
    assert hints == []


def test_a_stranger_and_an_absent_one_look_the_same(client, carla, connection):
    client.force_login(carla)
    absent = reverse("connections:one", args=["globex", "01890000-0000-7000-8000-000000000000"])
    foreign = reverse("connections:one", args=["globex", connection.public_id])
    pages = [client.get(address) for address in (absent, foreign)]
    assert {page.status_code for page in pages} == {404}
    assert client.post(f"{foreign}act/", {"act": "remove"}).status_code == 404
    assert kept().state == ConnectionState.OK


def test_who_sees_some_environments_adds_none(client, acme, sales):
    client.force_login(member(acme, "mara@acme.example", Role.MANAGER, sales))
    assert client.get(reverse("connections:vendors", args=["acme"])).status_code == 403


# --- what is told ---


def test_the_list_tells_the_truth_in_the_companys_zone(client, ana, connection):
    with wall.tenant(connection.tenant_id):
        reject(connection)
    client.force_login(ana)
    for address in (all_of(), one(connection)):
        page = client.get(address).content.decode()
        assert "failing since" in page
        assert "the token was rejected" in page
        assert "UTC: " not in page
        assert "nothing was read yet" in page


def test_an_empty_company_is_led_to_its_first_environment(client, ana):
    client.force_login(ana)
    assert "Connect your first environment" in client.get(all_of()).content.decode()


# --- three steps ---


def new_form(box, **changed):
    return {"name": "West", "base_url": box.talkover_url, "token": box.talkover_token} | changed


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"token": "talq_wrong"}, "Nothing was saved. The vendor rejected the token."),
        ({"base_url": "http://nowhere.invalid/api"}, "Nothing was saved. The base address cannot be reached."),
    ],
)
def test_what_does_not_serve_is_said_and_not_saved(client, ana, acme, box, wrong, sentence):
    client.force_login(ana)
    answer = client.post(reverse("connections:new", args=["acme", "talkover"]), new_form(box) | wrong)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert sentence in page
    assert box.talkover_token not in page
    assert "talq_wrong" not in page
    with wall.tenant(acme):
        assert not Environment.objects.exists()


@pytest.mark.parametrize("path", ["", "/api", "/v1"])
def test_a_wrong_path_is_not_called_a_rejected_token(client, ana, box, path):
    """This vendor answers 401 at any address, so a right token looks rejected there."""
    client.force_login(ana)
    host = box.talkover_url.removesuffix("/api/v1")
    answer = client.post(reverse("connections:new", args=["acme", "talkover"]), new_form(box, base_url=host + path))
    assert answer.context["form"].errors["base_url"] == [
        "Nothing was saved. The vendor refused the request. Check the base address first: it usually ends with /api/v1."
    ]
    assert "rejected the token" not in answer.content.decode()


def test_the_second_step_knows_the_vendors_address_and_says_where_the_token_is(client, ana):
    client.force_login(ana)
    page = client.get(reverse("connections:new", args=["acme", "talkover"])).content.decode()
    assert 'value="https://app.talkover.ai/api/v1"' in page
    assert "copy its API token" in page
    page = client.get(reverse("connections:new", args=["acme", "originsai"])).content.decode()
    assert "with /api at the end" in page


def test_progress_moves_with_each_stream(client, ana, acme, connection):
    """Streams are read one after the other: days that all of them have would stay at none for most of the time."""
    client.force_login(ana)
    with wall.tenant(acme):
        Connection.objects.filter(pk=connection.pk).update(since=today() - timedelta(days=9))
        for age in range(4):
            day = today() - timedelta(days=age)
            Window.objects.update_or_create(
                tenant=acme, environment=connection.environment, stream="calls", part=day.isoformat(), day=day,
                defaults={"state": WindowState.COMPLETE, "next_attempt_at": timezone.now()},
            )  # fmt: skip
    page = client.get(one(connection)).content.decode()
    assert "calls 4 of 10 · callbacks 0 of 10" in page
    assert '<progress max="20" value="4"' in page
    assert 'data-again="3"' in page


@pytest.mark.parametrize(
    ("state", "fault", "mark", "sentence"),
    [
        (RunState.PARTIAL, "", "wait", "7 of 30 parts are read. The next sync continues."),
        (RunState.PARTIAL, Fault.SERVER, "warn", "the vendor&#x27;s server failed"),
        (RunState.INTERRUPTED, "", "warn", "The server stopped during this sync. The next one continues."),
        (RunState.COMPLETE, "", "good", ""),
    ],
)
def test_a_run_that_is_not_whole_says_why(client, ana, acme, connection, state, fault, mark, sentence):
    with wall.tenant(acme):
        Run.objects.create(
            tenant=acme, environment=connection.environment, connection=connection, stream="calls", state=state,
            fault=fault, windows_planned=30, windows_complete=7, started_at=timezone.now(),
        )  # fmt: skip
    client.force_login(ana)
    [line] = client.get(one(connection)).context["runs"]
    assert (line.mark, line.why) == (mark, html.unescape(sentence))


def test_three_steps_connect_and_only_the_third_begins_to_read(client, ana, acme, box, hints):
    client.force_login(ana)
    assert (
        reverse("connections:new", args=["acme", "talkover"])
        in client.get(reverse("connections:vendors", args=["acme"])).content.decode()
    )
    second = client.post(reverse("connections:new", args=["acme", "talkover"]), new_form(box))
    start = reverse("connections:start", args=["acme", kept().public_id])
    assert (second.url, kept().state, kept().tested_at is not None, hints) == (start, ConnectionState.PAUSED, True, [])
    assert "requests" in client.get(start).content.decode()
    assert client.post(start, {"days": "", "since": "1926-01-01"}).status_code == 400
    client.post(start, {"days": "30"})
    assert (kept().state, kept().since) == (ConnectionState.OK, today() - timedelta(days=29))
    assert len(hints) == 4
    client.post(start, {"days": "7"})  # pressed again: it reads already
    assert kept().since == today() - timedelta(days=29)
    assert acts_noted() == ["connection.created", "connection.changed", "connection.resumed"]


def test_agents_are_written_one_a_line(client, ana, box):
    client.force_login(ana)
    agents = "\r\n".join(f"{number}:{name}" for number, name in box.originsai_agents.items())
    sent = {"name": "Care", "base_url": box.originsai_url, "token": box.originsai_token, "setting_agents": agents}
    sent |= {"setting_header": "Authorization", "setting_prefix": "Bearer", "setting_max_bytes": ""}
    assert client.post(reverse("connections:new", args=["acme", "originsai"]), sent).status_code == 302
    assert kept().settings["agents"] == agents.replace("\r\n", ",")


# --- acts ---


def test_pause_and_resume_are_safe_to_press_twice(client, ana, connection, hints):
    client.force_login(ana)
    for _ in range(2):
        act(client, connection, "pause")
    assert kept().state == ConnectionState.PAUSED
    for _ in range(2):
        act(client, connection, "resume")
    assert (kept().state, len(hints)) == (ConnectionState.OK, 4)
    assert acts_noted() == ["connection.paused", "connection.resumed"]


def test_a_removed_connection_forgets_its_token_and_keeps_its_environment(client, ana, connection, box, hints):
    client.force_login(ana)
    for _ in range(2):
        act(client, connection, "remove")
    gone = kept()
    assert (gone.state, gone.token.reveal(), gone.token_fingerprint) == (ConnectionState.REMOVED, "", "")
    assert (gone.environment.name, gone.since) == ("West", connection.since)
    for name in ("resume", "read", "pause", "test"):
        act(client, connection, name)
    assert (kept().state, hints) == (ConnectionState.REMOVED, [])
    assert client.post(one(gone), form_of(gone)).status_code == 400
    assert client.post(one(gone), form_of(gone, new_token=box.talkover_token)).status_code == 302
    assert (kept().state, len(hints)) == (ConnectionState.OK, 4)
    assert acts_noted().count("connection.removed") == 1


def test_a_test_answers_in_words(client, ana, connection, box, hints):
    client.force_login(ana)
    assert "West works." in said(client.post(f"{one(connection)}act/", {"act": "test"}, follow=True))
    box.rotate("talkover", "acme")
    answer = client.post(f"{one(connection)}act/", {"act": "test"}, follow=True)
    assert "The vendor rejected the token." in said(answer)


def test_days_are_read_again_within_the_history_only(client, ana, connection, hints):
    with wall.tenant(connection.tenant_id):
        for back in (0, 1, 2):
            day = today() - timedelta(days=back)
            Window.objects.create(
                tenant_id=connection.tenant_id, environment_id=connection.environment_id, stream="calls",
                part=str(day), day=day, state=WindowState.COMPLETE,
            )  # fmt: skip
        Connection.objects.update(since=today() - timedelta(days=1))
    client.force_login(ana)
    act(client, connection, "reread", first=str(today() - timedelta(days=2)), last=str(today() - timedelta(days=1)))
    with wall.tenant(connection.tenant_id):
        due = Window.objects.exclude(next_attempt_at=None).values_list("day", flat=True)
        assert list(due) == [today() - timedelta(days=1)]
    assert len(hints) == 4
    act(client, connection, "reread", first="2026-11-20", last="x")
    assert acts_noted() == ["connection.read_again"]


def test_a_change_of_address_asks_for_the_token_and_shows_none(client, ana, connection, box):
    client.force_login(ana)
    asked = len(box.journal.entries)
    with Sandbox(days=2, calls_per_day=5, seed=3) as other:
        answer = client.post(one(connection), form_of(connection, base_url=other.talkover_url))
        assert len(other.journal.entries) == 0
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "enter it again" in page
    assert box.talkover_token not in page
    assert (kept().base_url, len(box.journal.entries)) == (connection.base_url, asked)


def test_a_new_token_is_tested_before_it_is_kept(client, ana, connection, box, hints):
    client.force_login(ana)
    assert client.post(one(connection), form_of(connection, new_token="talq_wrong")).status_code == 400
    assert kept().token.reveal() == box.talkover_token
    fresh = box.rotate("talkover", "acme")
    assert client.post(one(connection), form_of(connection, new_token=fresh)).status_code == 302
    assert kept().token.reveal() == fresh
    assert acts_noted() == ["connection.token_changed"]


def test_settings_of_a_vendor_are_fields_and_stay_when_not_touched(client, ana, acme, box, hints):
    with wall.tenant(acme):
        made = connect_originsai(acme, box)
    client.force_login(ana)
    sent = {f"setting_{key}": value.replace(",", "\n") for key, value in made.settings.items()}
    assert client.post(one(made), form_of(made, **sent, rate_per_minute="30")).status_code == 302
    assert (kept().settings, kept().rate_per_minute) == (made.settings, 30)
    refused = client.post(one(made), form_of(made, **sent | {"setting_prefix": "Token"}))
    assert refused.status_code == 400
    assert kept().settings == made.settings


@pytest.mark.parametrize("fresh", ["", "talq_another-0123456789"])
def test_a_change_during_the_test_is_not_written_over(client, ana, connection, monkeypatch, fresh):
    """A vendor may take long to answer, and the token given meanwhile for another address is for that one alone."""
    elsewhere = "https://api.vendor.example/v1"

    def answered(form):
        with wall.tenant(connection.tenant_id):
            Connection.objects.filter(pk=connection.pk).update(base_url=elsewhere)
            change_token(Connection.objects.get(), "talq_given-for-elsewhere-01", check=False)

    monkeypatch.setattr("sync.connection_forms.ChangeForm.tested", answered)
    client.force_login(ana)
    answer = client.post(one(connection), form_of(connection, base_url=f"{connection.base_url}/v2", new_token=fresh))
    assert answer.status_code == 400
    assert "meanwhile" in answer.content.decode()
    assert kept().base_url == elsewhere
    assert access_of(kept()).token == "talq_given-for-elsewhere-01"


def test_a_connection_removed_during_the_test_stays_removed(client, ana, connection, monkeypatch):
    def answered(form):
        assert act(client, connection, "remove").status_code == 302

    monkeypatch.setattr("sync.connection_forms.ChangeForm.tested", answered)
    client.force_login(ana)
    assert client.post(one(connection), form_of(connection, base_url=f"{connection.base_url}/v2")).status_code == 400
    assert kept().state == ConnectionState.REMOVED


def test_a_token_is_read_with_the_address_that_it_is_for(connection, box):
    """By whoever found the connection before it was given another address."""
    found = kept()
    with wall.tenant(connection.tenant_id):
        Connection.objects.filter(pk=connection.pk).update(base_url="https://api.vendor.example/v1")
        change_token(Connection.objects.get(), "talq_given-for-elsewhere-01", check=False)
    access = access_of(found)
    assert (access.base_url, access.token) == ("https://api.vendor.example/v1", "talq_given-for-elsewhere-01")
