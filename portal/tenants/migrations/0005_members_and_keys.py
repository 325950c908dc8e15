import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import portal.lib.ids
from portal.lib.ids import uuid7


def give_ids(apps, schema_editor):
    rows = apps.get_model("tenants", "Membership").objects.using(schema_editor.connection.alias)
    for row in rows.only("pk").iterator(500):
        rows.filter(pk=row.pk).update(public_id=uuid7())


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0004_looks_up'),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='public_id',
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.RunPython(give_ids, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(
            model_name='membership',
            name='public_id',
            field=models.UUIDField(default=portal.lib.ids.uuid7, editable=False),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('tenant', 'public_id'), name='tenants_membership_public_id'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='made_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='made by'),
        ),
    ]
