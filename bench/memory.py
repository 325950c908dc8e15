"""How much memory a process took above a moment of its own.

``getrusage`` will not do: its peak is inherited through fork and exec, so a large parent hides a child's growth.
"""

from pathlib import Path


def _read(name: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


def resident() -> float:
    """What the process holds now, in megabytes."""
    return _read("VmRSS")


class Growth:
    """From its making on; megabytes. Linux only."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
        self.idle = _read("VmRSS")

    def peak(self) -> float:
        return _read("VmHWM") - self.idle
