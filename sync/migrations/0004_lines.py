"""Our own numbers in a table of their own, and on PostgreSQL an index of contacts from their end."""

import django.db.models.deletion
from django.db import migrations, models

from portal.lib.phones import contact_digits

REVERSED = "sync_call_contact_reversed"


def find_lines(apps, schema_editor):
    """The lines of the calls that are mirrored already: one walk through the table."""
    statement = """
        SELECT DISTINCT tenant_id, environment_id,
               CASE WHEN direction = 'outbound' THEN from_number ELSE to_number END
        FROM sync_call
    """
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(statement)
        rows = [(*keys, number, contact_digits(number)) for *keys, number in cursor.fetchall()]
        cursor.executemany(
            "INSERT INTO sync_line (tenant_id, environment_id, number, digits) VALUES (%s, %s, %s, %s)",
            [row for row in rows if row[-1]],
        )


def index_backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"CREATE INDEX IF NOT EXISTS {REVERSED} ON sync_call (tenant_id, reverse(contact::text) text_pattern_ops)"
        )


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX IF EXISTS {REVERSED}")


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0003_missing_index"),
        ("tenants", "0002_tenant_settings"),
    ]

    operations = [
        migrations.CreateModel(
            name="Line",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(max_length=80, verbose_name="number")),
                ("digits", models.CharField(max_length=40, verbose_name="digits")),
                (
                    "environment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.environment",
                        verbose_name="environment",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "line",
                "verbose_name_plural": "lines",
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "environment", "number"), name="sync_line_number")
                ],
            },
        ),
        migrations.RunPython(find_lines, migrations.RunPython.noop),
        migrations.RunPython(index_backwards, drop_index),
    ]
