"""The background's jobs: what beat does by itself, which a person may ask for now as well. All are safe at any time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.site.celery import app
from portal.work.hints import hint

WORDS: dict[str, str | Promise] = {
    "alarms": _("Look at what is wrong, and tell administrators"),
    "alerts": _("Look whether alerts have something to tell"),
    "column-files": _("Look through column files, and remove old ones"),
    "columns": _("Make column files that are owed"),
    "erasures": _("Erase persons whose erasure is owed"),
    "exports": _("Make files that wait, and remove old ones"),
    "handovers": _("Hand over scheduled files that are due"),
    "left-behind": _("Take away what members kept who have left"),
    "mails": _("Make scheduled mails that are due"),
    "mails-lost": _("Tell owners what was not sent"),
    "outbox": _("Send mails that wait"),
    "persons": _("Gather what is kept of persons who asked for it"),
    "retention": _("Take away what was kept long enough"),
    "sync-due": _("Read what is due"),
    "sync-forget": _("Forget old runs of reading"),
    "sync-sweep": _("End runs whose process is gone"),
}


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    words: str | Promise


def jobs() -> Iterator[Job]:
    """All but the heartbeats, by their words."""
    found = [Job(name, WORDS.get(name, name)) for name in _schedule() if not name.startswith("heartbeat-")]
    yield from sorted(found, key=lambda job: str(job.words).casefold())


def run(name: str) -> bool:
    """Ask a worker for a job; False when the broker takes nothing. Raises KeyError for one that there is not."""
    if name.startswith("heartbeat-"):
        raise KeyError(name)
    task = app.tasks[_schedule()[name]["task"]]
    return hint(task, expires=300)


def _schedule() -> dict[str, Any]:
    schedule: dict[str, Any] = app.conf.beat_schedule
    return schedule
