"""What reading keeps while it goes on, what it came to, and the judgement of a window."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sync import windows
from sync.mirror import Closing
from sync.providers.base import Ask, Page, Part
from sync.providers.paging import Walk
from sync.records import AgentRecord, BrokenRecord, CallRecord, CampaignRecord, UnplacedRecord
from sync.taxonomy import Fault, Stream

_LISTED = {Stream.AGENTS: AgentRecord, Stream.CAMPAIGNS: CampaignRecord}


@dataclass(slots=True)
class Reading:
    """A window on its way: its walk, what the mirror knows of it, and what its answers said so far."""

    part: Part
    walk: Walk
    known: Mapping[bytes, str]
    read_at: datetime
    tries: int = 1  # walks
    begun: bool = False  # something was asked
    failed: dict[Ask, int] = field(default_factory=dict)  # requests that failed, and how often
    listed: set[str] = field(default_factory=set)  # ids that a list itself named, apart from those of its details
    unplaced: list[bytes] = field(default_factory=list)  # digests of elements without an id
    broken: set[str] = field(default_factory=set)  # keys of elements that can't be read
    in_day: set[str] = field(default_factory=set)  # ids of the part's own day
    strayed: bool = False  # an element of another day came in an exact answer
    told: bool = False  # the vendor said something; settings of ours are not it

    def take(self, ask: Ask, page: Page) -> None:
        """A chunk of the answer to ``ask``."""
        self.walk.take(ask, page)
        self.told = self.told or not ask.local
        wanted = _LISTED.get(self.part.stream)
        for record in page.records:
            if isinstance(record, CallRecord):
                self._check_day(record)
            elif isinstance(record, BrokenRecord):
                self.broken.add(record.external_id or f"?{record.digest.hex()}")
            elif isinstance(record, UnplacedRecord):
                self.unplaced.append(record.digest)
            elif wanted is not None and isinstance(record, wanted):
                self.listed.add(record.external_id)

    def _check_day(self, record: CallRecord) -> None:
        if self.part.day is None or record.started_at is None:
            return
        if record.started_at.date() == self.part.day:
            self.in_day.add(record.external_id)
        else:
            self.strayed = True

    def closing(self, had: Collection[str], blocked_until: datetime | None) -> Closing:
        """The verdict. ``had`` are the ids that the mirror holds of the part and that upstream had until now.

        A walk that is whole and yet shows hardly anything of what was there is not believed: see
        :func:`sync.windows.is_mass_absence`.
        """
        part, walk = self.part, self.walk
        shown = self.listed if part.stream in _LISTED else walk.keys
        gone = set(had) - shown if walk.whole else set()
        fault, detail = walk.fault, walk.detail
        if self.told and windows.is_mass_absence(len(had), len(gone)):
            fault, detail = Fault.VANISHED, f"{len(gone)} of the {len(had)} elements that were there are gone"
        return Closing(
            part=part,
            read_at=self.read_at,
            fault=fault,
            detail=detail,
            vendor_total=walk.total if part.stream == Stream.CALLS and not part.wide else None,
            # A wide answer holds the days beside it as well.
            keys=self.in_day | (shown & set(had)) if part.wide else shown,
            broken=self.broken,
            unplaced=self.unplaced,
            missing=gone,
            blocked_until=blocked_until,
        )


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
    detail: str = ""
    moved: bool = False  # settled windows changed while they were read
    stopped: bool = False  # budget, patience or time ended before the plan did
    busy: bool = False  # another process went on reading it

    def blame(self, fault: Fault | None, detail: str = "") -> None:
        """The first fault is the one that is told."""
        if self.fault is None:
            self.fault, self.detail = fault, detail

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
