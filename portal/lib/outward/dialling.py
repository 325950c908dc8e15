"""Connections that go to checked addresses only and end at a deadline, whatever the far side does.

``requests`` gives a session its manners, but no total deadline, and it looks a name up again behind any check made
before. Both are settled here, at the socket: the connection dials what ``addresses`` allowed while certificate, SNI and
Host keep the name, and every read from the socket, of headers as well as of the body, knows how long it may still wait.
"""

import functools
import http.client
import io
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import SplitResult
from weakref import WeakSet

import certifi
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from portal.lib.outward.addresses import Place, places
from portal.lib.outward.errors import Obstacle, Unreachable
from portal.lib.outward.trials import hold, within

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CA_FILE = certifi.where()
POOLED = 16  # connections kept; as many threads may share a session without dialling anew
_TRIES = 3  # addresses tried before giving up
_BUFFER = 64 * 1024


class Waits(Protocol):
    """How long one request may wait. Whoever sends it raises errors of his own."""

    def connecting(self) -> float:
        """Seconds that a connection may take."""
        ...

    def left(self) -> float:
        """Seconds that the next byte may take; raises when there are none."""
        ...

    def ended(self) -> Exception:
        """What to raise when it did not come."""
        ...

    def receive(self, count: int) -> None:
        """So many bytes came; raises when they are too many."""
        ...


# That of the request which this thread is sending. The answer takes it along.
PATIENCE: ContextVar[Waits] = ContextVar("patience")


def dial(addresses: Sequence[Place], seconds: Callable[[], float], options: Iterable[Any] = ()) -> socket.socket:
    """A socket that is connected to one of the first addresses; ``seconds`` says how long the next one may take.

    Raises OSError, that of the last one tried.
    """
    failure = OSError("no address")
    for family, sockaddr in addresses[:_TRIES]:
        patience = within(seconds())
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            for option in options:
                sock.setsockopt(*option)
            sock.settimeout(patience)
            sock.connect(sockaddr)
        except OSError as error:
            sock.close()
            failure = error
        else:
            hold(sock)
            return sock
    raise failure


class _TimedSocket(io.RawIOBase):
    """Reads a socket for as long as the request's patience lasts."""

    def __init__(self, sock: socket.socket, patience: Waits) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)  # keeps the socket open for as long as the answer is read
        self._patience = patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        self._sock.settimeout(within(self._patience.left()))
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            within(0)  # raises where it was the trial that ended
            raise self._patience.ended() from None
        self._patience.receive(count or 0)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
            super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedSocket(sock, PATIENCE.get()), _BUFFER)


class _OpenConnections:
    """The connections of a session, to be broken off from another thread."""

    def __init__(self) -> None:
        self._every: WeakSet[HTTPConnection] = WeakSet()
        self._lock = Lock()

    def add(self, connection: HTTPConnection) -> None:
        with self._lock:
            self._every.add(connection)

    def break_off(self) -> None:
        with self._lock:
            every = list(self._every)
        for connection in every:
            with suppress(OSError, AttributeError):  # closed, or not open yet
                connection.sock.shutdown(socket.SHUT_RDWR)


class _Checked(HTTPConnection):
    """A connection that dials checked addresses."""

    response_class = _TimedResponse

    def __init__(self, *args: Any, opened: _OpenConnections, allow_private: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._allow_private = allow_private
        opened.add(self)

    def _new_conn(self) -> socket.socket:
        try:
            allowed = places(
                self._dns_host, self.port, allow_private=self._allow_private, seconds=PATIENCE.get().connecting()
            )
            sock = dial(allowed, PATIENCE.get().connecting, self.socket_options or ())
            sock.settimeout(within(PATIENCE.get().connecting()))  # for all of the TLS handshake
            return sock
        except TimeoutError:
            raise Unreachable(Obstacle.TIMEOUT, "The connection was not made in time.") from None
        except OSError as error:
            raise Unreachable(
                Obstacle.NETWORK,
                f"The connection was not made: {error.strerror}." if error.strerror else "The connection was not made.",
            ) from None


class _CheckedTls(_Checked, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Checked


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedTls


@functools.cache
def _tls(ca_file: str) -> ssl.SSLContext:
    """Verifying, and made once: reading the authorities takes longer than an answer."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class OneHost(HTTPAdapter):
    """The adapter of one base address: whatever is asked, nothing but its host is ever dialled. Retries nothing."""

    def __init__(self, base: SplitResult, *, allow_private: bool) -> None:
        super().__init__(max_retries=0)
        host = base.hostname or ""
        self._opened = _OpenConnections()
        options: dict[str, Any] = {"maxsize": POOLED, "allow_private": allow_private, "opened": self._opened}
        if base.scheme == "https":
            options["ssl_context"] = _tls(CA_FILE)
            self._pool: HTTPConnectionPool = _TlsPool(host, base.port or 443, **options)
        else:
            self._pool = _Pool(host, base.port or 80, **options)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing to set on the connection: the pool's own context verifies, and can't be told not to."""

    def request_url(self, request: PreparedRequest, proxies: object) -> str:
        return request.path_url

    def break_off(self) -> None:
        """End what is under way: whoever waits for the answer sees the connection break."""
        self._opened.break_off()

    def close(self) -> None:
        self._pool.close()
