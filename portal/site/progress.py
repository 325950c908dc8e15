"""A progress bar on a terminal, and silence anywhere else."""

import sys
import time
from typing import TextIO

WIDTH = 28
PAUSE = 0.1  # seconds between two drawings


class Bar:
    """One line that is drawn over and over: what is being done, how far it is, what came of it."""

    def __init__(self, out: TextIO = sys.stderr) -> None:
        self._out = out
        self._shown = out.isatty()
        self._drawn = 0.0

    def draw(self, label: str, done: int, planned: int, note: str = "") -> None:
        now = time.monotonic()
        if not self._shown or (done < planned and now - self._drawn < PAUSE):
            return
        self._drawn = now
        filled = WIDTH * done // planned if planned else WIDTH
        self._out.write(f"\r\x1b[2K{label:<28} {'█' * filled}{'░' * (WIDTH - filled)} {note}")
        self._out.flush()

    def end(self) -> None:
        """Leave the line as it is and go on below it."""
        if self._shown and self._drawn:
            self._out.write("\n")
            self._out.flush()
        self._drawn = 0.0
