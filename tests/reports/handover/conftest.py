"""The small mirror of the mails' tests, schedules made by whoever is named, and workers that stand here."""

from datetime import date, timedelta

import pytest
import time_machine

from portal.outbox.models import Message
from portal.tenants import wall
from reports.files import making
from reports.files.models import Export, State
from reports.handover import acts, rows, work
from reports.handover.models import ExportSchedule, Handover
from reports.handover.wishes import read_plan
from sync.models.runs import Window
from tests.reports.alerts.conftest import author
from tests.reports.mail.conftest import DUE, mirror


@pytest.fixture
def mirrored(acme, sales, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    with wall.tenant(acme):
        mirror(sales)
    return sales


def scheduled(tenant, user, **wishes) -> ExportSchedule:
    """Weekly, for Monday at 8 in São Paulo, which is DUE."""
    usual = {"name": "Calls of the week", "every": "week", "weekday": 1, "hour": 8, "to": [user.email]}
    with wall.tenant(tenant):
        by = author(tenant, user)
        made = acts.create(read_plan(usual | wishes, by), by)
        ExportSchedule.objects.filter(pk=made.pk).update(next_due=DUE)
        made.refresh_from_db()
        return made


def tick(tenant, at=DUE) -> None:
    """What beat does: what is due becomes rows."""
    with wall.tenant(tenant):
        rows.open_due(at)


def run(tenant, at=DUE, *, rounds=3) -> list[str]:
    """What workers do until nothing moves any more: the states of all handovers."""
    for _ in range(rounds):
        with wall.tenant(tenant):
            Handover.objects.update(next_attempt_at=None)
            waiting = [pk for _tenant, pk in rows.waiting()]
        for pk in waiting:
            with time_machine.travel(at, tick=False), wall.tenant(tenant):
                work.step(pk, at, lambda *_: True)
                for export in Export.objects.filter(state=State.WAITING):
                    making.make(export.pk)
    return [row.state for row in handovers(tenant)]


def handovers(tenant) -> list[Handover]:
    with wall.tenant(tenant):
        return list(Handover.objects.select_related("schedule", "export", "tenant").order_by("id"))


def mails(tenant, begins="handover:") -> list[Message]:
    with wall.tenant(tenant):
        return list(Message.objects.filter(reference__startswith=begins).order_by("id"))


def reading(tenant, state) -> None:
    """How the vendor was read on a day of the week."""
    with wall.tenant(tenant):
        Window.objects.filter(stream="calls", day=date(2026, 7, 8)).update(state=state)


LATER = DUE + timedelta(hours=1)
