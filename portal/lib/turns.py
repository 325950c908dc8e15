"""Turns of a web process: how many requests of one principal are answered at once, and how much work it may ask for.

A principal is an API key, a member, a share link, a browser or a network address. A request takes a place in each
account that it counts for, and is refused at once where one of them is full: a request that waits would hold a thread.
The seconds that a request works are charged to the same accounts, which forget them in the course of a minute.

What a request brings along, such as a cookie or a key, proves nothing before it was looked up. It counts for its
network address until then; :func:`recognize` moves it, and the next request that brings the same is known from
the start.
"""

import math
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from mmap import mmap
from typing import Any, TypeVar
from weakref import WeakSet

THREADS = 8  # of a web process
DELAY = "ringbook.delay"  # in the environ of a request: a function that has the web server send the answer later
MINUTE = 60.0
MOST_KNOWN = 10_000  # principals that a process remembers
PAUSE = 0.5  # seconds at most before a part of an answer
MUCH_LESS = 1.0  # seconds of work
_LOOKS_EVERY = 0.02  # seconds, for pages of other processes
_MOST_OWED = 2.0  # minutes: nobody waits for longer, however much work one answer was


@dataclass(frozen=True, slots=True)
class Limit:
    """``at_once`` requests, and ``work`` seconds of work a minute."""

    at_once: int
    work: float = math.inf


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. ``language`` is the one they read, where that is known."""

    name: str
    tenant: int | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """No turn. ``over_budget`` tells too much work from too many at once."""

    seconds: int
    over_budget: bool = False


Limits = Callable[[Principal], Mapping[str, Limit]]
T = TypeVar("T")


class _Account:
    __slots__ = ("at", "inside", "spent")

    def __init__(self, now: float) -> None:
        self.inside, self.spent, self.at = 0, 0.0, now

    def settle(self, now: float, work: float) -> None:
        """Forget what time has paid for."""
        self.spent = max(0.0, self.spent - max(0.0, now - self.at) * work / MINUTE)
        self.at = now


class Turn:
    """The places of one request. They are given back by :meth:`end`, at the latest when nothing holds the turn."""

    def __init__(self, turns: "Turns", principal: Principal, limits: Limits, credentials: tuple[bytes, ...]) -> None:
        self.principal, self.limits, self.credentials = principal, limits, credentials
        self.is_first = True  # no other request of the principal is underway
        self.began, self.waited = turns.clock(), 0.0  # in pauses, which are no work
        self.accounts: list[tuple[_Account, Limit]] = []
        self._turns = turns
        self._ended = False

    def worked(self, now: float) -> float:
        return now - self.began - self.waited

    def spend(self, seconds: float) -> None:
        self._turns.charge(self, seconds)

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._turns.leave(self)

    __del__ = end


class Turns:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._accounts: dict[str, _Account] = {}
        self._known: dict[bytes, Principal] = {}
        self._pages: WeakSet[Turn] = WeakSet()
        self._least: Any = array("d", [math.inf])  # of each process, see share
        self._process = 0
        self._moved = threading.Condition()  # of a reentrant lock: a forgotten turn may end within any line

    def principal_of(self, credentials: tuple[bytes, ...]) -> Principal | None:
        """Who brought one of these before, if it was recognized. The first says the tenant as well."""
        for place, credential in enumerate(credentials):
            if (known := self._known.get(credential)) is not None:
                return replace(known, tenant=None) if place else known
        return None

    def begin(self, principal: Principal, limits: Limits, credentials: tuple[bytes, ...] = ()) -> Turn | Refused:
        """A turn, where no account is full or over its budget. ``limits`` has the principal's own account first."""
        wanted = limits(principal)
        with self._moved:
            now = self.clock()
            for name, limit in wanted.items():
                account = self._account(name, now)
                account.settle(now, limit.work)
                if account.spent >= limit.work:
                    return Refused(1 + math.ceil((account.spent - limit.work) * MINUTE / limit.work), over_budget=True)
                if account.inside >= limit.at_once:
                    return Refused(1)
            turn = Turn(self, principal, limits, credentials)
            self._enter(turn, wanted, now)
            turn.is_first = turn.accounts[0][0].inside == 1
            return turn

    def recognize(self, turn: Turn, principal: Principal) -> None:
        """Count a turn for the principal that it turned out to be of, which is never refused any more."""
        with self._moved:
            # Any part of the site can be asked for: only one whose tenant was found is worth remembering.
            for credential in turn.credentials[0 if principal.tenant is not None else -1 :]:
                self._known[credential] = principal
            while len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
            if turn.principal != principal:
                turn.principal = principal
                self._give_places_back(turn)
                self._enter(turn, turn.limits(principal), self.clock())

    def charge(self, turn: Turn, seconds: float) -> None:
        with self._moved:
            now = self.clock()
            for account, limit in turn.accounts:
                account.settle(now, limit.work)
                if limit.work < math.inf:
                    account.spent = min(account.spent + seconds, limit.work * (1 + _MOST_OWED))

    def leave(self, turn: Turn) -> None:
        with self._moved:
            self._give_places_back(turn)
            self.end_page(turn)

    def share(self, processes: int) -> None:
        """Call it before forking: the processes then give way to each other's pages, too."""
        self._least = memoryview(mmap(-1, processes * 8)).cast("d")
        for process in range(processes):
            self._least[process] = math.inf

    def join(self, process: int) -> None:
        """Call it after forking, with the number of this process, from 0. What a process that died left is cleared."""
        self._process = process
        self._tell()

    def begin_page(self, turn: Turn) -> None:
        """From now on others give way to this turn."""
        with self._moved:
            self._pages.add(turn)
            self._tell()

    def end_page(self, turn: Turn) -> None:
        """Nobody need give way to this turn, or not any more."""
        with self._moved:
            if turn in self._pages:
                self._pages.discard(turn)
                self._tell()
                self._moved.notify_all()

    def give_way(self, turn: Turn, seconds: float, *, to_all: bool = False) -> None:
        """Wait for so long at most while pages are made of others that had :data:`MUCH_LESS` work than this principal;
        or, in this process, of any others: one thread at a time runs Python there."""
        with self._moved:
            until = time.monotonic() + seconds
            is_first = self._is_alone if to_all else self._is_lightest
            while not is_first(turn) and (left := until - time.monotonic()) > 0:
                self._moved.wait(min(left, _LOOKS_EVERY))

    def pause(self, turn: Turn) -> None:
        """Give way between parts of an answer, which takes three times as long at most because of it."""
        began = self.clock()
        self.give_way(turn, min(PAUSE, 2 * turn.worked(began) - turn.waited))
        turn.waited += self.clock() - began

    def _of_others(self, turn: Turn) -> list[Turn]:
        return [page for page in self._pages if page.principal.name != turn.principal.name]

    def _is_alone(self, turn: Turn) -> bool:
        return not self._of_others(turn)

    def _is_lightest(self, turn: Turn) -> bool:
        here = [self._spent(page) for page in self._of_others(turn)]
        elsewhere = [least for process, least in enumerate(self._least) if process != self._process]
        return min([*here, *elsewhere], default=math.inf) >= self._spent(turn) - MUCH_LESS

    def _tell(self) -> None:
        """Tell the other processes how little work somebody had whose page this one makes."""
        self._least[self._process] = min((self._spent(page) for page in self._pages), default=math.inf)

    def _spent(self, turn: Turn) -> float:
        """Seconds of work that its principal had of late, with this turn's own."""
        now, (account, limit) = self.clock(), turn.accounts[0]
        account.settle(now, limit.work)
        return account.spent + turn.worked(now)

    def forget(self) -> None:
        """Begin anew, as a process does."""
        with self._moved:
            self._accounts, self._known, self._pages = {}, {}, WeakSet()
            self._tell()

    def _account(self, name: str, now: float) -> _Account:
        if len(self._accounts) > MOST_KNOWN and name not in self._accounts:
            idle = [key for key, each in self._accounts.items() if not each.inside and now - each.at > 5 * MINUTE]
            for key in idle:
                del self._accounts[key]
        return self._accounts.setdefault(name, _Account(now))

    def _enter(self, turn: Turn, accounts: Mapping[str, Limit], now: float) -> None:
        turn.accounts = [(self._account(name, now), limit) for name, limit in accounts.items()]
        for account, _limit in turn.accounts:
            account.inside += 1

    def _give_places_back(self, turn: Turn) -> None:
        for account, _limit in turn.accounts:
            account.inside -= 1
        turn.accounts = []


TURNS = Turns()
_current: ContextVar[Turn | None] = ContextVar("ringbook_turn", default=None)


@contextmanager
def underway(turn: Turn) -> Iterator[None]:
    """Within it :func:`recognize` speaks of this turn."""
    token = _current.set(turn)
    try:
        yield
    finally:
        _current.reset(token)


def recognize(name: str = "", *, tenant: int | None = None, language: str = "") -> None:
    """The request that is answered turned out to be of this principal, or in this tenant. Nothing outside of one."""
    turn = _current.get()
    if turn is None:
        return
    was = turn.principal
    if name and name != was.name:
        was = Principal(name)
    told = replace(was, tenant=was.tenant if tenant is None else tenant, language=language or was.language)
    TURNS.recognize(turn, told)


def pause() -> None:
    """Before each part of a long answer, to let pages be made of those who had much less work."""
    turn = _current.get()
    if turn is not None:
        TURNS.pause(turn)


class Parts(list[T]):
    """Pauses before each of its items: for a template that makes a long part of an answer of each."""

    def __iter__(self) -> Iterator[T]:
        for item in super().__iter__():
            pause()
            yield item
