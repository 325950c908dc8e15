"""What every way of handing a file over has in common: what may go wrong, and the look at the clock meanwhile."""

import time
from collections.abc import Callable
from typing import IO

EVERY = 10.0  # seconds between two renewals of a claim


class NotTaken(Exception):
    """Nothing was handed over, or not all of it. ``reason`` is a word of ``reports.handover.words.REASONS``; ``reply``
    what the other side said, one line without a secret. ``for_good`` where another try would end the same.
    """

    def __init__(self, reason: str, reply: str = "", *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.reply, self.for_good = reason, reply, for_good


class Pulse:
    """Calls ``hold`` now and then while bytes are on their way; ``hold`` raises once the work is another's."""

    def __init__(self, hold: Callable[[], object]) -> None:
        self._hold, self._at = hold, time.monotonic()

    def beat(self) -> None:
        if time.monotonic() - self._at >= EVERY:
            self.now()

    def now(self) -> None:
        self._hold()
        self._at = time.monotonic()


class PulsingFile:
    """A file that is read while it is sent: each piece that is taken keeps the claim."""

    def __init__(self, file: IO[bytes], pulse: Pulse) -> None:
        self._file, self._pulse = file, pulse

    def read(self, size: int = -1) -> bytes:
        self._pulse.beat()
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
