"""What the console's home shows."""

from typing import Any

from django import template
from django.utils import timezone

from portal.site import jobs
from portal.site.wrongs import everything, storage
from portal.site.wrongs.wrong import Wrong, by_kind

register = template.Library()
SHOWN = 10  # of a kind; the lists behind the links have all


@register.simple_tag
def state_of_all() -> dict[str, Any]:
    """All that is wrong now by its kind, how full things are, and what may be run by hand."""
    now = timezone.now()
    groups = by_kind(everything.found(now))
    return {
        "now": now,
        "groups": [(kind.label, _count(rows), rows[:SHOWN], len(rows) - SHOWN) for kind, rows in groups],
        "room": storage.room(),
        "jobs": list(jobs.jobs()),
    }


def _count(rows: list[Wrong]) -> int:
    return sum(row.count for row in rows)
