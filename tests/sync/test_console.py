"""The console's page of a connection: tested before it is saved, and honest afterwards."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import User
from portal.vault import mark, new_key
from sync.connections import reject
from sync.models.connections import Connection, ConnectionState, RequestGrant
from sync.models.runs import Gap, Run, RunState, Window, WindowState
from sync.reading.runner import pull
from sync.sandbox.server import Sandbox
from sync.standing import Kind, standings
from sync.taxonomy import Fault, Stream
from tests.journeys.conftest import _generous, connect, connect_originsai, since
from tests.walls.rows import row_of

__all__ = ["_generous"]

pytestmark = pytest.mark.django_db(transaction=True)

NOWHERE = "http://nowhere.invalid/api/v1"


@pytest.fixture(scope="module")
def box():
    with Sandbox(days=2, calls_per_day=5, seed=3) as box:
        yield box


@pytest.fixture
def root(client) -> User:
    user = User.objects.create_superuser("root@ringbook.example", "correct horse battery")
    client.force_login(user)
    return user


@pytest.fixture
def connection(acme, box) -> Connection:
    with wall.tenant(acme):
        return connect(acme, box)


@pytest.fixture
def hints(monkeypatch) -> list:
    """What the workers are hinted at."""
    given: list = []
    monkeypatch.setattr("sync.tasks.pull_stream.apply_async", lambda ids, **_: given.append(ids))
    return given


def form_of(box: Sandbox, **changed) -> dict[str, object]:
    return {
        "base_url": box.talkover_url,
        "since": since(box).isoformat(),
        "rate_per_minute": "",
        "new_token": "",
    } | changed


def change(connection: Connection) -> str:
    return reverse("admin:sync_connection_change", args=[connection.pk])


def errors(response) -> dict[str, str]:
    found = response.context["adminform"].form.errors
    return {name: " ".join(texts) for name, texts in found.items()}


def kept() -> Connection:
    with wall.every_tenant("a test looks"):
        return Connection.objects.select_related("tenant").get()


def standing(connection: Connection):
    with wall.tenant(connection.tenant_id):
        fresh = Connection.objects.defer("token").get(pk=connection.pk)
        return standings([fresh])[fresh.pk]


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"base_url": NOWHERE}, "base_url", "The base address cannot be reached."),
        ({"new_token": "talq_wrong"}, "new_token", "The vendor rejected the token."),
    ],
)
def test_a_connection_that_does_not_serve_is_not_saved(client, root, acme, sales, box, wrong, field, sentence):
    new = f"{reverse('admin:sync_connection_add')}?tenant={acme.pk}"
    answer = client.post(new, form_of(box, environment=sales.pk, new_token=box.talkover_token) | wrong)
    assert answer.status_code == 200
    assert errors(answer).keys() == {field}
    assert errors(answer)[field].startswith(f"Nothing was saved. {sentence}")
    with wall.tenant(acme):
        assert not Connection.objects.exists()


def test_a_connection_that_serves_is_saved_as_working_and_read_at_once(client, root, acme, sales, box, hints):
    new = f"{reverse('admin:sync_connection_add')}?tenant={acme.pk}"
    before = len(box.journal.entries)
    answer = client.post(new, form_of(box, environment=sales.pk, new_token=box.talkover_token))
    assert answer.status_code == 302
    made = kept()
    assert (made.state, made.tested_at is not None) == (ConnectionState.OK, True)
    assert len(box.journal.entries) - before == 1
    with wall.tenant(acme):
        assert RequestGrant.objects.get().count == 1
    assert {stream for _, _, stream in hints} == {"agents", "calls", "callbacks", "campaigns"}


def test_saved_without_a_test_is_not_called_working(client, root, acme, sales, box, hints):
    new = f"{reverse('admin:sync_connection_add')}?tenant={acme.pk}"
    wrong = form_of(box, environment=sales.pk, new_token="talq_wrong", base_url=NOWHERE, untested="on")
    assert client.post(new, wrong).status_code == 302
    assert (kept().state, str(standing(kept()))) == (ConnectionState.UNTESTED, "not tested yet")
    listed = client.get(reverse("admin:sync_connection_changelist")).content.decode()
    assert "not tested yet" in listed


def test_what_was_saved_untested_fails_since_its_first_reading(client, root, acme, sales, box, hints, monkeypatch):
    monkeypatch.setattr("sync.reading.reader.backoff", lambda tries: 0.001)
    new = f"{reverse('admin:sync_connection_add')}?tenant={acme.pk}"
    client.post(new, form_of(box, environment=sales.pk, new_token="talq_x", base_url=NOWHERE, untested="on"))
    with wall.tenant(acme):
        pull(kept(), [Stream.AGENTS])
        first = Run.objects.get().started_at
        pull(kept(), [Stream.AGENTS])
    found = standing(kept())
    assert (found.kind, found.since) == (Kind.FAILING, first)
    assert str(found) == f"failing since {first:%H:%M} UTC: the connection failed"
    for page in (reverse("admin:sync_connection_changelist"), change(kept())):
        assert f"failing since {first:%H:%M} UTC: the connection failed" in client.get(page).content.decode()
    root.language = "pt-br"
    root.save()
    refused = client.post(change(kept()), form_of(box, base_url="http://elsewhere.invalid/api/v1", new_token="talq_x"))
    sentence = "Nada foi salvo. Não foi possível alcançar o endereço base. O nome do servidor não é conhecido."
    assert errors(refused)["base_url"] == sentence
    listed = client.get(reverse("admin:sync_connection_changelist")).content.decode()
    assert f"falha desde {first:%H:%M} UTC: a conexão falhou" in listed


def test_an_address_that_fails_the_test_leaves_the_old_one(client, root, connection, box):
    answer = client.post(change(connection), form_of(box, base_url=NOWHERE, new_token="talq_x"))
    assert errors(answer).keys() == {"base_url"}
    assert kept().base_url == box.talkover_url


def heard(box: Sandbox) -> int:
    return len(box.journal.entries)


def test_a_stored_token_is_sent_to_no_other_host(client, root, connection, box):
    with Sandbox(days=2, calls_per_day=5, seed=3) as other:
        answer = client.post(change(connection), form_of(box, base_url=other.talkover_url, untested=""))
        assert errors(answer) == {"new_token": "The token goes to another address, or in another form: enter it again."}
        client.post(change(connection), form_of(box, base_url=other.talkover_url, untested="on"))
        assert (heard(other), kept().base_url) == (0, box.talkover_url)


def test_another_host_with_its_token_is_audited_with_both(client, root, connection, box, hints):
    with Sandbox(days=2, calls_per_day=5, seed=3) as other:
        sent = form_of(box, base_url=other.talkover_url, new_token=other.talkover_token)
        assert client.post(change(connection), sent).status_code == 302
        with wall.tenant(connection.tenant_id):
            noted = Entry.objects.get(action="connection.moved")
        was, now = (urlsplit(each.talkover_url).netloc for each in (box, other))
        assert noted.changes == {"host": [f"http://{was}", f"http://{now}"]}


@pytest.mark.parametrize(("setting", "value"), [("header", "X-Api-Key"), ("prefix", "Token")])
def test_a_stored_token_leaves_in_no_other_form(client, root, acme, box, setting, value):
    with wall.tenant(acme):
        made = connect_originsai(acme, box)
    before = heard(box)
    changed = {f"setting_{name}": text.replace(",", "\n") for name, text in made.settings.items()}
    sent = form_of(box, base_url=box.originsai_url, **changed | {f"setting_{setting}": value})
    assert errors(client.post(change(made), sent)).keys() == {"new_token"}
    assert (heard(box), kept().settings[setting]) == (before, made.settings[setting])


def test_a_path_below_the_same_host_keeps_its_token(client, root, connection, box):
    answer = client.post(change(connection), form_of(box, base_url=f"{box.talkover_url}/x"))
    assert errors(answer).keys() == {"base_url"}


def test_a_token_of_another_company_is_refused_before_it_is_sent(client, root, connection, box, globex, foreign):
    new = f"{reverse('admin:sync_connection_add')}?tenant={globex.pk}"
    before = heard(box)
    answer = client.post(new, form_of(box, environment=foreign.pk, new_token=box.talkover_token))
    assert errors(answer) == {"new_token": "This token can't be used here. Ask the vendor for one of your own."}
    assert heard(box) == before
    with wall.tenant(globex):
        assert not Connection.objects.exists()


def test_a_token_is_not_changed_for_one_of_another_company(client, root, connection, box, globex, hints):
    with wall.tenant(globex):
        connect(globex, box)
    answer = client.post(change(connection), form_of(box, new_token=f"{box.talkover_token}_globex"))
    assert errors(answer) == {"new_token": "This token can't be used here. Ask the vendor for one of your own."}


def test_what_needs_no_test_asks_nobody(client, root, connection, box):
    before = len(box.journal.entries)
    assert client.post(change(connection), form_of(box, rate_per_minute="30")).status_code == 302
    assert (kept().rate_per_minute, len(box.journal.entries)) == (30, before)


def test_a_rejected_token_once_mended_is_noticed_at_once(client, root, connection, box, hints, acme):
    with wall.tenant(acme):
        reject(connection)
        window = {"tenant": acme, "environment_id": connection.environment_id, "stream": "calls", "fault": "rejected"}
        later = timezone.now() + timedelta(hours=1)
        Window.objects.create(part="2026-07-01", state=WindowState.INCOMPLETE, next_attempt_at=later, **window)
    assert standing(connection).kind == Kind.FAILING
    assert "the token was rejected" in str(standing(connection))
    assert client.post(change(connection), form_of(box, new_token=box.talkover_token)).status_code == 302
    assert (kept().state, standing(connection).kind) == (ConnectionState.OK, Kind.WORKING)
    assert len(hints) == 4
    with wall.tenant(acme):
        assert Window.objects.get().next_attempt_at < timezone.now()


def test_a_token_that_the_vendor_lets_in_again_is_noticed_by_the_test(client, root, connection, hints, acme):
    with wall.tenant(acme):
        reject(connection)
    client.post(reverse("admin:sync_connection_check", args=[connection.pk]))
    assert (kept().state, len(hints)) == (ConnectionState.OK, 4)


def test_a_pause_is_no_state_of_the_token(client, root, connection, box, hints):
    client.post(change(connection), form_of(box, paused="on"))
    assert (kept().state, standing(connection).kind) == (ConnectionState.PAUSED, Kind.PAUSED)
    assert hints == []
    assert "checked" in client.get(change(connection)).content.decode().split('name="paused"')[1].split(">")[0]
    elsewhere = client.post(change(connection), form_of(box, base_url=NOWHERE, new_token="talq_x"))
    assert errors(elsewhere).keys() == {"base_url"}
    client.post(change(connection), form_of(box))
    assert kept().state == ConnectionState.OK
    assert len(hints) == 4


def test_a_missing_key_is_named_and_blamed_on_nobody_else(client, root, connection, box, settings):
    needed = mark(settings.TOKEN_KEYS[0])
    settings.TOKEN_KEYS = [new_key()]
    listed = client.get(reverse("admin:sync_connection_changelist")).content.decode()
    assert f"needs the key {needed}, which is not among TOKEN_KEYS" in listed
    checked = client.post(reverse("admin:sync_connection_check", args=[connection.pk]), follow=True)
    assert needed in " ".join(str(message) for message in checked.context["messages"])
    refused = client.post(change(connection), form_of(box, base_url=f"{box.talkover_url}/x"))
    assert needed in errors(refused)["new_token"]
    with wall.tenant(connection.tenant_id):
        assert Connection.objects.values_list("state", flat=True).get() == ConnectionState.OK
    assert settings.TOKEN_KEYS[0] not in listed


# --- what the rows tell ---


def run_of(connection: Connection, hours_ago: float, state: RunState, stream="calls", fault="") -> Run:
    begun = timezone.now() - timedelta(hours=hours_ago)
    return Run.objects.create(
        tenant_id=connection.tenant_id,
        environment_id=connection.environment_id,
        connection=connection,
        stream=stream,
        state=state,
        fault=fault,
        started_at=begun,
        finished_at=begun + timedelta(seconds=1),
    )


@pytest.fixture
def read(acme, connection):
    """A connection behind its wall that was tested a year ago."""
    with wall.tenant(acme):
        Connection.objects.update(tested_at=timezone.now() - timedelta(days=365))
        yield Connection.objects.get()


def test_failing_begins_with_the_first_failure_after_the_last_good_run(read):
    run_of(read, 9, RunState.FAILED, fault="server")
    run_of(read, 8, RunState.COMPLETE)
    first = run_of(read, 7, RunState.FAILED, fault="server")
    run_of(read, 6, RunState.INTERRUPTED)
    run_of(read, 5, RunState.FAILED, fault="timeout")
    run_of(read, 4, RunState.INTERRUPTED)
    found = standing(read)
    assert (found.kind, found.since, found.why) == (Kind.FAILING, first.started_at, "the vendor did not answer in time")


def test_streams_that_fail_beside_others_that_do_not_are_named(read):
    run_of(read, 2, RunState.COMPLETE)
    run_of(read, 1, RunState.FAILED, stream="agents", fault="forbidden")
    assert (standing(read).kind, standing(read).streams) == (Kind.FAILING, ("agents",))


def test_a_good_run_or_a_good_test_ends_the_failing(read):
    run_of(read, 3, RunState.FAILED, fault="network")
    Connection.objects.update(tested_at=timezone.now() - timedelta(hours=2))
    assert standing(read).kind == Kind.WORKING
    run_of(read, 1, RunState.FAILED, fault="network")
    assert standing(read).kind == Kind.FAILING
    good = run_of(read, 0.5, RunState.PARTIAL)
    assert (standing(read).kind, standing(read).since) == (Kind.WORKING, good.finished_at)


def test_open_gaps_and_pauses_of_the_vendor_are_told(read):
    run_of(read, 1, RunState.PARTIAL)
    where = {"tenant_id": read.tenant_id, "environment_id": read.environment_id, "stream": "calls"}
    at = timezone.now() - timedelta(days=2)
    Gap.objects.create(part="2026-07-01", fault=Fault.SERVER, opened_at=at, **where)
    Gap.objects.create(part="2026-07-02", fault=Fault.FORM, opened_at=at + timedelta(hours=1), **where)
    found = standing(read)
    assert (found.kind, found.since, found.why) == (Kind.GAPS, at, "the vendor's server failed")
    until = timezone.now() + timedelta(minutes=9)
    Connection.objects.update(blocked_until=until)
    assert (standing(read).kind, standing(read).since) == (Kind.WAITING, until)


def test_many_connections_take_as_many_queries_as_one(acme, read, django_assert_max_num_queries):
    more = [row_of(Connection, acme, {}) for _ in range(5)]
    for one in (read, *more):
        run_of(one, 2, RunState.COMPLETE)
        run_of(one, 1, RunState.FAILED, fault="server")
    with django_assert_max_num_queries(5):
        found = standings(list(Connection.objects.defer("token")))
    assert {one.kind for one in found.values()} == {Kind.FAILING}


# --- what a vendor asks for, and doing a reading again ---


def test_a_vendors_settings_are_fields_with_help(client, root, acme, care, box, hints):
    first = f"{reverse('admin:sync_connection_add')}?tenant={acme.pk}"
    choice = client.get(first).content.decode()
    assert f"environment={care.pk}" in choice
    assert "OriginsAI" in choice
    form = client.get(f"{first}&environment={care.pk}").content.decode()
    for words in ("Agents", "One a line.", "Prefix", "What stands before the token", "UTC day."):
        assert words in form
    sent = form_of(box, environment=care.pk, base_url=box.originsai_url, new_token=box.originsai_token, untested="on")
    refused = client.post(first, sent | {"setting_agents": "seven", "setting_header": "Authorization"})
    assert "Agents are written as number:name" in errors(refused)["__all__"]
    assert client.post(first, sent | {"setting_agents": "7:Reception\n8:Sales"}).status_code == 302
    assert kept().settings["agents"] == "7:Reception,8:Sales"
    with wall.tenant(acme):
        shown = client.get(change(kept())).content.decode()
    assert "7:Reception\n8:Sales" in shown


def test_a_window_a_gap_and_a_run_are_read_again_once_confirmed(client, root, connection, acme, hints):
    at = timezone.now()
    where = {"tenant": acme, "environment_id": connection.environment_id, "stream": "calls"}
    with wall.tenant(acme):
        later = at + timedelta(hours=9)
        window = Window.objects.create(part="2026-07-01", state=WindowState.INCOMPLETE, next_attempt_at=later, **where)
        gap = Gap.objects.create(part="2026-07-01", fault="server", opened_at=at, **where)
        run = run_of(connection, 1, RunState.FAILED)
    for row in (window, gap, run):
        model = row._meta.model_name
        with wall.tenant(acme):
            Window.objects.update(next_attempt_at=later)
        hints.clear()
        listed = reverse(f"admin:sync_{model}_changelist")
        act = {"action": "read_again", "_selected_action": [row.pk]}
        asked = client.post(listed, act)
        assert 'name="confirmed"' in asked.content.decode(), model
        assert hints == []
        assert client.post(listed, act | {"confirmed": "yes"}).status_code == 302
        assert hints, model
        with wall.tenant(acme):
            assert Window.objects.get().next_attempt_at <= timezone.now(), model
            noted = Entry.objects.filter(action="admin.rerun").latest("number")
        assert noted.about == {"table": f"sync.{model}", "row": str(row.pk)}


def test_what_is_paused_is_not_read_again(client, root, connection, acme, hints):
    with wall.tenant(acme):
        Connection.objects.update(state=ConnectionState.PAUSED)
        row = run_of(connection, 1, RunState.FAILED)
    act = {"action": "read_again", "_selected_action": [row.pk], "confirmed": "yes"}
    client.post(reverse("admin:sync_run_changelist"), act)
    assert hints == []
    with wall.tenant(acme):
        assert not Entry.objects.filter(action="admin.rerun").exists()
