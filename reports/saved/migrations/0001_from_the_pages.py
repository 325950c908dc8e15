"""The tables of saved views, that came from reports.web (its 0002), under the names of this app."""

import django.db.models.deletion
import portal.lib.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('reports_web', '0002_views_elsewhere'),
        ('tenants', '0002_tenant_settings'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name='SavedView',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('public_id', models.UUIDField(default=portal.lib.ids.uuid7, editable=False)),
                        ('name', models.CharField(max_length=60, verbose_name='name')),
                        ('query', models.CharField(blank=True, max_length=4000, verbose_name='query')),
                        ('shared', models.BooleanField(default=False, verbose_name='shared')),
                        ('changed_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                        ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
                        ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                    ],
                    options={
                        'verbose_name': 'saved view',
                        'verbose_name_plural': 'saved views',
                        'abstract': False,
                        'base_manager_name': 'objects',
                    },
                ),
                migrations.CreateModel(
                    name='DefaultView',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('member', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='member')),
                        ('tenant', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                        ('view', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='defaults', to='reports_saved.savedview', verbose_name='view')),
                    ],
                    options={
                        'verbose_name': 'default view',
                        'verbose_name_plural': 'default views',
                        'abstract': False,
                        'base_manager_name': 'objects',
                    },
                ),
                migrations.AddConstraint(
                    model_name='savedview',
                    constraint=models.UniqueConstraint(fields=('tenant', 'public_id'), name='reports_web_savedview_public_id'),
                ),
                migrations.AddConstraint(
                    model_name='savedview',
                    constraint=models.UniqueConstraint(fields=('tenant', 'owner', 'name'), name='reports_web_view_name'),
                ),
                migrations.AddConstraint(
                    model_name='defaultview',
                    constraint=models.UniqueConstraint(fields=('tenant', 'member'), name='reports_web_default_once'),
                ),
            ],
        ),
        migrations.RemoveConstraint('savedview', 'reports_web_savedview_public_id'),
        migrations.RemoveConstraint('savedview', 'reports_web_view_name'),
        migrations.RemoveConstraint('defaultview', 'reports_web_default_once'),
        migrations.AddField(
            model_name='savedview',
            name='page',
            field=models.CharField(choices=[('calls', 'the list of calls'), ('report', 'a report')], default='calls', max_length=10, verbose_name='page'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(fields=('tenant', 'public_id'), name='reports_saved_savedview_public_id'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(fields=('tenant', 'owner', 'page', 'name'), name='reports_saved_view_name'),
        ),
        migrations.AddConstraint(
            model_name='defaultview',
            constraint=models.UniqueConstraint(fields=('tenant', 'member'), name='reports_saved_default_once'),
        ),
    ]
