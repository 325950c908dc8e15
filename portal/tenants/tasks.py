"""The base of tasks: ids in, wall open, one call."""

from typing import Any

from celery.contrib.django.task import DjangoTask

from portal.tenants import wall


class TenantTask(DjangoTask):  # type: ignore[type-arg]  # generic in the stubs only
    """A task whose first argument is ``tenant_id``: its body runs behind that tenant's wall.

    Enqueue with ``delay_on_commit``; arguments are ids only. Unknown keyword arguments of a newer or older deploy are
    for the task's own ``**_`` to swallow.
    """

    abstract = True
    max_retries = 3  # bounds task_retry_on_worker_lost
    default_retry_delay = 5

    def __call__(self, tenant_id: int, *args: Any, **kwargs: Any) -> Any:
        with wall.tenant(tenant_id):
            return self.run(tenant_id, *args, **kwargs)
