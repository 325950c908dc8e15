"""The migrations say what the models say."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db.migrations import AddConstraint, AddIndex, CreateModel
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models import UniqueConstraint

from portal.indexes import AddIndexOnline


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    out = StringIO()
    call_command("makemigrations", check_changes=True, dry_run=True, stdout=out)
    assert "No changes detected" in out.getvalue()


# Tables that grow with the calls: whoever builds an index on one the plain way stops all who write there meanwhile.
BIG = {
    *("call", "payload", "callchange", "campaigncall", "window", "run"),
    *("dayrollup", "agentdayrollup", "facetday", "contactday", "contact", "answer"),
}
PLAIN = {  # from before there were such tables anywhere
    "sync.0002_contact_index",
    "sync.0003_missing_index",
}


def test_an_index_on_a_big_table_is_built_while_others_write() -> None:
    found = set()
    for key, migration in MigrationLoader(None).disk_migrations.items():
        made = {op.name_lower for op in migration.operations if isinstance(op, CreateModel)}
        for operation in migration.operations:
            if isinstance(operation, AddIndexOnline):
                assert not migration.atomic, f"{key} must say atomic = False"
            elif _builds_index(operation) and operation.model_name_lower in BIG - made:
                found.add(".".join(key))
    assert found == PLAIN


def _builds_index(operation: Operation) -> bool:
    if isinstance(operation, AddIndex):
        return True
    if isinstance(operation, AddConstraint):
        return isinstance(operation.constraint, UniqueConstraint)
    field = getattr(operation, "field", None)
    return field is not None and (field.db_index or field.unique)
