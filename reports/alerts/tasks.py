"""Alerts in the background: beat ticks, and whoever made column files says so; what is owed stands in rows."""

from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.utils import timezone

from portal.tenants.tasks import TenantTask
from portal.work.hints import hint
from reports.alerts import judging, webhooks

QUEUE = "mail"


@shared_task(base=DjangoTask)
def look_at_alerts(**_: Any) -> None:
    """One tick: a task for each tenant with alerts to look at, and one for each webhook that is owed."""
    for tenant_id in judging.tenants_with_alerts(timezone.now()):
        if not after_refresh(tenant_id):
            return  # the rows wait for the next tick
    for tenant_id, post_id in webhooks.overdue():
        if not enqueue_post(tenant_id, post_id):
            return


@shared_task(base=TenantTask)
def judge_tenant(tenant_id: int, **_: Any) -> None:
    judging.judge(timezone.now(), enqueue_post)


@shared_task(base=TenantTask)
def send_post(tenant_id: int, post_id: int, **_: Any) -> None:
    webhooks.send(post_id)


def after_refresh(tenant_id: int) -> bool:
    """The data of a tenant changed, or a minute is over: have its alerts looked at. ``AFTER_REFRESH`` names this."""
    return hint(judge_tenant, tenant_id, queue=QUEUE, expires=55)


def enqueue_post(tenant_id: int, post_id: int) -> bool:
    return hint(send_post, tenant_id, post_id, queue=QUEUE, expires=55)
