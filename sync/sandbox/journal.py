"""What was asked of the sandbox and when; on request also every version of each call that was served."""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Entry:
    """``at`` is monotonic seconds, ``when`` Unix seconds. ``tenant`` owns the token, "" for a wrong one."""

    at: float
    when: float
    vendor: str
    tenant: str
    method: str
    path: str
    params: dict[str, str]
    status: int
    fault: str  # what was made to go wrong, empty for nothing


class Journal:
    def __init__(self, *, keep_versions: bool = False) -> None:
        self.keep_versions = keep_versions
        self.entries: list[Entry] = []
        self.versions: dict[str, list[bytes]] = {}  # call id: each body served, in order, without repeats in a row
        self._lock = Lock()

    def add(self, entry: Entry) -> None:
        with self._lock:
            self.entries.append(entry)

    def served(self, calls: Iterable[tuple[str, bytes]]) -> None:
        if not self.keep_versions:
            return
        with self._lock:
            for call_id, body in calls:
                versions = self.versions.setdefault(call_id, [])
                if not versions or versions[-1] != body:
                    versions.append(body)

    def clear(self) -> None:
        with self._lock:
            self.entries.clear()
            self.versions.clear()

    def busiest_minute(self, tenant: str = "", vendor: str = "") -> int:
        """The most requests within any 60 seconds, health probes left out."""
        with self._lock:
            times = sorted(
                entry.at
                for entry in self.entries
                if not entry.path.endswith("/health") and tenant in ("", entry.tenant) and vendor in ("", entry.vendor)
            )
        most = first = 0
        for last, moment in enumerate(times):
            while moment - times[first] >= 60:
                first += 1
            most = max(most, last - first + 1)
        return most
