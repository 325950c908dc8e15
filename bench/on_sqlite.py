"""Copies the database at SOURCE_URL, one that ``bench.seed`` made, into SQLite in DATA_DIR: the same calls on the
embedded default. ``python -m bench.on_sqlite``, then ``bench.reports --only random,pages,readers,rebuild``.
"""

import json
import os
import time
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

import django

django.setup()

from django.apps import apps  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, connections, transaction  # noqa: E402
from django.db.models import Field, JSONField, Model  # noqa: E402

from portal import env  # noqa: E402

SOURCE = "source"
AT_ONCE = 2_000


def main() -> None:
    both = {"default": connection.settings_dict, SOURCE: env.database("SOURCE_URL", "")}
    connections.databases[SOURCE] = connections.configure_settings(both)[SOURCE]
    call_command("migrate", verbosity=0)
    began, calls = time.perf_counter(), 0
    with connection.constraint_checks_disabled(), transaction.atomic():
        for model in apps.get_models(include_auto_created=True):
            copied = copy(model)
            if model._meta.db_table == "sync_call":
                calls = copied
    print(f"{calls:,} calls copied in {time.perf_counter() - began:.0f} s")


def copy(model: type[Model]) -> int:
    """All rows of a table, whoever's they are; how many."""
    if not model._meta.managed or model._meta.proxy:
        return 0
    table, fields = model._meta.db_table, model._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    copied = 0
    with connections[SOURCE].chunked_cursor() as theirs, connection.cursor() as ours:
        ours.execute(f'DELETE FROM "{table}"')  # migrations write some
        theirs.execute(f'SELECT {names} FROM "{table}"')
        while rows := theirs.fetchmany(AT_ONCE):
            ours.executemany(
                f'INSERT INTO "{table}" ({names}) VALUES ({", ".join(["%s"] * len(fields))})',
                [[_written(field, value) for field, value in zip(fields, row, strict=True)] for row in rows],
            )
            copied += len(rows)
    return copied


def _written(field: Field, value: Any) -> Any:
    if isinstance(field, JSONField):
        return value if value is None or isinstance(value, str) else json.dumps(value)
    return field.get_db_prep_save(value, connection)


if __name__ == "__main__":
    main()
