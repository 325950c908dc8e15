"""Machine rhythms of sync. Beat only ticks; what is due is read from rows."""

from typing import Any


def schedule(haste: float = 1.0) -> dict[str, dict[str, Any]]:
    """The ticks; ``haste`` divides the pause between two looks at what is to be read (READING_HASTE)."""
    return {
        "sync-due": {"task": "sync.tasks.read_due", "schedule": 60.0 / haste, "options": {"expires": 55}},
        "sync-sweep": {"task": "sync.tasks.sweep", "schedule": 60.0, "options": {"expires": 55}},
        "sync-forget": {"task": "sync.tasks.forget", "schedule": 3600.0, "options": {"expires": 3500}},
    }
