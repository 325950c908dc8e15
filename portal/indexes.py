"""Indexes that are built while others read and write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import migrations

_INVALID = """
    SELECT 1 FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relname = %s AND NOT indisvalid AND relnamespace = current_schema()::regnamespace
"""


class AddIndexOnline(migrations.AddIndex):
    """``AddIndex`` for a big table: CONCURRENTLY on PostgreSQL. Its migration says ``atomic = False``.

    What an earlier attempt left half built is dropped first. The build waits for open transactions, without limit, and
    nobody waits for it.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        with _unlimited(schema_editor.connection) as cursor:
            cursor.execute(_INVALID, [self.index.name])
            if cursor.fetchone():
                self._drop(model, schema_editor)
            schema_editor.execute(self.index.create_sql(model, schema_editor, concurrently=True))

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        with _unlimited(schema_editor.connection):
            self._drop(from_state.apps.get_model(app_label, self.model_name), schema_editor)

    def _drop(self, model: Any, schema_editor: Any) -> None:
        schema_editor.execute(self.index.remove_sql(model, schema_editor, concurrently=True))


@contextmanager
def _unlimited(connection: Any) -> Iterator[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0; SET statement_timeout = 0")
        yield cursor
        cursor.execute("RESET lock_timeout; RESET statement_timeout")
