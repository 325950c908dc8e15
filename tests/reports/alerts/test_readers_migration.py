"""Members whom alerts told before lists were lists: they stand on them still, each with who put him there."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from portal.tenants import row_security
from portal.tenants.models.people import Role
from tests.conftest import member

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE, AFTER = [("reports_alerts", "0001_alerts")], [("reports_alerts", "0004_one_place_for_an_address")]
AT = datetime(2026, 7, 9, tzinfo=UTC)


@pytest.fixture
def before(acme, ana):
    """The tables as they were; afterwards they are as they are now."""
    with row_security.as_owner():
        executor = MigrationExecutor(connection)
        latest = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "reports_alerts"]
        executor.migrate(BEFORE)
        try:
            yield MigrationExecutor(connection).loader.project_state(BEFORE).apps
        finally:
            MigrationExecutor(connection).migrate(latest)


def test_members_stay_on_the_lists_with_what_they_were_told(acme, ana, before):
    def table(apps, name, app="reports_alerts"):
        return apps.get_model(app, name).objects

    vera = member(acme, "vera@acme.example", Role.VIEWER)
    mine = {"tenant_id": acme.pk}
    grant = table(before, "Grant", "tenants").create(**mine)
    alert = table(before, "Alert").create(**mine, name="Watch", zone="UTC", grant=grant, creator_id=ana.pk)
    for user in (ana, vera):
        table(before, "Watcher").create(**mine, alert=alert, user_id=user.pk)
    for number, kind in enumerate(("fired", "test")):
        event = table(before, "AlertEvent").create(**mine, alert=alert, number=number, kind=kind, at=AT)
        message = table(before, "Message", "outbox").create(**mine, to=ana.email, reference=kind, message_id=kind)
        table(before, "AlertNotice").create(**mine, event=event, user_id=ana.pk, message=message)

    MigrationExecutor(connection).migrate(AFTER)
    after = MigrationExecutor(connection).loader.project_state(AFTER).apps

    rows = table(after, "Watcher").order_by("id")
    assert list(rows.values_list("email", "as_member", "added_as", "added_by_id", "user_id")) == [
        (ana.email, True, "member", ana.pk, ana.pk),
        (vera.email, True, "member", ana.pk, vera.pk),
    ]
    assert all(row.confirmed_at == row.created_at and row.left_at is None for row in rows)
    assert len(set(rows.values_list("public_id", flat=True))) == 2
    told = dict(table(after, "AlertNotice").values_list("event__kind", "watcher__email"))
    assert told == {"fired": ana.email, "test": None}
