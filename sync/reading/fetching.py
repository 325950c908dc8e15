"""Threads that fetch and read answers. They decide nothing and know no database."""

import logging
import queue
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any

from portal.lib.heap import share_one_heap
from sync.providers.access import Access
from sync.providers.base import Ask, Page, Provider
from sync.providers.errors import UpstreamError
from sync.providers.http import Http
from sync.providers.paging import Count
from sync.providers.room import Hold, Room
from sync.taxonomy import Fault

logger = logging.getLogger("ringbook.sync")

SIZE = 8  # fetchers of one reader
OUR_FAULT = "Ringbook itself failed at the answer. Its log says where."


@dataclass(frozen=True, slots=True)
class Answered:
    """A chunk of an answer. ``hold`` is to be ended when its records are written."""

    reading: Any
    ask: Ask
    page: Page
    asked_at: datetime
    hold: Hold


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer ended, whole."""

    reading: Any
    ask: Ask


@dataclass(frozen=True, slots=True)
class Failed:
    """``session`` says with which of the pool's sessions it was asked: an older one spoke with another token."""

    reading: Any
    ask: Ask
    error: UpstreamError
    session: int


Event = Answered | Finished | Failed


class Fetchers:
    """A pool for one pull, over one session with the vendor.

    ``access`` is called for each session. Where none can be made, every request fails with the reason.
    """

    def __init__(self, provider: Provider, access: Callable[[], Access], *, size: int | None = None) -> None:
        share_one_heap()
        self._provider = provider
        self._access = access
        self._size = size or SIZE
        self._pool = ThreadPoolExecutor(max_workers=self._size, thread_name_prefix="fetch")
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()  # as long as the room that pages hold allows
        self._room = Room()
        self._old: list[Http] = []  # sessions of a token that was replaced; requests may still be under way
        self._closing = False
        self._busy = 0
        self.session = 0
        self._http: Http | None = None
        self._refusal = UpstreamError(Fault.ADDRESS)
        self.renew()

    def __enter__(self) -> "Fetchers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drain()
        self._pool.shutdown()
        for session in (*self._old, self._http):
            if session is not None:
                session.close()

    @property
    def free(self) -> bool:
        return self._busy < SIZE

    @property
    def starved(self) -> bool:
        """A fetcher waits for room that only what is written gives back."""
        return self._room.is_wanted

    @property
    def busy(self) -> bool:
        return self._busy > 0

    def renew(self) -> None:
        """Speak with the token and settings as they are now, from the next request on."""
        if self._http is not None:
            self._old.append(self._http)
            self._http = None
        self.session += 1
        try:
            self._http = self._provider.session(self._access())
        except UpstreamError as error:
            self._refusal = error
        except ValueError as error:  # settings that can't serve
            self._refusal = UpstreamError(Fault.REFUSED, str(error))

    def send(self, reading: Any, ask: Ask, known: Mapping[bytes, str], asked_at: datetime) -> None:
        self._pool.submit(self._fetch, reading, ask, known, (self._http, self.session, asked_at))
        self._busy += 1

    def get(self, timeout: float) -> Event | None:
        """The next event, None when there is none in time."""
        try:
            event = self._events.get(timeout=timeout) if timeout > 0 else self._events.get_nowait()
        except queue.Empty:
            return None
        if not isinstance(event, Answered):
            self._busy -= 1
        return event

    def drain(self, *, at_once: bool = False) -> None:
        """Let go of what is under way; its answers are dropped. ``at_once``: without waiting for the vendor, whose
        connections are of no use afterwards."""
        self._closing = True
        if at_once:
            for session in (*self._old, self._http):
                if session is not None:
                    session.break_off()
        self._room.waive()
        while self.busy:
            self.get(1.0)
        self._room.clear()
        self._closing = False

    def _fetch(
        self, reading: Any, ask: Ask, known: Mapping[bytes, str], manner: tuple[Http | None, int, datetime]
    ) -> None:
        http, session, asked_at = manner
        try:
            if http is None or self._closing:
                raise self._refusal
            count = Count()  # here as well as in the walk: an endless answer has to end before it is all here
            with self._room.share() as share:
                for page in self._provider.read(ask, http, known):
                    if self._closing:
                        break
                    count.add(page.keys)
                    self._events.put(Answered(reading, ask, page, asked_at, share.hand_over(page.weight)))
            self._events.put(Finished(reading, ask))
        except UpstreamError as error:
            self._events.put(Failed(reading, ask, error, session))
        except Exception as error:  # noqa: BLE001 - the border of a thread: a fault of ours must not hang the reader
            # Where, and of what kind; its words may quote what the vendor sent.
            place = "".join(traceback.format_tb(error.__traceback__))
            logger.error("reading %s failed: %s\n%s", ask.path, error.__class__.__name__, place)
            self._events.put(Failed(reading, ask, UpstreamError(Fault.FORM, OUR_FAULT), session))
