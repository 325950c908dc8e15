"""Files in the background. Rows are the truth; a lost task is issued again by the sweep."""

from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from portal.tenants.tasks import TenantTask
from portal.work import hints
from reports.files import jobs, making, sweep
from reports.files.caps import MOST_OPEN


# Longer than the broker waits before it repeats a message: the repeat finds the row claimed, and ends.
@shared_task(base=TenantTask, soft_time_limit=4 * 3600, time_limit=4 * 3600 + 300)
def make_export(tenant_id: int, export_id: int, **_: Any) -> None:
    """Make one file, and hint at what waits next."""
    if making.make(export_id):
        hint_waiting(after=tenant_id)


@shared_task(base=DjangoTask)
def sweep_exports(**_: Any) -> int:
    """One pass of the sweeper; how many claims were given back."""
    given_back = sweep.sweep()
    hint_waiting()
    return given_back


def hint(tenant_id: int, export_id: int) -> bool:
    """Tell the workers of an export; False when the broker takes nothing, and then the sweep will find the row."""
    return hints.hint(make_export, tenant_id, export_id, expires=55)


def hint_waiting(*, after: int | None = None) -> int:
    """Hint at what waits, beginning with another tenant than the one just served; how many hints went out."""
    pairs = sorted(jobs.waiting(), key=lambda pair: pair[0] == after)
    return sum(hint(*pair) for pair in pairs[:MOST_OPEN])
