"""How often may be guessed: counters that nobody can use up for somebody else.

A browser that its person has signed in from before has a limit of its own. All others share three: what one address may
try of one account, what anybody may try of one account, and what one address may try at all. The narrow limit comes
first, and what it refuses counts for no other: guessing one account from an office leaves the office its own sign-ins.
Only attempts that fail count.
"""

import math
import time
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_address
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from portal.accounts.devices import known_device
from portal.audit.record import address_of


@dataclass(frozen=True, slots=True)
class Limit:
    """``most`` attempts in ``seconds``, counted from the first one on."""

    name: str
    most: int
    seconds: int


DEVICE = Limit("device", 10, 300)
PAIR = Limit("pair", 5, 300)
ACCOUNT = Limit("account", 50, 3600)
ADDRESS = Limit("address", 100, 300)


class Guess:
    """One attempt at what belongs to ``email``, of a kind: ``password``, ``code``, ``reset``; or, of the kinds
    ``invitation``, ``provider`` and ``setup``, at what is nobody's, which counts for the network address
    alone."""

    def __init__(self, request: HttpRequest, kind: str, email: str) -> None:
        email, address = email.strip().lower(), network_of(address_of(request) or "")
        device = known_device(request, email)
        limits = [(DEVICE, device)] if device else [(PAIR, f"{email} {address}"), (ACCOUNT, email), (ADDRESS, address)]
        if not email:
            limits = [(ADDRESS, address)]
        # Mail addresses stay out of the cache.
        self._counters = [(limit, f"guess:{kind}:{limit.name}:{_hidden(subject)}") for limit, subject in limits]

    def is_allowed(self) -> bool:
        """Count the attempt, unless a limit refuses it. Attempts made at once never pass together."""
        for place, (limit, key) in enumerate(self._counters):
            if cache.add(key, 0, limit.seconds):
                cache.set(_end(key), time.time() + limit.seconds, limit.seconds)
            if _change(key, 1) > limit.most:
                self._take_back(place + 1)
                return False
        return True

    def seconds_left(self) -> int:
        """For how long such an attempt is refused, as the counters stand; 0 when it is not. It counts nothing and is
        one question to the cache, so whoever is over a limit costs next to nothing."""
        found = cache.get_many([name for _limit, key in self._counters for name in (key, _end(key))])
        now = time.time()
        left = [
            math.ceil(_number(found.get(_end(key)), now + limit.seconds) - now)
            for limit, key in self._counters
            if _number(found.get(key), 0) >= limit.most
        ]
        return max(1, *left) if left else 0

    def take_back(self) -> None:
        """It was no guess: it was right."""
        self._take_back(len(self._counters))

    def _take_back(self, count: int) -> None:
        for _limit, key in self._counters[:count]:
            _change(key, -1)


def _change(key: str, by: int) -> int:
    try:
        return cache.incr(key, by)
    except ValueError:  # its time ended in between
        return by


def _end(key: str) -> str:
    """Where stands when a counter begins anew."""
    return f"{key}:end"


def _number(found: Any, otherwise: float) -> float:
    """What the cache holds, if it can be ours."""
    return found if type(found) in (int, float) and math.isfinite(found) else otherwise


def network_of(address: str) -> str:
    """One customer's IPv6 addresses count as one."""
    if not address or ip_address(address).version == 4:
        return address
    return str(IPv6Network(f"{address}/64", strict=False))


def _hidden(subject: str) -> str:
    return salted_hmac("portal.accounts.limits", subject, algorithm="sha256").hexdigest()[:32]
