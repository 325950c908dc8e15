"""Keeps the programs of a portal running on one machine, and ends them together.

The supervisor holds the listening socket, so that a port in use is noticed before anything is started and a web server
that dies loses no connection. Workers and beat start when the first page answers: a reader waits for nothing else.
"""

import errno
import http.client
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from django.conf import settings

from portal.site import programs
from portal.site.broker import Broker, BrokerError
from portal.site.children import Child, Program

ENDS_WITHIN = 29.0  # seconds for all children; the broker may take five more, and 35 are promised
BROKER_CHECK = 5.0
ANSWERS_WITHIN = 60.0


class AddressError(Exception):
    """The address cannot be listened on; the text is one sentence."""


class Stop(BaseException):
    """SIGTERM or SIGINT came while :meth:`Supervisor.working`; :class:`Supervisor` catches it."""


def listen(bind: str) -> socket.socket:
    """A listening socket for ``host:port``; raises :class:`AddressError`."""
    host, _, port = bind.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (host and port.isascii() and port.isdecimal() and int(port) < 65536):
        raise AddressError(f"{bind} is not an address: it is written like 127.0.0.1:8000.")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, int(port)), family=family, backlog=512)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressError(f"{bind} is in use by another program.") from error
        raise AddressError(f"{bind} cannot be listened on: {error.strerror}.") from error


class Supervisor:
    """A context: whatever was started in it has ended when it is left, and a signal leaves it quietly.

    ``say`` gets a sentence whenever a program dies. A second signal ends everything at once.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._signals = 0
        self._working = False
        self._children: list[Child] = []
        self._broker = Broker(settings.BROKER_SOCKET, settings.DATA_DIR / "broker")
        self._broker_news = ""
        self._handlers: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._end()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        return isinstance(error, Stop)

    @property
    def asked_to_end(self) -> bool:
        return self._signals > 0

    def ensure_broker(self) -> None:
        """Start the embedded broker where it is the one in use and does not answer; raises BrokerError."""
        if settings.EMBEDDED_BROKER:
            self._broker.ensure()

    def start(self, *several: Program) -> None:
        for program in several:
            if not self.asked_to_end:
                child = Child(program)
                self._children.append(child)
                child.start()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work of the supervisor's own, which a signal breaks off by raising :class:`Stop` in it."""
        self._working = True
        try:
            if self.asked_to_end:
                raise Stop
            yield
        finally:
            self._working = False

    def serve(self, listener: socket.socket, *, web: int, workers: int, ready: Callable[[], None]) -> None:
        """Run the site until a signal; ``ready`` is called when the first page answers. Raises CrashLoop."""
        self.start(programs.web(listener, web))
        if self._await_page(listener):
            ready()
        self.start(programs.workers(workers), programs.beat())
        checked = time.monotonic()
        while not self.asked_to_end:
            time.sleep(0.2)
            self.tend()
            if time.monotonic() - checked >= BROKER_CHECK:
                self._tend_broker()
                checked = time.monotonic()

    def tend(self) -> None:
        """Start anew what died; raises CrashLoop when that no longer helps."""
        for child in self._children:
            news = child.tend()
            if news:
                self._say(news)

    def _tend_broker(self) -> None:
        """Pages are served without a broker, and no obligation is lost: what is wrong with it is told, once."""
        news = ""
        try:
            self.ensure_broker()
        except BrokerError as error:
            news = str(error)
        if news and news != self._broker_news:
            self._say(news)
        self._broker_news = news

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        if self._working:
            self._working = False
            raise Stop

    def _await_page(self, listener: socket.socket) -> bool:
        """Wait until the page answers; any answer will do. False when asked to end, or after a minute."""
        host, port = listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        deadline = time.monotonic() + ANSWERS_WITHIN
        while not self.asked_to_end and time.monotonic() < deadline:
            self.tend()
            if _answers(host, port):
                return True
            time.sleep(0.1)
        return False

    def _end(self) -> None:
        signals = self._signals
        for child in self._children:
            child.terminate()
        deadline = time.monotonic() + ENDS_WITHIN
        while any(child.running for child in self._children) and time.monotonic() < deadline:
            if self._signals > max(signals, 1):
                break
            time.sleep(0.05)
        for child in self._children:
            child.kill()
        self._broker.stop()


def _answers(host: str, port: int) -> bool:
    page = http.client.HTTPConnection(host, port, timeout=2.0)
    try:
        page.request("GET", "/livez")
        page.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        page.close()
