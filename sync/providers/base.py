"""What a vendor is to us: form fields, streams, the requests that read a part, and readers that make records.

A provider holds no state and no connection. The runner decides when a request may leave and what follows a failure;
a provider only says which requests there are (:class:`Ask`) and turns one answer into :class:`Page` chunks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from sys import getsizeof
from types import MappingProxyType
from typing import Protocol

from sync.providers import limits
from sync.providers.access import Access
from sync.providers.http import Http
from sync.records import BrokenRecord, Record
from sync.taxonomy import Fact, Stream

NOTHING: Mapping[bytes, str] = MappingProxyType({})  # no call is known


@dataclass(frozen=True, slots=True)
class FormField:
    """A setting a provider asks for when a connection is added; builds the form and checks ``--set KEY=VALUE``.

    One that ``carries_token`` decides in which form the token leaves, so a change of it demands the token anew. One of
    ``many`` entries is written with commas between, and shown one a line.
    """

    key: str
    label: str
    help: str = ""
    required: bool = False
    default: str = ""
    carries_token: bool = False
    many: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """What one window reads: ``key`` is ``2026-11-20``, ``agent:7`` or ``all``. ``wide`` asks a day more each side."""

    stream: Stream
    key: str
    day: date | None = None
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """One GET below the base address. ``kind`` names the reader within the provider.

    ``paged`` answers promise a total and further pages. An ``optional`` ask may fail with 403, 404 or 422 without
    making its window incomplete. A ``local`` one is answered from the settings: nothing is sent, no request is spent.
    """

    kind: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    page: int = 1
    paged: bool = False
    optional: bool = False
    local: bool = False

    def at(self, page: int) -> "Ask":
        return replace(self, page=page)


@dataclass(slots=True)
class Page:
    """A chunk of an answer: one page of a list, or some elements of a streamed array.

    ``keys`` are the ids of all elements, broken ones included, in order; an element without an id has ``?`` and the hex
    of its digest. ``total`` and ``last_page`` are what the vendor said. An unpaged answer leaves both None.
    """

    records: list[Record]
    keys: list[str]
    total: int | None = None
    last_page: int | None = None

    @property
    def weight(self) -> int:
        """The bytes of memory that the records take, about."""
        return sum(getsizeof(record.raw) for record in self.records) + len(self.records) * limits.RECORD_BYTES


class Provider(Protocol):
    key: str
    label: str
    base_url: str  # where its own service is; "" where each customer has a host of their own
    base_path: str  # with which a base address ends
    credential_hint: str  # where a person finds the token
    fields: tuple[FormField, ...]
    streams: tuple[Stream, ...]
    daily: frozenset[Stream]  # streams that are read by UTC day; the others by agent or whole
    facts: frozenset[Fact]  # what it tells; a metric that needs another fact is not measurable there
    needs_token: bool  # whether a connection without a token is refused at once
    settles_hours: (
        int | None
    )  # an ``answered`` call is over and connected that long after its start; None: once it ends

    def check_settings(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The settings with defaults filled in; raises ValueError with one sentence when they can't serve."""

    def session(self, access: Access) -> Http:
        """The door to this vendor: its header that carries the token, its deadline. Use it in ``with``.

        It is the only way an :class:`Http` is made: only the vendor knows the header's name and form. Threads may share
        it. Raises UpstreamError(ADDRESS) for a base address that may not be asked.
        """

    def check(self, http: Http) -> None:
        """Prove that address and token serve, with one request; raises UpstreamError."""

    def parts(self, stream: Stream, settings: Mapping[str, str], days: Sequence[date]) -> list[Part]:
        """The parts of a stream: one for each of ``days``, or all there are when the stream is not daily."""

    def asks(self, part: Part, settings: Mapping[str, str]) -> list[Ask]:
        """The requests a part begins with."""

    def follow(self, part: Part, ask: Ask, page: Page) -> list[Ask]:
        """Requests that an answer calls for besides its next pages: the detail of each campaign, say."""

    def read(self, ask: Ask, http: Http, known: Mapping[bytes, str] = NOTHING) -> Iterator[Page]:
        """Send the request and read the answer; raises UpstreamError. Bad elements become BrokenRecord.

        ``known`` maps digests of mirrored calls to their ids: an element of a known digest is unchanged, so only its id
        goes into ``Page.keys``, and neither is it normalised nor a record made. That is what makes a re-read cheap.
        """

    def reread(self, element: BrokenRecord, settings: Mapping[str, str]) -> Record:
        """Read the kept text of an element once more; raises Unreadable, as it may after no upgrade."""

    def count(self, day: date, http: Http) -> int | None:
        """The vendor's own number of calls of a UTC day, None where it has none."""
