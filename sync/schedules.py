"""Machine rhythms of sync. Beat only ticks; what is due is read from rows."""

from typing import Any

SCHEDULE: dict[str, dict[str, Any]] = {
    "sync-due": {"task": "sync.tasks.read_due", "schedule": 60.0, "options": {"expires": 55}},
    "sync-sweep": {"task": "sync.tasks.sweep", "schedule": 60.0, "options": {"expires": 55}},
}
