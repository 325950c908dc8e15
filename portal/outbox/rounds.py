"""Many messages over one connection: those of a tenant that wait, the urgent first, at a pace their domains bear."""

import logging
import time

from portal.outbox import pace, post
from portal.outbox.line import Line
from portal.outbox.models import PlatformMessage

logger = logging.getLogger("ringbook.outbox")

SECONDS = 20.0  # of one round; then others have their turn
CHUNK = 10  # messages between two looks at what is urgent


def go_round() -> int | None:
    """Send what is due of the tenant whose wall is open, for a short while; one that is due still, for whoever goes on,
    or None when there is none, or none that would leave now."""
    ends = time.monotonic() + SECONDS
    resting: set[str] = set()
    with Line() as line:
        while not (line.dead or pace.server_rests()):
            chunk = post.due_here(limit=CHUNK, but=resting)
            if not chunk:
                return None
            if time.monotonic() > ends:
                return chunk[0][0]
            for message_id in post.overdue_of_platform(limit=CHUNK):
                post.deliver(message_id, PlatformMessage, line)
            for message_id, address, urgent in chunk:
                _send(message_id, pace.domain_of(address), urgent=urgent, line=line, resting=resting)
    return None


def _send(message_id: int, domain: str, *, urgent: bool, line: Line, resting: set[str]) -> None:
    """What is urgent counts, and waits for nobody but the server."""
    if line.dead or (domain in resting and not urgent):
        return
    if not pace.take(domain) and not urgent:
        resting.add(domain)
        return
    try:
        post.deliver(message_id, line=line)
    except Exception:  # one message's trouble is not the others': its claim runs out, and it is tried again
        logger.exception("message %s could not be sent", message_id)
