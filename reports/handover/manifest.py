"""What stands beside a file that was handed over: which file, of which period, how whole, and the digest to check it.

It is written last, so whoever finds a manifest finds the files that it names, whole.
"""

import json
from dataclasses import dataclass
from typing import Any

from portal.lib.times import rfc3339
from reports.files.models import Export
from reports.handover.models import ExportSchedule, Handover
from reports.handover.rows import STANDING

FORMAT = "ringbook-handover/1"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is handed over: a file of our own under the name it gets there, and the manifest with its name."""

    name: str
    export: Export
    manifest_name: str
    manifest: dict[str, Any]

    @property
    def manifest_bytes(self) -> bytes:
        return json.dumps(self.manifest, ensure_ascii=False, indent=2).encode() + b"\n"


def parcel_of(handover: Handover, export: Export) -> Parcel:
    """Names are the same each time a period is handed over; those of two schedules, and of a trial, are never one."""
    schedule: ExportSchedule = handover.schedule
    period = handover.period
    whose = f"{handover.tenant.slug}-{schedule.what}-{schedule.public_id.hex[-8:]}"
    stem = "-".join(dict.fromkeys((whose, period.start.isoformat(), period.last_day.isoformat())))
    if handover.press:
        stem = f"{stem}-trial"
    name = f"{stem}{'' if export.complete else '-incomplete'}.{export.format}"
    days = {"from": period.start.isoformat(), "until": period.last_day.isoformat(), "zone": period.zone}
    file = {"name": name, "format": export.format, "rows": export.done, "bytes": export.bytes, "sha256": export.sha256}
    manifest = {
        "manifest": FORMAT,
        "schedule": {"id": str(schedule.public_id), "name": schedule.name},
        "handover": {"id": str(handover.public_id), "round": handover.round, "trial": bool(handover.press)},
        "tenant": handover.tenant.slug,
        "what": schedule.what,
        "period": None if schedule.span == STANDING else days,
        "due_at": rfc3339(handover.due_at),
        "as_of": rfc3339(export.as_of) if export.as_of else None,
        "complete": bool(export.complete),
        "files": [file],
    }
    return Parcel(name, export, f"{stem}.manifest.json", manifest)
