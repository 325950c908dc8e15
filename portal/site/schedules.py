"""The site's queues, and its own rhythm: one heartbeat a minute through each of them, and a look at what is wrong.

A queue is one kind of work, and no kind keeps another waiting: reading vendors takes minutes, files may take hours.
Mails are made in ``mail`` and sent in ``outbox``. ``default`` is for what is short: ticks, and mails to people.
"""

from typing import Any

QUEUES = ("default", "reading", "refresh", "mail", "outbox", "files")

HEARTBEATS: dict[str, dict[str, Any]] = {
    f"heartbeat-{queue}": {
        "task": "runtime.heartbeat",
        "schedule": 60.0,
        "args": (queue,),
        "options": {"queue": queue, "expires": 55},
    }
    for queue in QUEUES
}
SCHEDULE = HEARTBEATS | {"alarms": {"task": "runtime.watch", "schedule": 60.0, "options": {"expires": 55}}}
