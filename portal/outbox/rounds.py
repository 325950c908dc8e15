"""Many messages over one connection: those of a tenant that wait, the urgent first, at a pace their domains bear."""

import logging
import time
from dataclasses import dataclass, field

from portal.outbox import pace, post
from portal.outbox.line import Line
from portal.outbox.models import PlatformMessage, State

logger = logging.getLogger("ringbook.outbox")

SECONDS = 20.0  # of one round; then others have their turn
CHUNK = 10  # messages between two looks at what is urgent


@dataclass(slots=True)
class Tried:
    """What rounds did: the state that each message was in after its try, and those that are not to be tried again."""

    states: dict[int, str] = field(default_factory=dict)
    stuck: set[int] = field(default_factory=set)


def go_round(tried: Tried | None = None) -> int | None:
    """Send what is due of the tenant whose wall is open, for a short while; one that is due still, for whoever goes on,
    or None when there is none, or none that would leave now. What was done is added to ``tried``."""
    ends = time.monotonic() + SECONDS
    resting: set[str] = set()
    tried = tried or Tried()
    with Line() as line:
        while not (line.dead or pace.server_rests()):
            chunk = post.due_here(limit=CHUNK, but=resting, besides=tried.stuck)
            if not chunk:
                return None
            if time.monotonic() > ends:
                return chunk[0][0]
            _send_platforms(line)
            for message_id, address, urgent in chunk:
                domain = pace.domain_of(address)
                if message_id in tried.states:  # one try of each: what is due again already is for another time
                    tried.stuck.add(message_id)
                elif _has_room(domain, urgent=urgent, line=line, resting=resting):
                    _send(message_id, line, tried)
    return None


def finish_round() -> dict[int, str]:
    """As :func:`go_round`, but to the end, for who has nobody to hand the rest on to: what is left does not leave now.
    The states of what was tried."""
    tried = Tried()
    while go_round(tried) is not None:
        pass
    return tried.states


def go_platform_round() -> int:
    """Send what is due of the platform's own, over one connection; how many left."""
    sent = 0
    with Line() as line:
        while not (line.dead or pace.server_rests()) and (ends := _send_platforms(line)):
            sent += ends.count(State.SENT)
    return sent


def _send_platforms(line: Line) -> list[str]:
    """Try some of those that go to people, which wait for nobody but the server; the states they are in then."""
    waiting = post.overdue_of_platform(limit=CHUNK)
    return [post.deliver(message_id, PlatformMessage, line) for message_id in waiting if not line.dead]


def _has_room(domain: str, *, urgent: bool, line: Line, resting: set[str]) -> bool:
    """What is urgent counts, and waits for nobody but the server."""
    if line.dead or (domain in resting and not urgent):
        return False
    if pace.take(domain) or urgent:
        return True
    resting.add(domain)
    return False


def _send(message_id: int, line: Line, tried: Tried) -> None:
    try:
        state = post.deliver(message_id, line=line)
        if message_id in line.brought:
            tried.states[message_id] = state
        else:  # somebody else has it
            tried.stuck.add(message_id)
    except Exception:  # one message's trouble is not the others': its claim runs out, and it is tried again
        tried.stuck.add(message_id)
        logger.exception("message %s could not be sent", message_id)
