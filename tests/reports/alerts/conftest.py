"""The small mirror of the mails' tests, and alerts made by whoever is named."""

import pytest

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role
from portal.tenants.rights import Rights
from reports.alerts import acts, judging
from reports.alerts.models import Alert, AlertEvent
from reports.alerts.wishes import read_plan
from reports.mail.rights import Author
from reports.queries.scope import Scope
from sync.models.runs import Window
from tests.reports.mail.conftest import mirror


@pytest.fixture
def mirrored(acme, sales):
    with wall.tenant(acme):
        mirror(sales)
    return sales


def author(tenant, user) -> Author:
    grant: Grant = Membership.objects.select_related("grant__tenant").get(user=user).grant
    role = Role(Membership.objects.get(user=user).role)
    return Author(tenant, role, Rights.of(grant), Scope.of(grant), user=user)


def standing(tenant, user, **values) -> Alert:
    with wall.tenant(tenant):
        by = author(tenant, user)
        return acts.create(read_plan({"name": "Watch"} | values, by), by)


def look(tenant, at) -> int:
    with wall.tenant(tenant):
        return judging.judge(at, lambda *_: True)


def events(tenant) -> list[AlertEvent]:
    with wall.tenant(tenant):
        return list(AlertEvent.objects.select_related("alert").order_by("id"))


def read_until(tenant, at, day=None) -> None:
    """The vendor was read whole at that time: every day, or one."""
    with wall.tenant(tenant):
        rows = Window.objects.all() if day is None else Window.objects.filter(day=day)
        rows.update(read_at=at, state="complete")
