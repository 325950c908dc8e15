"""The reports' rhythms. They only tick; what is due is read from rows, and a tick that comes late is dropped."""

from typing import Any


def _each_minute(task: str) -> dict[str, Any]:
    return {"task": task, "schedule": 60.0, "options": {"expires": 55}}


SCHEDULE: dict[str, dict[str, Any]] = {
    "columns": {"task": "reports.columns.tasks.refresh_columns", "schedule": 10.0, "options": {"expires": 9}},
    "column-files": {"task": "reports.columns.tasks.sweep_columns", "schedule": 600.0, "options": {"expires": 590}},
    "exports": _each_minute("reports.files.tasks.sweep_exports"),
    "persons": {
        "task": "reports.privacy.tasks.sweep_persons_exports",
        "schedule": 60.0,
        "options": {"expires": 55},
    },
    "erasures": {"task": "reports.privacy.tasks.sweep_erasures", "schedule": 300.0, "options": {"expires": 290}},
    "retention": {"task": "reports.privacy.tasks.sweep_retention", "schedule": 300.0, "options": {"expires": 290}},
    "alerts": _each_minute("reports.alerts.tasks.look_at_alerts"),
    "handovers": _each_minute("reports.handover.tasks.look_at_schedules"),
    "mails": _each_minute("reports.mail.tasks.send_reports"),
    "left-behind": {"task": "reports.saved.tasks.sweep_left_behind", "schedule": 3600.0, "options": {"expires": 3590}},
    "mails-lost": {"task": "reports.mail.tasks.tell_of_lost", "schedule": 300.0, "options": {"expires": 290}},
    "outbox": _each_minute("portal.outbox.tasks.sweep_outbox"),
}
