"""The runtime's own rhythm: one heartbeat a minute through each queue."""

from typing import Any

QUEUES = ("default", "sync", "reports", "mail")

SCHEDULE: dict[str, dict[str, Any]] = {
    f"heartbeat-{queue}": {
        "task": "runtime.heartbeat",
        "schedule": 60.0,
        "args": (queue,),
        "options": {"queue": queue, "expires": 55},
    }
    for queue in QUEUES
}
