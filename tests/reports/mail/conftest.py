"""A small mirror of five weeks, whole up to the Monday on which the weekly mail is due."""

from datetime import UTC, date, datetime, timedelta

import pytest

from portal.lib.ids import uuid7
from portal.outbox.models import Message
from portal.tenants import wall
from reports.mail.models import Delivery, Subscription
from reports.mail.subscriptions import create_weekly
from sync.models.callbacks import CallbackDay
from sync.models.calls import Call
from sync.models.changes import DirtyDay
from sync.models.connections import Connection
from sync.models.runs import Window
from tests import factories

FIRST, LAST = date(2026, 6, 8), date(2026, 7, 13)  # UTC days that were read
DUE = datetime(2026, 7, 13, 11, tzinfo=UTC)  # Monday, 8 h in Sao Paulo
HOUR = timedelta(hours=1)


def mirror(environment, *, scale=1):
    """Calls each day at 10 h of Sao Paulo, two more each week; two of three connect."""
    Connection.objects.create(
        tenant_id=environment.tenant_id,
        environment=environment,
        provider=environment.provider,
        base_url="https://vendor.example/api/v1",
        token="secret",
        since=FIRST,
    )
    agents = [factories.agent(environment, key, name=name) for key, name in (("a", "Clara"), ("b", "Rafael"))]
    calls = []
    for offset in range((LAST - FIRST).days):
        day = FIRST + timedelta(days=offset)
        for number in range(scale * (3 + 2 * (offset // 7))):
            connected = number % 3 < 2
            started_at = datetime(day.year, day.month, day.day, 13, number, tzinfo=UTC)
            calls.append(
                Call(
                    id=uuid7(),
                    tenant_id=environment.tenant_id,
                    environment=environment,
                    agent=agents[number % 2],
                    external_id=f"{day}-{number}",
                    status="completed" if connected else "no-answer",
                    direction="outbound",
                    started_at=started_at,
                    duration_ms=1000 * (60 + number) if connected else None,
                    from_number="+551130000000",
                    to_number=f"+55119876{offset:02}{number:03}",
                    contact=f"55119876{offset:02}{number:03}",
                    digest=b"." * 16,
                    read_at=DUE,
                    first_seen_at=DUE,
                    changed_at=DUE,
                )
            )
    Call.objects.bulk_create(calls)
    ours = {"tenant_id": environment.tenant_id, "environment": environment}
    days = [FIRST + timedelta(days=offset) for offset in range((LAST - FIRST).days + 1)]
    DirtyDay.objects.bulk_create(DirtyDay(**ours, day=day, since=DUE) for day in days)
    counted = {"received": 5, "answered": 3, "unmatched": 1, "payload": "{}", "digest": b"0" * 16}
    CallbackDay.objects.bulk_create(CallbackDay(**ours, day=day, changed_at=DUE, **counted) for day in days)
    whole = {"state": "complete", "vendor_total": 0, "mirrored": 0, "read_at": DUE - HOUR}
    Window.objects.bulk_create(
        Window(**ours, stream=stream, part=day.isoformat(), day=day, **whole)
        for day in days
        for stream in ("calls", "callbacks")
    )


@pytest.fixture
def mirrored(acme, sales):
    with wall.tenant(acme):
        mirror(sales)
    return sales


@pytest.fixture
def weekly(acme, mirrored, ana) -> Subscription:
    """Due on Monday 13 July at 8; Ana, an owner, reads it in English."""
    return create_weekly(acme, ana.email, "en", since=DUE - timedelta(days=1))


@pytest.fixture
def break_day(acme, mirrored):
    """Makes a day of the week incomplete, and whole again."""

    def mark(state):
        with wall.tenant(acme):
            Window.objects.filter(stream="calls", day=date(2026, 7, 8)).update(state=state)

    return mark


def messages(tenant):
    with wall.tenant(tenant):
        return list(Message.objects.order_by("id"))


def delivered(tenant):
    with wall.tenant(tenant):
        return list(Delivery.objects.select_related("recipient", "message").order_by("id"))
