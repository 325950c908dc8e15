"""Each quarantined element belongs to a window, which is not complete while it is open, and may be accepted.

What was in quarantine before did not say in which window it came. Windows of which fewer elements are mirrored than the
vendor showed are not complete from now on, and are read again at the next chance, which puts their elements in place.
"""

from datetime import date

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

import portal.lib.ids
from portal.lib.ids import uuid7

KINDS = {
    "agent": ("agents", "all"),
    "callback-agent": ("agents", "all"),
    "price": ("agents", "all"),
    "campaign": ("campaigns", "all"),
}


def place_elements(apps, schema_editor):
    """Give each element an address, and its window where its kind tells that; the others are released."""
    rows, now = apps.get_model("sync", "Quarantine").objects.using(schema_editor.connection.alias), timezone.now()
    for row in rows.defer("raw").iterator(500):
        row.public_id = uuid7()
        row.stream, row.part = KINDS.get(row.kind, ("", ""))
        if row.kind == "callback-day":
            row.stream, row.part, row.day = "callbacks", row.external_id, date.fromisoformat(row.external_id)
        if not row.stream and row.released_at is None:
            row.released_at = now  # a call: its window, read again, shows it anew
        row.save(update_fields=["public_id", "stream", "part", "day", "released_at"])


def doubt_windows(apps, schema_editor):
    """Windows that were called complete although elements of theirs could not be read."""
    alias = schema_editor.connection.alias
    windows = apps.get_model("sync", "Window").objects.using(alias).filter(state="complete")
    held = apps.get_model("sync", "Quarantine").objects.using(alias).filter(
        environment_id=OuterRef("environment_id"), stream=OuterRef("stream"), part=OuterRef("part"), released_at=None
    )
    lacking = windows.filter(Q(mirrored__lt=F("vendor_total")) | Exists(held))
    lacking.update(state="unreadable", fault="unreadable", next_attempt_at=timezone.now())


class Migration(migrations.Migration):

    dependencies = [
        ('sync', '0005_connection_environment'),
        ('tenants', '0002_tenant_settings'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='quarantine',
            name='sync_quarantine_digest',
        ),
        migrations.AddField(
            model_name='quarantine',
            name='accepted_at',
            field=models.DateTimeField(null=True, verbose_name='accepted as no call'),
        ),
        migrations.AddField(
            model_name='quarantine',
            name='accepted_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='accepted by'),
        ),
        migrations.AddField(
            model_name='quarantine',
            name='day',
            field=models.DateField(null=True, verbose_name='UTC day'),
        ),
        migrations.AddField(
            model_name='quarantine',
            name='note',
            field=models.TextField(blank=True, max_length=1000, verbose_name='note'),
        ),
        migrations.AddField(
            model_name='quarantine',
            name='part',
            field=models.CharField(blank=True, max_length=220, verbose_name='part'),
        ),
        migrations.AddField(
            model_name='quarantine',
            name='public_id',
            field=models.UUIDField(null=True, editable=False),
        ),
        migrations.AddField(
            model_name='quarantine',
            name='stream',
            field=models.CharField(blank=True, choices=[('agents', 'agents'), ('calls', 'calls'), ('callbacks', 'callbacks'), ('campaigns', 'campaigns')], max_length=20, verbose_name='stream'),
        ),
        migrations.AddField(
            model_name='quarantine',
            name='times',
            field=models.PositiveIntegerField(default=1, verbose_name='times in its window'),
        ),
        migrations.AlterField(
            model_name='gap',
            name='fault',
            field=models.CharField(choices=[('rejected', 'the token was rejected'), ('forbidden', 'the token may not read this'), ('not-found', 'not found at the vendor'), ('refused', 'the vendor refused the request'), ('throttled', 'the vendor asked to wait'), ('server', "the vendor's server failed"), ('timeout', 'the vendor did not answer in time'), ('network', 'the connection failed'), ('truncated', 'the answer was cut'), ('not-json', 'the answer was not JSON'), ('form', 'the answer had an unknown form'), ('too-large', 'the answer was too large'), ('address', 'the address is not allowed'), ('drift', 'the pages kept moving while they were read'), ('empty-page', 'a page was empty that should not be'), ('vanished', 'most of what was there is gone'), ('unreadable', 'elements could not be understood'), ('lost-lease', 'another process took over')], max_length=20, verbose_name='fault'),
        ),
        migrations.AlterField(
            model_name='run',
            name='fault',
            field=models.CharField(blank=True, choices=[('rejected', 'the token was rejected'), ('forbidden', 'the token may not read this'), ('not-found', 'not found at the vendor'), ('refused', 'the vendor refused the request'), ('throttled', 'the vendor asked to wait'), ('server', "the vendor's server failed"), ('timeout', 'the vendor did not answer in time'), ('network', 'the connection failed'), ('truncated', 'the answer was cut'), ('not-json', 'the answer was not JSON'), ('form', 'the answer had an unknown form'), ('too-large', 'the answer was too large'), ('address', 'the address is not allowed'), ('drift', 'the pages kept moving while they were read'), ('empty-page', 'a page was empty that should not be'), ('vanished', 'most of what was there is gone'), ('unreadable', 'elements could not be understood'), ('lost-lease', 'another process took over')], max_length=20, verbose_name='fault'),
        ),
        migrations.AlterField(
            model_name='window',
            name='fault',
            field=models.CharField(blank=True, choices=[('rejected', 'the token was rejected'), ('forbidden', 'the token may not read this'), ('not-found', 'not found at the vendor'), ('refused', 'the vendor refused the request'), ('throttled', 'the vendor asked to wait'), ('server', "the vendor's server failed"), ('timeout', 'the vendor did not answer in time'), ('network', 'the connection failed'), ('truncated', 'the answer was cut'), ('not-json', 'the answer was not JSON'), ('form', 'the answer had an unknown form'), ('too-large', 'the answer was too large'), ('address', 'the address is not allowed'), ('drift', 'the pages kept moving while they were read'), ('empty-page', 'a page was empty that should not be'), ('vanished', 'most of what was there is gone'), ('unreadable', 'elements could not be understood'), ('lost-lease', 'another process took over')], max_length=20, verbose_name='fault'),
        ),
        migrations.AlterField(
            model_name='window',
            name='state',
            field=models.CharField(choices=[('due', 'due'), ('complete', 'complete'), ('unreadable', 'read, but not all of it understood'), ('incomplete', 'incomplete')], default='due', max_length=10, verbose_name='state'),
        ),
        migrations.RunPython(place_elements, migrations.RunPython.noop),
        migrations.RunPython(doubt_windows, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='quarantine',
            name='public_id',
            field=models.UUIDField(default=portal.lib.ids.uuid7, editable=False),
        ),
        migrations.AddIndex(
            model_name='quarantine',
            index=models.Index(condition=models.Q(('released_at', None)), fields=['environment', 'stream', 'part'], name='sync_quarantine_shown'),
        ),
        migrations.AddConstraint(
            model_name='quarantine',
            constraint=models.UniqueConstraint(fields=('tenant', 'environment', 'stream', 'part', 'kind', 'digest'), name='sync_quarantine_element'),
        ),
        migrations.AddConstraint(
            model_name='quarantine',
            constraint=models.UniqueConstraint(fields=('tenant', 'public_id'), name='sync_quarantine_public_id'),
        ),
    ]
