"""Machine rhythms of the rollups. Beat only ticks; what is due is read from rows."""

from typing import Any

SCHEDULE: dict[str, dict[str, Any]] = {
    "rollups-refresh": {"task": "reports.rollups.tasks.refresh_all", "schedule": 300.0, "options": {"expires": 280}},
}
