"""What reading keeps while it goes on, what it came to, and the judgement of a window."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from sync import windows
from sync.mirror import Closing
from sync.providers.base import Ask, Page, Part
from sync.providers.paging import Walk
from sync.providers.tolerant import key_of
from sync.records import AgentRecord, BrokenRecord, CallRecord, CampaignRecord, Mark, UnplacedRecord
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
    asked: dict[Ask, float] = field(default_factory=dict)  # requests that left, and when first, on the monotonic clock
    failed: dict[Ask, int] = field(default_factory=dict)  # requests that failed, and how often
    listed: set[str] = field(default_factory=set)  # ids that a list itself named, apart from those of its details
    unplaced: list[bytes] = field(default_factory=list)  # digests of elements without an id
    aside: dict[Ask, Counter[Mark]] = field(default_factory=dict)  # elements that can't be read, by request
    nameless: set[Mark] = field(default_factory=set)  # those of them without an id
    broken_keys: set[str] = field(default_factory=set)
    in_day: set[str] = field(default_factory=set)  # ids of the part's own day
    strayed: bool = False  # an element of another day came in an exact answer
    answered: bool = False  # the vendor said something; settings of ours are not it

    def begin(self, ask: Ask, now: float) -> None:
        """``ask`` leaves, maybe once more: what its answer held when it broke off is not counted twice."""
        self.asked.setdefault(ask, now)
        self.aside.pop(ask, None)

    def take(self, ask: Ask, page: Page) -> None:
        """A chunk of the answer to ``ask``."""
        self.walk.take(ask, page)
        self.answered = self.answered or not ask.local
        record_type = _LISTED.get(self.part.stream)
        broken = []
        for record in page.records:
            if isinstance(record, CallRecord):
                self._check_day(record)
            elif isinstance(record, BrokenRecord):
                broken.append(record)
            elif isinstance(record, UnplacedRecord):
                self.unplaced.append(record.digest)
            elif record_type is not None and isinstance(record, record_type):
                self.listed.add(record.external_id)
        if broken:
            page.records = [record for record in page.records if not isinstance(record, BrokenRecord)]
            page.records += [self._set_aside(ask, record) for record in broken if self._is_here(record)]

    def _is_here(self, record: BrokenRecord) -> bool:
        """Whether a broken element counts for this window: one of another day, in a wide answer, does for its own."""
        return not (self.part.wide and record.started_at and record.started_at.date() != self.part.day)

    def _set_aside(self, ask: Ask, record: BrokenRecord) -> BrokenRecord:
        """Note a broken element, and return it with its window."""
        part, mark = self.part, (record.kind, record.digest)
        self.broken_keys.add(record.external_id or key_of(record.digest))
        if not record.external_id:
            self.nameless.add(mark)
        self.aside.setdefault(ask, Counter())[mark] += 1
        began = record.started_at.date() if record.started_at and part.stream == Stream.CALLS else None
        return replace(record, stream=str(part.stream), part=part.key, day=part.day or began)

    def broken(self) -> dict[Mark, int]:
        """Elements that can't be read, and how many there are of each: equal ones without an id are several."""
        counted = sum(self.aside.values(), Counter())
        return {mark: count if mark in self.nameless else 1 for mark, count in counted.items()}

    def _check_day(self, record: CallRecord) -> None:
        if self.part.day is None or record.started_at is None:
            return
        if record.started_at.date() == self.part.day:
            self.in_day.add(record.external_id)
        else:
            self.strayed = True

    def closing(self, had: Collection[str], blocked_until: datetime | None, accepted: Collection[Mark] = ()) -> Closing:
        """The verdict. ``had`` are the ids that the mirror holds of the part and that upstream had until now;
        ``accepted`` are broken elements that a person took for no call.

        A walk that is whole and yet shows hardly anything of what was there is not believed: see
        :func:`sync.windows.is_mass_absence`. While an element can't even be told by an id, nothing counts as gone: it
        may be any of those that seem to be.
        """
        part, walk = self.part, self.walk
        shown = self.listed if part.stream in _LISTED else walk.keys - self.broken_keys
        proves = walk.whole and self.nameless <= set(accepted)
        gone = set(had) - shown - self.broken_keys if proves else set()
        fault, detail = walk.fault, walk.detail
        if self.answered and windows.is_mass_absence(len(had), len(gone)):
            fault, detail = Fault.VANISHED, f"{len(gone)} of the {len(had)} elements that were there are gone"
        return Closing(
            part=part,
            read_at=self.read_at,
            fault=fault,
            detail=detail,
            vendor_total=walk.total if part.stream == Stream.CALLS and not part.wide else None,
            # A wide answer holds the days beside it as well.
            readable=len(self.in_day | (shown & set(had)) if part.wide else shown),
            broken=self.broken(),
            unreadable=sum(count for mark, count in self.broken().items() if mark not in accepted),
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
    quarantined: int = 0  # elements of the windows read that can't be understood, accepted ones apart
    windows_complete: int = 0
    windows_incomplete: int = 0
    requests: int = 0
    fault: Fault | None = None
    detail: str = ""
    moved: bool = False  # settled windows changed while they were read
    stopped: bool = False  # budget, patience or time ended before the plan did
    busy: bool = False  # another process went on reading it
    unreadable: list[dict[str, object]] = field(default_factory=list)  # the first of ``quarantined``, named

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
        result = {name: getattr(self, name) for name in names}
        return result | ({"unreadable": self.unreadable} if self.unreadable else {})


Progress = Callable[[Stream, int, int, int], None]  # stream, windows done, windows planned, elements seen
