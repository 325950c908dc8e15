"""The database is brought up to date once, whoever starts."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from portal.site.models import Heartbeat, SetupCode
from portal.site.schema import bring_up_to_date
from portal.tenants import row_security


@pytest.mark.django_db(transaction=True)
def test_nothing_is_done_when_nothing_is_missing() -> None:
    assert bring_up_to_date() is False


@pytest.mark.django_db(transaction=True)
def test_what_is_missing_is_applied() -> None:
    with row_security.as_owner():
        with connection.schema_editor() as editor:
            for model in (Heartbeat, SetupCode):
                editor.delete_model(model)
        for name in ("0002_setup_code", "0001_initial"):
            MigrationRecorder(connection).record_unapplied("runtime", name)
    assert bring_up_to_date() is True
    assert not Heartbeat.objects.exists()
    assert bring_up_to_date() is False
