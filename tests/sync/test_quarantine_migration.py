"""Installations that called a day complete although elements of it were in quarantine: the migration doubts them."""

import secrets
from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from portal.tenants import row_security

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE, AFTER = [("sync", "0005_connection_environment")], [("sync", "0006_quarantine_windows")]
AT = datetime(2026, 7, 9, tzinfo=UTC)


@pytest.fixture
def before(sales):
    """The tables as they were; afterwards they are as they are now."""
    with row_security.as_owner():
        executor = MigrationExecutor(connection)
        latest = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "sync"]
        executor.migrate(BEFORE)
        try:
            yield MigrationExecutor(connection).loader.project_state(BEFORE).apps
        finally:
            MigrationExecutor(connection).migrate(latest)


def test_days_with_elements_nobody_read_are_complete_no_more_and_due(acme, sales, before):
    window, quarantine = before.get_model("sync", "Window"), before.get_model("sync", "Quarantine")
    mine = {"tenant_id": acme.pk, "environment_id": sales.pk}
    for stream, part, day, mirrored in (
        ("calls", "2026-07-08", date(2026, 7, 8), 9),
        ("calls", "2026-07-07", date(2026, 7, 7), 10),
        ("campaigns", "all", None, 10),
        ("agents", "all", None, 10),
    ):
        window.objects.create(
            **mine, stream=stream, part=part, day=day, state="complete", read_at=AT, mirrored=mirrored, vendor_total=10
        )
    for kind, released in (("call", None), ("call", AT), ("campaign", None), ("agent", AT)):
        quarantine.objects.create(
            **mine, kind=kind, external_id="x", digest=secrets.token_bytes(16), raw="17", reason="r",
            first_seen_at=AT, last_seen_at=AT, released_at=released,
        )  # fmt: skip

    MigrationExecutor(connection).migrate(AFTER)
    after = MigrationExecutor(connection).loader.project_state(AFTER).apps
    window, quarantine = after.get_model("sync", "Window"), after.get_model("sync", "Quarantine")

    states = {(row.stream, row.part): (row.state, row.fault) for row in window.objects.all()}
    assert states == {
        ("calls", "2026-07-08"): ("unreadable", "unreadable"),
        ("calls", "2026-07-07"): ("complete", ""),
        ("campaigns", "all"): ("unreadable", "unreadable"),
        ("agents", "all"): ("complete", ""),
    }
    assert window.objects.filter(state="unreadable", next_attempt_at__isnull=False).count() == 2
    rows = {(row.kind, row.stream, row.part, row.released_at is None) for row in quarantine.objects.all()}
    assert rows == {
        ("call", "", "", False), ("campaign", "campaigns", "all", True), ("agent", "agents", "all", False)
    }  # fmt: skip
    assert len(set(quarantine.objects.values_list("public_id", flat=True))) == 4
