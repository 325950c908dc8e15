"""PostgreSQL keeps the wall by itself: beneath our code, and where our code is switched off."""

import random
import re
from io import StringIO

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from portal.audit.models import Entry
from portal.audit.record import record
from portal.site.schema import bring_up_to_date
from portal.tenants import roles, row_security, wall
from portal.tenants.models.grants import Grant, GrantEnvironment
from portal.tenants.models.tenants import Environment
from sync.models.agents import Agent
from sync.models.calls import Call
from tests import factories
from tests.walls.beneath import bare, refused, without_our_wall
from tests.walls.rows import MODELS

__all__ = ["without_our_wall"]  # a fixture
pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]
in_transactions_of_its_own = pytest.mark.django_db(transaction=True)  # for other sessions to see, such as the owner's


@pytest.fixture(autouse=True)
def _beneath() -> None:
    assert row_security.in_force()


@in_transactions_of_its_own
def test_it_holds() -> None:
    with row_security.as_owner():
        assert roles.holes() == []


def test_without_a_tenant_there_is_nothing(acme, sales, foreign) -> None:
    connection.cursor().execute("SELECT 1")  # the transaction is told that nobody's rows are asked for
    for model in MODELS:
        assert bare(f'SELECT count(*) FROM "{model._meta.db_table}"') == [(0,)], model
    with refused("row-level security"):
        bare("INSERT INTO tenants_environment (tenant_id, public_id, name, provider, created_at)"
             " VALUES (%s, gen_random_uuid(), 'x', 'x', now())", acme.pk)  # fmt: skip
    assert bare("WITH gone AS (DELETE FROM tenants_environment RETURNING 1) SELECT count(*) FROM gone") == [(0,)]


def test_without_a_tenant_our_code_is_told(sales) -> None:
    with wall.tenant(sales.tenant):
        rows = Environment.objects.all()
    with pytest.raises(wall.NoTenant):
        list(rows)


def test_the_database_alone_shows_a_tenant_its_own(acme, sales, foreign, without_our_wall) -> None:
    with wall.tenant(acme):
        assert list(Environment.objects.all()) == [sales]
        assert not Environment.objects.filter(pk=foreign.pk).exists()
        assert list(Environment.objects.iterator()) == [sales]  # a cursor of the server's
        assert Environment.objects.filter(pk=foreign.pk).update(name="x") == 0
        assert Environment.objects.filter(pk=foreign.pk).delete()[0] == 0
    with wall.every_tenant("a test"):
        assert set(Environment.objects.all()) == {sales, foreign}


def test_the_database_alone_refuses_what_crosses(acme, globex, sales, foreign, without_our_wall) -> None:
    with wall.tenant(acme):
        with refused("row-level security"):
            Environment.objects.create(tenant=globex, name="x", provider="talkover")
        with refused("row-level security"):
            Environment.objects.filter(pk=sales.pk).update(tenant=globex)
        with refused("row-level security"), connection.cursor() as cursor:
            cursor.executemany("INSERT INTO tenants_grantenvironment (tenant_id, grant_id, environment_id)"
                               " VALUES (%s, 1, 1)", [(globex.pk,), (globex.pk,)])  # fmt: skip
        grant = Grant.objects.create(tenant=acme)
        with refused("own_tenant"):
            GrantEnvironment.objects.create(tenant=acme, grant=grant, environment=foreign)
            connection.check_constraints()
    with wall.tenant(globex), refused("own_tenant"):
        Agent.objects.create(tenant=globex, environment=sales, external_id="1", name="x")
        connection.check_constraints()


def test_a_number_of_calls_is_copied_in_behind_it(acme, sales, foreign) -> None:
    with wall.tenant(acme):
        factories.call(sales, "c1")
        assert Call.objects.count() == 1
    with wall.tenant(foreign.tenant):
        assert Call.objects.count() == 0


@in_transactions_of_its_own
def test_nothing_stays_with_the_session(acme, globex, sales, foreign) -> None:
    """A pooler may give the next transaction to anybody."""
    state = "SELECT current_user, coalesce(current_setting('ringbook.tenant', true), '')"
    role = roles.application_role()
    choose, seen = random.Random(9), {acme.pk: [sales.pk], globex.pk: [foreign.pk]}
    for _ in range(300):
        tenant = choose.choice((acme, globex))
        with wall.tenant(tenant):
            how = choose.randrange(6)
            rows = Environment.objects.values_list("pk", flat=True)
            if how == 0:
                assert list(rows) == seen[tenant.pk]
            elif how == 1:
                with transaction.atomic():
                    assert list(rows.iterator()) == seen[tenant.pk]
            elif how == 2:
                with refused(), connection.cursor() as cursor:
                    cursor.execute("SELECT 1/0")
            elif how == 3:
                with transaction.atomic():
                    with wall.tenant(globex if tenant == acme else acme), refused(), connection.cursor() as cursor:
                        cursor.execute("SELECT 1/0")
                    assert list(rows.all()) == seen[tenant.pk]
            elif how == 4:
                with wall.every_tenant("a test"):
                    assert Environment.objects.count() == 2
                assert list(rows.all()) == seen[tenant.pk]
            else:
                assert list(rows.iterator()) == seen[tenant.pk]  # a cursor that outlives its transaction
        if how != 5:
            assert bare(state) == [(role, "")]
        assert bare("SELECT count(*) FROM tenants_environment") == [(0,)]


def test_no_table_hides_ours(acme, sales) -> None:
    """Not one that is found before ours, for the rest of a session that a pooler gives to others."""
    for act in ("CREATE TEMPORARY TABLE sync_call (id bigint)", "CREATE SCHEMA ringbook_suite", "CREATE TABLE x ()"):
        with wall.tenant(acme), refused("permission denied"), connection.cursor() as cursor:
            cursor.execute(act)


def test_an_entry_of_the_audit_is_written_once(acme) -> None:
    record("member.added", tenant_id=acme.pk)
    with wall.tenant(acme):
        for act in ("UPDATE audit_entry SET action = 'x'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"):
            with refused("permission denied"), connection.cursor() as cursor:
                cursor.execute(act)
        assert Entry.objects.count() == 1


# --- what database_roles says -----------------------------------------------------------------------------------------

HOLES = {
    "ALTER TABLE sync_call NO FORCE ROW LEVEL SECURITY": "not enabled and forced on sync_call",
    "ALTER TABLE sync_call DISABLE ROW LEVEL SECURITY": "not enabled and forced on sync_call",
    "DROP POLICY own_tenant ON sync_call": "The policy own_tenant of sync_call",
    "ALTER POLICY own_tenant ON sync_call USING (true)": "The policy own_tenant of sync_call",
    "ALTER POLICY own_tenant ON sync_call TO public": "The policy own_tenant of sync_call",
    "CREATE POLICY other ON sync_call USING (true)": "sync_call has a policy of somebody else's, other",
    "GRANT TRUNCATE ON sync_call TO ringbook_suite": "may TRUNCATE sync_call",
    "GRANT DELETE ON audit_entry TO PUBLIC": "may DELETE audit_entry",
    "CREATE VIEW every_call AS SELECT * FROM sync_call": "The view every_call",
    "CREATE FUNCTION f() RETURNS bigint SECURITY DEFINER RETURN (SELECT max(id) FROM tenants_grant)": "The function f",
    "CREATE TABLE more (tenant_id bigint)": "The table more holds tenants' rows",
    "GRANT TEMPORARY ON DATABASE {database} TO PUBLIC": "REVOKE TEMPORARY ON DATABASE",
    "GRANT CREATE ON DATABASE {database} TO ringbook_suite": "REVOKE CREATE ON DATABASE",
    "GRANT CREATE ON SCHEMA public TO ringbook_suite_every_tenant": "REVOKE CREATE ON SCHEMA",
    "ALTER TABLE tenants_membership DROP CONSTRAINT tenants_membership_grant_id_own_tenant": "does not carry",
}


@in_transactions_of_its_own
@pytest.mark.parametrize("act", HOLES)
def test_each_hole_is_named(act) -> None:
    with row_security.as_owner():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(act.format(database=f'"{connection.settings_dict["NAME"]}"'))
            assert any(HOLES[act] in hole for hole in roles.holes())
            roles.secure()
            left = [hole for hole in roles.holes() if HOLES[act] in hole]
            transaction.set_rollback(True)
        assert roles.holes() == []
    mends_itself = not re.match("CREATE|GRANT TRUNCATE|GRANT DELETE", act)
    assert left == [] or not mends_itself


@in_transactions_of_its_own
def test_the_command_says_whether_it_holds(capsys) -> None:
    out = StringIO()
    call_command("database_roles", "--check", stdout=out)
    assert out.getvalue().strip() == "Row-level security holds."
    call_command("database_roles", stdout=out)  # a second time changes nothing
    with row_security.as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE sync_call NO FORCE ROW LEVEL SECURITY")
    try:
        with pytest.raises(SystemExit) as ended:
            call_command("database_roles", "--check")
        assert ended.value.code == 3
        assert "sync_call" in capsys.readouterr().err
        with pytest.raises(CommandError, match=r"manage\.py database_roles"):
            bring_up_to_date()
    finally:
        call_command("database_roles", stdout=out)


@in_transactions_of_its_own
def test_what_somebody_else_has_to_run_is_said_without_the_password(settings, monkeypatch) -> None:
    """Compose keeps what a command says in its log."""

    def refuses() -> None:
        raise ProgrammingError("permission denied to create role")

    monkeypatch.setattr(roles, "make_roles", refuses)
    settings.DATABASE_ROLE = {"USER": "ringbook_of_tomorrow", "PASSWORD": "s3cret-of-tomorrow"}
    with pytest.raises(CommandError, match=r'CREATE ROLE "ringbook_of_tomorrow" .*PASSWORD') as told:
        call_command("database_roles")
    assert "s3cret" not in str(told.value)


@in_transactions_of_its_own
def test_nobody_serves_as_a_superuser(settings) -> None:
    owner = {key: settings.DATABASE_OWNER[key] for key in ("USER", "PASSWORD")}
    kept = {key: connection.settings_dict[key] for key in owner}
    connection.close()
    connection.settings_dict.update(owner)
    try:
        with pytest.raises(ImproperlyConfigured, match=r"manage\.py database_roles"):
            connection.ensure_connection()
    finally:
        connection.close()
        connection.settings_dict.update(kept)
