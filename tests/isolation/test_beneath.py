"""PostgreSQL alone, with our own wall switched off: every table, every page, columns and files included."""

import pytest
from django.db import connection, transaction

from portal.tenants import row_security, wall
from portal.tenants.base import TenantModel
from reports.columns.models import ColumnFile
from reports.columns.refresh import refresh_tenant
from reports.files import jobs, making
from reports.files.models import Export
from reports.files.models import State as FileState
from sync.models.calls import Call
from tests.isolation.exchange import Kept, leaked, pressed
from tests.isolation.principals import longer
from tests.isolation.routes import matrix
from tests.isolation.world import canary
from tests.walls.beneath import refused, without_our_wall
from tests.walls.rows import MODELS, row_of

__all__ = ["without_our_wall"]  # a fixture
pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _beneath(sides) -> None:
    assert row_security.in_force()


def run(sql: str, *values: object) -> int:
    """How many rows a statement touched, behind the wall that is open; undone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        touched = cursor.rowcount
        transaction.set_rollback(True)
    return touched


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_no_table_gives_or_takes_a_row_of_another_tenant(sides, model: type[TenantModel]) -> None:
    """SQL by hand: read, changed, taken away, moved over, copied over."""
    for side in sides.values():
        with wall.tenant(side.tenant):
            if not model.objects.exists():  # days that wait to be counted are all counted
                row_of(model, side.tenant, {})
    acme, globex, table = sides["acme"].tenant.pk, sides["globex"].tenant.pk, f'"{model._meta.db_table}"'
    kept = Kept.of(sides["globex"].tenant)
    columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields if field.name != "tenant")
    with wall.tenant(acme):
        assert run(f"SELECT 1 FROM {table}") > 0
        assert run(f"SELECT 1 FROM {table} WHERE tenant_id = %s", globex) == 0
        assert run(f"SELECT 1 FROM {table} WHERE tenant_id <> %s OR tenant_id IS NULL", acme) == 0
        if getattr(model, "append_only", False):
            for act in (f"UPDATE {table} SET tenant_id = tenant_id", f"DELETE FROM {table}"):
                with refused("permission denied"):
                    run(act)
        else:
            assert run(f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = %s", globex) == 0
            assert run(f"DELETE FROM {table} WHERE tenant_id = %s", globex) == 0
            with refused("row-level security"):
                run(f"UPDATE {table} SET tenant_id = %s", globex)
        with refused("row-level security"):
            run(f"INSERT INTO {table} (tenant_id, {columns}) SELECT %s, {columns} FROM {table}", globex)
        with refused("permission denied"):
            run(f"TRUNCATE {table}")
    assert kept.changed() == []


@pytest.mark.parametrize("name", longer("owner"))
def test_no_page_shows_another_tenant_without_our_wall(sides, principals, without_our_wall, name) -> None:
    """Everything that can be read, with one's own ids and with theirs."""
    who = principals[name]
    if not who.home:
        pytest.skip("nobody's wall is open to him")
    own, theirs = sides[who.home], sides[who.abroad]
    answered = 0
    for row in matrix().values():
        if "GET" not in row.expected or not row.route.startswith(("/t/", "/api/v1/", "/vendor/")):
            continue
        for ids in (own.ids, theirs.ids | {"tenant": own.ids["tenant"]}):
            path, used = row.path(ids)
            told = pressed(who, path)
            assert not leaked(told.whole, theirs.secrets, used), path
            answered += told.status == 200
    assert answered > (20 if name == "owner" else 3)


def test_figures_lists_and_files_stay_ones_own_without_our_wall(sides, without_our_wall) -> None:
    """The mirror, rows of column files and exports: what is made of them, and what names their files."""
    acme, globex = sides["acme"], sides["globex"]
    with wall.every_tenant("a test looks"):
        theirs = list(ColumnFile.objects.filter(tenant=globex.tenant).values_list("pk", flat=True))
        export = Export.objects.get(public_id=globex.ids["export"]).pk
        calls = Call.objects.filter(tenant=globex.tenant).count()
    kept = Kept.of(globex.tenant)
    with wall.tenant(acme.tenant):
        assert Call.objects.exclude(tenant=acme.tenant).count() == 0
        assert not Call.objects.filter(pk=globex.ids["call"]).exists()
        assert Call.objects.exclude(tenant=acme.tenant).update(hangup_cause="x") == 0
        assert not ColumnFile.objects.filter(pk__in=theirs).exists()
        assert ColumnFile.objects.filter(pk__in=theirs).delete()[0] == 0
        assert Export.objects.filter(pk=export).update(state=FileState.WAITING) == 0
        assert jobs.claim(export) is None
        assert not making.make(export)
        refresh_tenant()
    assert calls
    assert theirs
    assert kept.changed() == []


def test_what_is_made_across_carries_its_tenant(sides, without_our_wall) -> None:
    """A call of one's own in their environment, and a file of theirs told as one's own."""
    acme, globex = sides["acme"], sides["globex"]
    with wall.tenant(globex.tenant):
        file = ColumnFile.objects.filter(retired_at__isnull=True)[0]
    with wall.tenant(acme.tenant):
        copied = {field.attname: getattr(file, field.attname) for field in file._meta.concrete_fields}
        with refused():
            ColumnFile.objects.create(**copied | {"id": None})
        told = ColumnFile(**copied | {"id": None, "tenant_id": acme.tenant.pk})
        with refused("own_tenant|row-level security"):
            told.save(force_insert=True)
            connection.check_constraints()
        assert canary("globex") not in told.name
