"""The web server's worker: no thread waits for a slow peer to send.

gunicorn's own hands a connection to a thread with its first byte, so two dozen unfinished requests keep all threads.
Here the loop that accepts connections gathers each request until it is whole, or too late, and only then takes a
thread. Probes have a thread of their own: they tell of the portal, not of how many ask.
"""

import errno
import re
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from django.conf import settings
from gunicorn.http import get_parser  # type: ignore[import-untyped]  # it has no types
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

MOST_HEAD = 64 * 1024  # bytes
LINGERS = 2.0  # seconds in which what a peer still sends is thrown away: closed at once, he might lose his answer
SENDS_WITHIN = 30.0  # seconds for each piece of an answer
ANSWER_ROOM = 512 * 1024  # bytes that the system takes of an answer without its being read: most pages fit in
_PIECE = 64 * 1024
_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_PROBE = re.compile(rb"(GET|HEAD) /(livez|readyz) ")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)


class Visitor(TConn):  # type: ignore[misc]  # gunicorn is untyped
    """A connection, with what has come over it of its next request."""

    def __init__(self, *place: Any) -> None:
        super().__init__(*place)
        self.host = self.client[0] if isinstance(self.client, tuple) else ""
        self.deadline = 0.0
        self.is_probe = False
        self._received = bytearray()
        self._whole_at = 0  # bytes; 0 until the head is there

    def gather(self) -> bool:
        """Take what is there; whether the request can be answered now. Raises OSError when the peer has gone."""
        piece = self.sock.recv(_PIECE)
        if not piece:
            raise ConnectionResetError
        seen = max(0, len(self._received) - 3)
        self._received += piece
        if not self._whole_at:
            end = self._received.find(b"\r\n\r\n", seen) + 4
            if end > 3:
                self._whole_at = end + _length_of_body(bytes(self._received[:end]))
        return 0 < self._whole_at <= len(self._received)

    @property
    def is_too_long(self) -> bool:
        return not self._whole_at and len(self._received) > MOST_HEAD

    def hand_over(self) -> None:
        """Have the parser read what was gathered, and nothing else."""
        self.is_probe = bool(_PROBE.match(self._received))
        self.parser = get_parser(self.cfg, iter([bytes(self._received)]), self.client)
        self.initialized = self.data_ready = True
        self._received.clear()
        self._whole_at = 0


class WebWorker(ThreadWorker):  # type: ignore[misc]
    """``waiting`` are the connections that the loop holds, the oldest first: their requests are not whole, or their
    answers are given and what still comes is thrown away."""

    def init_process(self) -> None:
        self.waiting: dict[Visitor, None] = {}
        self.probes = ThreadPoolExecutor(1, thread_name_prefix="probes")
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        try:
            connection, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ECONNABORTED):
                return
            raise
        self.nr_conns += 1
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ANSWER_ROOM)
        visitor = Visitor(self.cfg, connection, address, listener.getsockname())
        self._make_room(visitor.host)
        self._await_request(visitor)

    def on_client_socket_readable(self, conn: Visitor, client: socket.socket) -> None:
        """The next request over a connection that was kept."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_request(conn)

    def enqueue_req(self, conn: Visitor) -> None:
        pool = self.probes if conn.is_probe else self.tpool
        future = pool.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle_request(self, req: Any, conn: Visitor) -> Any:
        conn.sock.settimeout(SENDS_WITHIN)
        if _has_unread_body(req):
            req.force_close()  # what comes of it later is no next request
        return super().handle_request(req, conn)

    def finish_request(self, conn: Visitor, fs: "Future[Any]") -> None:
        if not fs.cancelled() and fs.exception() is None and fs.result():
            super().finish_request(conn, fs)
        else:
            self._end(conn)

    def murder_pending(self) -> None:
        """End what waited for too long; called by the loop, every second at least."""
        now = time.monotonic() if self.alive else float("inf")
        for visitor in [each for each in self.waiting if each.deadline <= now]:
            self._drop(visitor)

    def _make_room(self, host: str) -> None:
        """Let the longest waiting go, where an address, or all of them, have as many as they may."""
        same = [each for each in self.waiting if each.host == host]
        if settings.TRUSTED_PROXIES == 0 and len(same) >= settings.CONNECTIONS_PER_ADDRESS:
            self._drop(same[0])
        elif len(self.waiting) >= self.max_keepalived:
            self._drop(next(iter(self.waiting)))

    def _await_request(self, visitor: Visitor) -> None:
        self._await(visitor, settings.REQUEST_SECONDS, self._gather)

    def _await(self, visitor: Visitor, seconds: float, then: Callable[[Visitor, Any], None]) -> None:
        visitor.sock.setblocking(False)
        visitor.deadline = time.monotonic() + seconds
        self.poller.register(visitor.sock, selectors.EVENT_READ, partial(then, visitor))
        self.waiting[visitor] = None

    def _gather(self, visitor: Visitor, _socket: socket.socket) -> None:
        try:
            if visitor.gather():
                self._let_go(visitor)
                visitor.hand_over()
                self.enqueue_req(visitor)
            elif visitor.is_too_long:
                self._let_go(visitor)
                self._end(visitor, _TOO_LONG)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(visitor)

    def _end(self, visitor: Visitor, last: bytes = b"") -> None:
        try:
            visitor.sock.setblocking(False)
            visitor.sock.send(last)
            visitor.sock.shutdown(socket.SHUT_WR)
            self._await(visitor, LINGERS, self._throw_away)
        except OSError:  # the peer was quicker
            self.nr_conns -= 1
            visitor.close()

    def _throw_away(self, visitor: Visitor, _socket: socket.socket) -> None:
        try:
            if visitor.sock.recv(_PIECE):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._drop(visitor)

    def _let_go(self, visitor: Visitor) -> None:
        del self.waiting[visitor]
        self.poller.unregister(visitor.sock)

    def _drop(self, visitor: Visitor) -> None:
        if visitor in self.waiting:
            self._let_go(visitor)
            self.nr_conns -= 1
            visitor.close()


def _length_of_body(head: bytes) -> int:
    """As the head says; 0 for one over the limit, which is refused unread, and for pieces: no page takes them."""
    found = _LENGTH.search(head)
    length = int(found[1]) if found else 0
    return length if length <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE else 0


def _has_unread_body(request: Any) -> bool:
    """Whether it has one that was not gathered (:func:`_length_of_body`)."""
    told = dict(request.headers)
    length = int(told.get("CONTENT-LENGTH", 0))  # the parser takes digits alone
    return "TRANSFER-ENCODING" in told or length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
