"""Room in memory that all answers under way share, so that many heavy ones cost no more than one.

An answer is light until it proves otherwise. A light one is read without asking, and what was made of it waits until
it fits into the queue. A heavy one takes room for the worst it may grow to before its next byte is read, and what was
made of it keeps that until it is written. Whoever waits holds nothing, and whoever holds something waits for the
vendor or for the writer alone: so nobody waits for ever.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from threading import Condition
from types import TracebackType

from sync.providers import limits


class Account:
    """``size`` bytes for many threads. More fit only where nothing is held: the largest thing has to pass as well."""

    def __init__(self, size: int) -> None:
        self.held = 0
        self.waiting = 0  # threads that wait
        self._size = size
        self._changed = Condition()
        self._waived = False

    def take(self, count: int) -> None:
        """Waits until ``count`` bytes fit."""
        with self._changed:
            self.waiting += 1
            self._changed.wait_for(lambda: self._waived or not self.held or self.held + count <= self._size)
            self.waiting -= 1
            self.held += count

    def give(self, count: int) -> None:
        """Give back what was taken, in any parts."""
        with self._changed:
            self.held = max(self.held - count, 0)
            self._changed.notify_all()

    def waive(self) -> None:
        """Let everybody pass who waits: what they bring is thrown away."""
        with self._changed:
            self._waived = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Nothing is held any more, and the bound holds again."""
        with self._changed:
            self.held, self._waived = 0, False
            self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Hold:
    """Bytes of an account that went from the answer to whoever writes what was made of it."""

    account: Account
    weight: int

    def end(self) -> None:
        """It is written, or thrown away."""
        self.account.give(self.weight)


class Room:
    """What the answers of one pull share."""

    def __init__(self) -> None:
        self.heavy = Account(limits.HEAVY_BYTES)
        self.queue = Account(limits.QUEUE_BYTES)

    @property
    def is_wanted(self) -> bool:
        """Somebody waits: what is held had better be written now than later."""
        return self.heavy.waiting > 0 or self.queue.waiting > 0

    def share(self) -> "Share":
        return Share(self)

    def waive(self) -> None:
        """Let everybody pass, until :meth:`clear`: what is under way is thrown away."""
        self.heavy.waive()
        self.queue.waive()

    def clear(self) -> None:
        self.heavy.clear()
        self.queue.clear()


class Share:
    """What one answer holds. Inside ``with`` it is that of the running thread, and :func:`reserve` asks it."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0

    def reserve(self, count: int) -> None:
        """Hold ``count`` bytes of the heavy account. What was held is given back before more is waited for."""
        if count > self._held:
            self._room.heavy.give(self._held)
            self._held = 0
            self._room.heavy.take(count)
        else:
            self._room.heavy.give(self._held - count)
        self._held = count

    def hand_over(self, weight: int) -> Hold:
        """What was made of the answer so far is the receiver's now; of a light one, as soon as it fits."""
        if self._held:
            self._room.heavy.give(self._held - weight)
            self._held = 0
            return Hold(self._room.heavy, weight)
        self._room.queue.take(weight)
        return Hold(self._room.queue, weight)

    def __enter__(self) -> "Share":
        self._token = _SHARE.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _SHARE.reset(self._token)
        self._room.heavy.give(self._held)


_SHARE: ContextVar[Share | None] = ContextVar("share", default=None)


def reserve(count: int) -> None:
    """Room for the heavy answer that this thread reads. One that is read alone, as a test of a token is, needs none."""
    share = _SHARE.get()
    if share is not None:
        share.reserve(count)
