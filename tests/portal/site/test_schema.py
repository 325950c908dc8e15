"""The database is brought up to date once, whoever starts."""

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from portal.site.models import Heartbeat
from portal.site.schema import bring_up_to_date
from portal.tenants import row_security


@pytest.mark.django_db(transaction=True)
def test_nothing_is_done_when_nothing_is_missing() -> None:
    assert bring_up_to_date() is False


@pytest.mark.django_db(transaction=True)
def test_what_is_missing_is_applied() -> None:
    with row_security.as_owner():
        with connection.schema_editor() as editor:
            for model in apps.get_app_config("runtime").get_models():
                editor.delete_model(model)
        recorder = MigrationRecorder(connection)
        for app, name in list(recorder.applied_migrations()):
            if app == "runtime":
                recorder.record_unapplied(app, name)
    assert bring_up_to_date() is True
    assert not Heartbeat.objects.exists()
    assert bring_up_to_date() is False
