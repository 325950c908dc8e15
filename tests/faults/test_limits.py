"""Locks that are held, statements that take long, transactions that sleep: who waits how long, and what is said."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, InterfaceError, OperationalError, connection, migrations, models
from django.db.migrations.state import ModelState, ProjectState
from redis.exceptions import RedisError

from portal.database_limits import COMMANDS, MIGRATIONS, PAGES, WORKERS, Limits, current, use, using
from portal.env import BASE_DIR
from portal.indexes import AddIndexOnline
from portal.site.celery import keep_limits
from portal.site.management.commands import migrate
from portal.tenants import row_security, wall
from portal.tenants.database import explain, explain_to_operator
from portal.tenants.models.tenants import Environment
from portal.work.retries import persist
from tests import databases, factories

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]

SHORT = Limits("pages", statement=2, lock=1, idle=1)


@contextmanager
def other_session(statement: str) -> Iterator[psycopg.Connection]:
    """Somebody else, in a transaction that began with a statement."""
    about = connection.settings_dict
    with psycopg.connect(
        host=about["HOST"], port=about["PORT"] or 5432, user=about["USER"], password=about["PASSWORD"] or None,
        dbname=about["NAME"], application_name="psql",
    ) as other:  # fmt: skip
        other.execute(statement)
        yield other
        other.rollback()


def asked(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(DatabaseError) as refused:
        work()
    return explain(refused.value)


def statement(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


# --- limits ---


@pytest.mark.postgresql
@pytest.mark.parametrize("limits", [PAGES, WORKERS, COMMANDS, MIGRATIONS], ids=lambda limits: limits.kind)
def test_each_kind_of_process_has_limits_of_its_own(limits) -> None:
    units = {"": 0.001, "ms": 0.001, "s": 1, "min": 60, "h": 3600}
    with using(limits):
        assert asked("application_name") == f"ringbook-{limits.kind}"
        for name, seconds in (
            ("statement_timeout", limits.statement),
            ("lock_timeout", limits.lock),
            ("idle_in_transaction_session_timeout", limits.idle),
        ):
            told = asked(name)
            number = told.rstrip("abcdefghijklmnopqrstuvwxyz")
            assert int(number) * units[told[len(number) :]] == seconds
        assert asked("jit") == "off"
    assert current() == COMMANDS


def test_pages_and_workers_take_theirs() -> None:
    ask = "import portal.site.wsgi; from portal.database_limits import current; print(current().kind)"
    told = subprocess.run([sys.executable, "-c", ask], cwd=BASE_DIR, env=os.environ, capture_output=True, text=True)
    assert told.stdout == "pages\n", told.stderr
    try:
        keep_limits()
        assert current() == WORKERS
    finally:
        use(COMMANDS)


@pytest.mark.postgresql
def test_a_sentence_says_which_limit_it_was() -> None:
    """D5: a lock that is held, and a statement that takes long."""
    with using(SHORT):
        assert refusal(lambda: statement("SELECT pg_sleep(9)")) == (
            "The database ended a statement that took longer than 2 s, the limit for pages."
        )
        with other_session("LOCK TABLE tenants_tenant IN ACCESS EXCLUSIVE MODE"):
            assert refusal(lambda: statement("SELECT 1 FROM tenants_tenant")) == (
                "Another session holds a lock in the database that was waited for in vain for 1 s, the limit for pages."
            )


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OperationalError("database is locked"),
            "Another process is writing to the database and was waited for in vain.",
        ),
        (OperationalError("connection timeout expired"), "The database did not take a connection in time."),
        (OperationalError("attempt to write a readonly database"), "The database cannot be written."),
        (OperationalError("database or disk is full"), "The database has no disk left."),
        (OperationalError("connection to 10.0.0.1 refused"), "The database does not answer."),
        (InterfaceError("the connection is closed"), "The database does not answer."),
        (DatabaseError("file is not a database"), "The database cannot be read."),
        (RedisError("connecting to 10.0.0.1:6379"), "A part of the portal does not answer."),
        (DatabaseError("a fault of ours"), ""),
        (ValueError("a fault of ours"), ""),
    ],
)
def test_what_has_no_code_is_told_by_its_words_and_the_drivers_own_go_to_operators_alone(error, sentence) -> None:
    assert explain(error) == sentence
    told = explain_to_operator(error)
    assert told.startswith(sentence.rstrip("."))
    assert ("10.0.0.1" in told) == ("10.0.0.1" in str(error))


@pytest.mark.postgresql
def test_pages_and_api_say_so_with_503(client, ana, acme) -> None:
    client.force_login(ana)
    page, api = "/t/acme/calls/", "/api/v1/environments/"
    with using(SHORT), other_session("LOCK TABLE tenants_environment IN ACCESS EXCLUSIVE MODE"):
        answers = [client.get(page), client.get(api)]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert all(answer["Retry-After"] == "5" for answer in answers)
    told = "Another session holds a lock in the database that was waited for in vain for 1 s, the limit for pages."
    assert told in answers[0].content.decode()
    assert (answers[1].json()["status"], answers[1].json()["detail"]) == (503, told)
    assert client.get(page).status_code == 200


@pytest.mark.postgresql
def test_a_command_waits_by_its_own_limits_while_pages_keep_theirs(client, ana, acme, tmp_path) -> None:
    """``rebuild_columns`` beside a running portal: what a page may not wait for does not end the command."""
    client.force_login(ana)
    with wall.tenant(acme):
        counted = Environment.objects.create(tenant=acme, name="Sales", provider="talkover")
        factories.call(counted, "c1")
    page = "/t/acme/"
    command = [sys.executable, "manage.py", "rebuild_columns", "--json"]
    environment = os.environ | {"DATABASE_URL": databases.address(""), "DATA_DIR": str(tmp_path)}
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND application_name = 'ringbook-commands'"
    )
    with using(SHORT), other_session("LOCK TABLE reports_columns_columnfile IN ACCESS EXCLUSIVE MODE") as other:
        rebuild = subprocess.Popen(
            command, cwd=BASE_DIR, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 60
        while _seen_by_owner(waiting) == 0:
            assert rebuild.poll() is None, rebuild.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(max(SHORT.statement, SHORT.lock))
        answer = client.get(page)
        assert answer.status_code == 503
        assert "the limit for pages" in answer.content.decode()
        assert _seen_by_owner(waiting) == 1  # for longer than any page may
        other.rollback()
        out, err = rebuild.communicate(timeout=60)
        assert (rebuild.returncode, client.get(page).status_code) == (0, 200), err
    assert json.loads(out.splitlines()[-1])["days"] > 0


@pytest.mark.postgresql
def test_a_statement_that_took_too_long_is_not_begun_again() -> None:
    tries = []

    def work() -> None:
        tries.append(1)
        statement("SELECT pg_sleep(9)")

    with using(SHORT), pytest.raises(OperationalError):
        persist(work)
    assert len(tries) == 1


# --- migrate ---


class Told(StringIO):
    def isatty(self) -> bool:
        return False


@pytest.fixture
def heartbeats() -> Iterator[None]:
    """A table that a migration back removes; it is there again afterwards."""
    yield
    call_command("migrate", "runtime", verbosity=0)


@pytest.mark.postgresql
def test_migrate_waits_for_a_lock_and_tells_who_holds_it(heartbeats, monkeypatch) -> None:
    said = Told()
    with other_session("SELECT * FROM runtime_heartbeat") as other:
        holder = other.info.backend_pid
        # It is let go only after a whole attempt was in vain.
        monkeypatch.setattr(migrate.time, "sleep", lambda _: other.rollback())
        call_command("migrate", "runtime", "zero", verbosity=0, stderr=said)
    told = said.getvalue()
    assert told.count(f"Waiting for a lock in the database. Process {holder} (psql, idle in transaction, ") == 1
    assert "runtime_heartbeat" not in connection.introspection.table_names()
    assert asked("application_name") == "ringbook-commands"


@pytest.mark.postgresql
def test_migrate_gives_up_with_the_holders_name(heartbeats, monkeypatch) -> None:
    monkeypatch.setattr(migrate, "WAITS", 0.0)
    with other_session("SELECT * FROM runtime_heartbeat") as other:
        holder = other.info.backend_pid
        with pytest.raises(CommandError) as refused:
            call_command("migrate", "runtime", "zero", verbosity=0, stderr=Told())
    told = str(refused.value)
    assert told.startswith(f"Process {holder} (psql, idle in transaction, in a transaction for ")
    assert "holds a lock that was waited for in vain" in told
    assert "runtime_heartbeat" in connection.introspection.table_names()


def test_migrate_does_what_it_did(heartbeats) -> None:
    call_command("migrate", "runtime", "zero", verbosity=0)
    assert "runtime_heartbeat" not in connection.introspection.table_names()
    with pytest.raises(CommandError, match="No installed app"):
        call_command("migrate", "no_such_app")


# --- indexes of big tables ---


@pytest.fixture
def big() -> Iterator[ProjectState]:
    """A table of a million rows, which its owner alone may have."""
    with row_security.as_owner():
        yield from _big()


def _big() -> Iterator[ProjectState]:
    fields = [("id", models.BigAutoField(primary_key=True)), ("n", models.BigIntegerField())]
    state = ProjectState()
    state.add_model(ModelState("sync", "Big", fields, options={"db_table": "test_big"}))
    with connection.schema_editor() as editor:
        editor.create_model(state.apps.get_model("sync", "Big"))
    if connection.vendor == "postgresql":
        statement("INSERT INTO test_big (n) SELECT n % 1000 FROM generate_series(1, 1000000) AS n")
    yield state
    statement("DROP TABLE test_big")


INDEX = models.Index(fields=["n"], name="test_big_n")


def add_index(state: ProjectState, operation: migrations.AddIndex) -> None:
    after = state.clone()
    operation.state_forwards("sync", after)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("sync", editor, state, after)


def is_valid() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('test_big_n')")
        row = cursor.fetchone()
    return bool(row and row[0])


@pytest.mark.postgresql
def test_readers_and_writers_go_on_while_a_million_rows_get_an_index(big, monkeypatch) -> None:
    """The build is kept from its end by a transaction that is open; meanwhile others read and write at once."""
    about = connection.settings_dict
    build = (
        "import django; django.setup()\n"
        "from django.db import connection\n"
        f"connection.settings_dict['NAME'] = {about['NAME']!r}\n"
        "from tests.faults.test_limits import *\n"
        "state = ProjectState()\n"
        "fields = [('id', models.BigAutoField(primary_key=True)), ('n', models.BigIntegerField())]\n"
        "state.add_model(ModelState('sync', 'Big', fields, options={'db_table': 'test_big'}))\n"
        "add_index(state, AddIndexOnline('big', INDEX))\n"
    )
    active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
    running = f"{active} AND query LIKE 'CREATE INDEX CONCURRENTLY%test_big_n%'"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "portal.settings"}
    with other_session("UPDATE test_big SET n = n WHERE id = 1") as other:
        builder = subprocess.Popen([sys.executable, "-c", build], cwd=BASE_DIR, env=environment, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while _number(running) == 0:
            assert builder.poll() is None, builder.stderr.read().decode()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with using(SHORT):  # whoever waited for the build would be refused
            for n in range(20):
                statement(f"INSERT INTO test_big (n) VALUES ({n})")
                statement(f"UPDATE test_big SET n = -1 WHERE id = {n + 2}")
                statement(f"SELECT n FROM test_big WHERE id = {n + 2}")
        assert builder.poll() is None
        assert not is_valid()
        other.rollback()
    assert builder.wait(60) == 0, builder.stderr.read().decode()
    builder.stderr.close()
    assert is_valid()


@pytest.mark.postgresql
def test_what_an_attempt_left_half_built_is_built_anew(big) -> None:
    statement("INSERT INTO test_big (n) VALUES (1)")
    with pytest.raises(DatabaseError):
        statement("CREATE UNIQUE INDEX CONCURRENTLY test_big_n ON test_big (n)")
    assert not is_valid()
    add_index(big, AddIndexOnline("big", INDEX))
    assert is_valid()
    assert asked("lock_timeout") == "1min"


def test_an_index_is_added_and_removed_on_either_database(big) -> None:
    operation = AddIndexOnline("big", INDEX)
    add_index(big, operation)

    def has_it() -> bool:
        with connection.cursor() as cursor:
            return "test_big_n" in connection.introspection.get_constraints(cursor, "test_big")

    assert has_it()
    after = big.clone()
    operation.state_forwards("sync", after)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards("sync", editor, after, big)
    assert not has_it()


def _seen_by_owner(sql: str) -> int:
    """Other roles' sessions are shown to no one but them and superusers."""
    with psycopg.connect(databases.address(""), autocommit=True) as owner:
        return int(owner.execute(sql).fetchone()[0])


def _number(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])
