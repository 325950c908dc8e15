"""Entries get a number and a seal; those that are there already are sealed in the order in which they were written."""

import django.db.models.deletion
from django.db import migrations, models

from portal.audit.chain import digest_of


def seal(apps, schema_editor):
    alias = schema_editor.connection.alias
    entries, heads = (apps.get_model("audit", name).objects.using(alias) for name in ("Entry", "EntryHead"))
    for tenant_id in entries.order_by().values_list("tenant_id", flat=True).distinct():
        number, digest = _chained(entries, entries.filter(tenant_id=tenant_id))
        heads.create(pk=tenant_id, tenant_id=tenant_id, number=number, digest=digest)
    alone = apps.get_model("audit", "PlatformEntry").objects.using(alias)
    if alone.exists():
        number, digest = _chained(alone, alone)
        apps.get_model("audit", "PlatformEntryHead").objects.using(alias).create(pk=1, number=number, digest=digest)


def _chained(table, rows):
    number, digest, batch = 0, "", []
    for number, row in enumerate(rows.order_by("id").iterator(1000), start=1):
        row.number, row.previous = number, digest
        row.digest = digest = digest_of(row)
        batch.append(row)
        if len(batch) == 1000:
            table.bulk_update(batch, ["number", "previous", "digest"], batch_size=200)
            batch = []
    table.bulk_update(batch, ["number", "previous", "digest"], batch_size=200)
    return number, digest


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0001_initial'),
        ('tenants', '0002_tenant_settings'),
    ]

    operations = [
        migrations.CreateModel(
            name='EntryHead',
            fields=[
                ('id', models.BigIntegerField(editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveBigIntegerField(default=0, editable=False, verbose_name='number')),
                ('digest', models.CharField(blank=True, editable=False, max_length=64, verbose_name='SHA-256')),
                ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'end of an audit chain',
                'verbose_name_plural': 'ends of audit chains',
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='PlatformEntryHead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveBigIntegerField(default=0, editable=False, verbose_name='number')),
                ('digest', models.CharField(blank=True, editable=False, max_length=64, verbose_name='SHA-256')),
            ],
            options={
                'verbose_name': "end of the platform's audit chain",
                'verbose_name_plural': "end of the platform's audit chain",
            },
        ),
        *(
            operation
            for name in ('entry', 'platformentry')
            for operation in (
                migrations.AddField(name, 'changes', models.JSONField(default=dict, editable=False, verbose_name='what changed')),
                migrations.AddField(name, 'number', models.PositiveBigIntegerField(default=0, editable=False, verbose_name='number'), preserve_default=False),
                migrations.AddField(name, 'previous', models.CharField(default='', editable=False, max_length=64), preserve_default=False),
                migrations.AddField(name, 'digest', models.CharField(default='', editable=False, max_length=64, verbose_name='SHA-256'), preserve_default=False),
            )
        ),
        migrations.RunPython(seal, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint('entry', models.UniqueConstraint(fields=('tenant', 'number'), name='audit_entry_number')),
        migrations.AddConstraint('platformentry', models.UniqueConstraint(fields=('number',), name='audit_platformentry_number')),
    ]
