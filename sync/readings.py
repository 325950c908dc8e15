"""What reading keeps while it goes on, and what it came to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sync.providers.base import Ask, Part
from sync.providers.paging import Walk
from sync.taxonomy import Fault, Stream


@dataclass(slots=True)
class Reading:
    """A window on its way: its walk, what the mirror knows of it, and what still waits to be written."""

    part: Part
    walk: Walk
    known: Mapping[bytes, str]
    read_at: datetime
    tries: int = 1  # walks
    asked: dict[Ask, int] = field(default_factory=dict)  # requests that failed, and how often
    list_keys: set[str] = field(default_factory=set)
    unplaced: list[bytes] = field(default_factory=list)
    broken: int = 0
    in_day: set[str] = field(default_factory=set)  # ids of the part's own day, when asked wider
    strayed: bool = False  # an element of another day came in an exact answer


@dataclass(slots=True)
class StreamReport:
    """What reading one stream came to. ``status``: complete, partial or failed."""

    status: str = "complete"
    seen: int = 0
    new: int = 0
    changed: int = 0
    quarantined: int = 0
    windows_complete: int = 0
    windows_incomplete: int = 0
    requests: int = 0
    fault: Fault | None = None
    moved: bool = False  # settled windows changed while they were read
    stopped: bool = False  # budget, patience or time ended before the plan did

    def as_json(self) -> dict[str, object]:
        names = (
            "status",
            "seen",
            "new",
            "changed",
            "quarantined",
            "windows_complete",
            "windows_incomplete",
            "requests",
        )
        return {name: getattr(self, name) for name in names}


Progress = Callable[[Stream, int, int, int], None]  # stream, windows done, windows planned, elements seen
