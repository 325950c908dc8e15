"""Connections that go to checked addresses only and end at a deadline, whatever the far side does.

``requests`` gives a session its manners, but no total deadline, and it looks a name up again behind any check made
before. Both are settled here, at the socket: the connection dials what ``addresses`` allowed while certificate, SNI and
Host keep the name, and every read from the socket, of headers as well as of the body, knows how long it may still wait.
"""

import functools
import http.client
import io
import math
import socket
import ssl
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult

import certifi
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sync.providers.addresses import places
from sync.providers.base import UpstreamError
from sync.taxonomy import Fault

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# When the request that this thread is sending must be over, on the monotonic clock. The answer takes it along.
DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)

CA_FILE = certifi.where()
POOLED = 16  # connections kept; as many threads may share a session without dialling anew
_TRIES = 3  # addresses tried before giving up
_BUFFER = 64 * 1024


def seconds_left(deadline: float) -> float:
    """Raises TimeoutError when nothing is left."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("The whole answer took too long.")
    return left


class _TimedSocket(io.RawIOBase):
    """Reads a socket until the deadline. One read waits no longer than the socket's own timeout either."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)  # keeps the socket open for as long as the answer is read
        self._deadline = deadline
        self._patience = sock.gettimeout() or math.inf

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        left = seconds_left(self._deadline)
        if left < self._patience:
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
            super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedSocket(sock, DEADLINE.get()), _BUFFER)


class _Checked(HTTPConnection):
    """A connection that dials checked addresses."""

    response_class = _TimedResponse

    def __init__(self, *args: Any, allow_private: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._allow_private = allow_private

    def _new_conn(self) -> socket.socket:
        patience = float(self.timeout or math.inf)
        try:
            allowed = min(patience, seconds_left(DEADLINE.get()))
            found = places(self._dns_host, self.port, allow_private=self._allow_private, seconds=allowed)
            return self._dial(found[:_TRIES], patience)
        except TimeoutError:
            raise UpstreamError(Fault.TIMEOUT, "The connection was not made in time.") from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise UpstreamError(Fault.NETWORK, f"The connection was not made: {reason}.") from None

    def _dial(self, found: list[Any], patience: float) -> socket.socket:
        failure = OSError("no address")
        for family, sockaddr in found:
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(min(patience, seconds_left(DEADLINE.get())))
                sock.connect(sockaddr)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise failure


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
        if base.scheme == "https":
            self._pool: HTTPConnectionPool = _TlsPool(
                host, base.port or 443, maxsize=POOLED, ssl_context=_tls(CA_FILE), allow_private=allow_private
            )
        else:
            self._pool = _Pool(host, base.port or 80, maxsize=POOLED, allow_private=allow_private)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing to set on the connection: the pool's own context verifies, and can't be told not to."""

    def request_url(self, request: PreparedRequest, proxies: object) -> str:
        return request.path_url

    def close(self) -> None:
        self._pool.close()
