"""Threads that fetch and read answers. They decide nothing and know no database."""

import logging
import queue
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from sync.providers.base import Access, Ask, Page, Provider, UpstreamError
from sync.providers.http import Http
from sync.taxonomy import Fault

logger = logging.getLogger("ringbook.sync")

SIZE = 8  # fetchers of one reader
WAITING = 12  # chunks that may wait for the writer: bounds the memory of a streamed answer


@dataclass(frozen=True, slots=True)
class Answered:
    """A chunk of an answer."""

    reading: Any
    ask: Ask
    page: Page
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer ended, whole."""

    reading: Any
    ask: Ask


@dataclass(frozen=True, slots=True)
class Failed:
    reading: Any
    ask: Ask
    error: UpstreamError


Event = Answered | Finished | Failed


class Fetchers:
    """A pool for one pull, over one session."""

    def __init__(self, provider: Provider, access: Access) -> None:
        self._provider = provider
        self._pool = ThreadPoolExecutor(max_workers=SIZE, thread_name_prefix="fetch")
        self._events: queue.Queue[Event] = queue.Queue(maxsize=WAITING)
        self._http = provider.session(access)
        self._old: list[Http] = []  # sessions of a token that was replaced; requests may still be under way
        self._closing = False
        self._busy = 0

    def __enter__(self) -> "Fetchers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drain()
        self._pool.shutdown()
        for session in (*self._old, self._http):
            session.close()

    @property
    def free(self) -> bool:
        return self._busy < SIZE

    @property
    def busy(self) -> bool:
        return self._busy > 0

    def use(self, access: Access) -> None:
        """Speak with another token from the next request on."""
        self._old.append(self._http)
        self._http = self._provider.session(access)

    def send(self, reading: Any, ask: Ask, known: Mapping[bytes, str]) -> None:
        self._busy += 1
        self._pool.submit(self._fetch, reading, ask, known, self._http)

    def get(self, timeout: float) -> Event | None:
        """The next event, None when there is none in time."""
        try:
            event = self._events.get(timeout=timeout) if timeout > 0 else self._events.get_nowait()
        except queue.Empty:
            return None
        if not isinstance(event, Answered):
            self._busy -= 1
        return event

    def drain(self) -> None:
        """Let go of what is under way; its answers are dropped."""
        self._closing = True
        while self.busy:
            self.get(1.0)
        self._closing = False

    def _fetch(self, reading: Any, ask: Ask, known: Mapping[bytes, str], http: Http) -> None:
        asked_at = datetime.now(UTC)
        try:
            for page in self._provider.read(ask, http, known):
                if self._closing:
                    break
                self._events.put(Answered(reading, ask, page, asked_at))
            self._events.put(Finished(reading, ask))
        except UpstreamError as error:
            self._events.put(Failed(reading, ask, error))
        except Exception as error:  # the border of a thread: a fault of ours must not hang the reader
            logger.exception("reading %s failed", ask.path)
            self._events.put(Failed(reading, ask, UpstreamError(Fault.FORM, error.__class__.__name__)))
