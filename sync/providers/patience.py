"""How long a vendor is waited for: until an answer begins, between its bytes, for all of it, and how slow it may be.

The clock runs while the vendor has the turn. It stands still while what came is read, waits for room or for the
writer: a slow database is no fault of the vendor's.
"""

import time
from collections import deque

from sync.providers import limits
from sync.providers.errors import UpstreamError
from sync.providers.limits import Expected
from sync.taxonomy import Fault

_MARKS = 10  # of the sliding span: a mark each tenth
_TICK = 0.005  # seconds by which a clock may call too early


class Patience:
    """That for one request, begun now. Every method that finds it at its end raises UpstreamError, mostly TIMEOUT."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self._used = 0.0
        self._since: float | None = time.monotonic()  # None: the clock stands still
        self._begun = False  # status and headers are there
        self._received = 0  # bytes from the socket
        self._delivered = 0  # bytes of content
        self._marks: deque[tuple[float, int]] = deque()  # seconds and bytes received by then

    @property
    def seconds(self) -> float:
        """That the vendor had so far."""
        return self._used if self._since is None else self._used + time.monotonic() - self._since

    def pause(self) -> None:
        self._used, self._since = self.seconds, None

    def go_on(self) -> None:
        self._since = time.monotonic()

    def connecting(self) -> float:
        """Seconds that a connection may take."""
        return min(limits.CONNECT_SECONDS, self.left())

    def left(self) -> float:
        """Seconds that the next byte may take."""
        used, expected = self.seconds, self._expected
        left = expected.seconds - used
        left = min(left, limits.SILENCE_SECONDS if self._begun else expected.first_byte - used)
        if left <= 0:
            raise self.ended()
        return left

    def ended(self) -> UpstreamError:
        """What to say when the next byte did not come in :meth:`left` seconds."""
        used, expected = self.seconds + _TICK, self._expected
        if used >= expected.seconds:
            detail = f"The whole answer took longer than {expected.seconds:,.0f} seconds."
        elif not self._begun and used >= expected.first_byte:
            detail = f"The answer did not begin within {expected.first_byte:,.0f} seconds."
        else:
            detail = f"Nothing came for {limits.SILENCE_SECONDS:,.0f} seconds."
        return UpstreamError(Fault.TIMEOUT, detail)

    def begin(self) -> None:
        """The answer's head is there."""
        self._begun = True

    def receive(self, count: int) -> None:
        """So many bytes came over the line. Raises TOO_LARGE when hardly any of it all is content."""
        self._received += count
        if self._received > limits.JUNK_BYTES + 2 * self._delivered:
            raise UpstreamError(Fault.TOO_LARGE, "The answer is made of anything but content.")
        if self._begun:
            self._check_rate()

    def deliver(self, count: int) -> None:
        """So many bytes of content were made of it. Raises TOO_LARGE when they are too many for what came."""
        self._delivered += count
        if self._delivered > limits.PACKED_BYTES + limits.UNPACKED_TIMES * self._received:
            detail = f"The answer is compressed more than {limits.UNPACKED_TIMES} times."
            raise UpstreamError(Fault.TOO_LARGE, detail)

    def _check_rate(self) -> None:
        now, span, marks = self.seconds, limits.SLOW_SECONDS, self._marks
        if not marks or now - marks[-1][0] >= span / _MARKS:
            marks.append((now, self._received))
        while len(marks) > 1 and marks[1][0] <= now - span:
            marks.popleft()
        since, received = marks[0]
        if now - since >= span and self._received - received < limits.SLOW_RATE * (now - since):
            raise UpstreamError(Fault.TIMEOUT, f"The answer came more slowly than {limits.SLOW_RATE:,} bytes a second.")
