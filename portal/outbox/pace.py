"""How fast messages may go to one domain, and when it is left in peace: counters that senders share.

They stand in the cache, not in rows: to lose one makes a sender somewhat faster for a minute, and delays nothing. Where
the cache does not answer nothing is held back.
"""

import logging
import math
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("ringbook.outbox")

PATIENCE = 5  # messages that a domain puts off, one after the other, before it is left in peace
FIRST_REST, LONGEST_REST = 60, 900
SERVER_REST = 30  # while nobody listens; the sweep looks again each minute
FORGOTTEN = 1800
SERVER = ""


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _or(otherwise: T) -> Callable[[Callable[P, T]], Callable[P, T]]:
    def guard(count: Callable[P, T]) -> Callable[P, T]:
        @wraps(count)
        def counted(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return count(*args, **kwargs)
            except (RedisError, OSError) as error:
                logger.warning("the pace of mails is not kept: %s", type(error).__name__)
                return otherwise

        return counted

    return guard


@_or(otherwise=True)
def take(domain: str) -> bool:
    """Whether one message may go to a domain now; then it is counted."""
    if _rests(domain):
        return False
    key = _key("minute", domain, str(int(time.time() // 60)))
    cache.add(key, 0, 120)
    return _more(key) <= settings.MAILS_PER_MINUTE


@_or(otherwise=False)
def server_rests() -> bool:
    """Whether nobody listened at the mail server a moment ago."""
    return _rests(SERVER)


@_or(otherwise=None)
def nobody_there() -> None:
    cache.set(_key("rest", SERVER), time.time() + SERVER_REST, SERVER_REST)


@_or(otherwise=None)
def put_off(domain: str) -> None:
    """A domain asked for patience. One in five minutes is a grey list; many in a row are a limit of theirs."""
    key = _key("put-off", domain)
    cache.add(key, 0, FORGOTTEN)
    beyond = _more(key) - PATIENCE
    if beyond >= 0:
        rest = min(FIRST_REST * 2 ** min(beyond, 10), LONGEST_REST)
        cache.set(_key("rest", domain), time.time() + rest, rest)


@_or(otherwise=None)
def taken(domain: str) -> None:
    """A domain took a message: whatever it put off before is forgotten."""
    cache.delete(_key("put-off", domain))


def _rests(domain: str) -> bool:
    until = cache.get(_key("rest", domain))
    return type(until) in (int, float) and math.isfinite(until) and until > time.time()


def _more(key: str) -> int:
    try:
        return cache.incr(key)
    except ValueError:  # its time ended in between
        return 1


def _key(*parts: str) -> str:
    """Domains of readers stay out of the cache."""
    return (
        f"outbox:{parts[0]}:{salted_hmac('portal.outbox.pace', ' '.join(parts), algorithm='sha256').hexdigest()[:32]}"
    )
