"""The web server: ``python -m portal.site.web_server --bind 127.0.0.1:8000``.

waitress receives requests and sends answers in one loop, and a thread works only while a page is made. Added here: how
long a peer may take to send and to read, how many connections there may be, how much of what they have not read is
kept, a thread for probes, and an end that lets answers be finished (portal/decisions/0066).
"""

import argparse
import gc
import re
import resource
import signal
import socket
import struct
import sys
import threading
import time
from collections import Counter
from functools import partial
from typing import Any

from django.conf import settings
from waitress.adjustments import Adjustments  # type: ignore[import-untyped]  # it has no types
from waitress.buffers import OverflowableBuffer, ReadOnlyFileBasedBuffer  # type: ignore[import-untyped]
from waitress.channel import ClientDisconnected, HTTPChannel  # type: ignore[import-untyped]
from waitress.parser import HTTPRequestParser, ParsingError  # type: ignore[import-untyped]
from waitress.server import TcpWSGIServer  # type: ignore[import-untyped]
from waitress.task import ThreadedTaskDispatcher, WSGITask  # type: ignore[import-untyped]
from waitress.utilities import BadRequest, RequestEntityTooLarge  # type: ignore[import-untyped]

from portal.lib.turns import DELAY, TURNS
from portal.site.children import Forks, run_and_exit
from portal.site.supervisor import listen
from portal.site.wsgi import application  # loaded once, and shared by forking

GRACE = 20.0  # seconds for answers underway when the process is asked to end
LINGER = (
    2.0  # seconds in which what a refused peer still sends is dropped: closed at once, the peer may lose the answer
)
MIN_RATE = 4 * 1024  # bytes a second that a peer has to read of an answer
MAX_CONNECTIONS = 1000
MAX_HEAD = 64 * 1024  # bytes
MAX_LINE = 4 * 1024  # bytes between the pieces of a body, and after the last
IN_MEMORY = 256 * 1024  # bytes of a request or an answer; more of it goes to a temporary file
MAX_AHEAD = 64 * 1024 * 1024  # bytes that an answer is made ahead of its reader
UNSENT = 64 * 1024  # bytes that the system takes before the peer has room, so that progress is seen in small steps
PROBES = ("/livez", "/readyz")
SWITCH = 0.0005  # seconds that a thread runs Python before another one's turn: a page asks the database dozens of times
_FIRST_LINE = re.compile(rb"[^ \r\n]+ [^ \r\n]+ HTTP/1\.[01]\r\n")
_BLANKS = b" " * 100  # in a row: no header has so many


class Request(HTTPRequestParser):  # type: ignore[misc]  # waitress is untyped
    """The last one of its connection where a proxy may find its end elsewhere."""

    error: object

    def parse_header(self, head: bytes) -> None:
        """Refuse first what the patterns of waitress take minutes to look through, and the loop with them."""
        blanks = head.replace(b"\t", b" ")
        if not _FIRST_LINE.match(head) or b"\r\n " in blanks or _BLANKS in blanks:
            raise ParsingError("HTTP message header invalid")
        try:
            super().parse_header(head)
        except ValueError as error:  # a length of thousands of digits, an address that is none
            raise ParsingError("HTTP message header invalid") from error
        if "COOKIE" in self.headers:  # ours have no backslash; Python before 3.11.10 and 3.12.6 reads them for minutes
            self.headers["COOKIE"] = self.headers["COOKIE"].replace("\\", "")

    def received(self, data: bytes) -> int:
        taken: int = super().received(data)
        if self.chunked and max(len(self.body_rcv.control_line), len(self.body_rcv.trailer)) > MAX_LINE:
            self.error, self.completed = BadRequest("Line too long"), True  # each byte would have it all read again
        if self.completed:
            self.expect_continue = False  # nothing is missing
            is_too_long = isinstance(self.error, RequestEntityTooLarge)
            if is_too_long:  # the page refuses it, in its own form
                self.error = None
                self.headers["CONTENT_LENGTH"] = str(max(self.content_length, self.body_bytes_received))
            if is_too_long or self.chunked or "TRANSFER_ENCODING" in self.headers:
                self.headers["CONNECTION"] = "close"
        return taken


class Answer(WSGITask):  # type: ignore[misc]
    """Has no body when only its head was asked for."""

    logged_write_no_body = True  # nothing to warn about

    @property
    def has_body(self) -> bool:
        return self.request.command != "HEAD" and bool(super().has_body)

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[DELAY] = self.channel.delay
        return environ


class Peer(HTTPChannel):  # type: ignore[misc]
    """A connection. ``since`` is when the wait began for the request, or for the peer to read; ``read`` counts the
    bytes of the answer that the peer has taken since then."""

    parser_class = Request
    task_class = Answer
    requests: list[Request]

    def __init__(self, server: "Server", *place: Any, **more: Any) -> None:
        self.since, self.read = time.monotonic(), 0
        self.is_idle = self.was_behind = self.lingers = self.is_delayed = False
        self.later: list[Request] = []  # requests that came before the answer to an earlier one was read
        super().__init__(server, *place, **more)
        self.sendbuf_len = UNSENT  # bytes that are read of what is kept, to be sent
        server.make_room(self.addr[0])

    def readable(self) -> bool:
        return self.lingers or bool(super().readable() and not self.later)

    def writable(self) -> bool:
        return not (self.lingers or self.is_delayed) and bool(super().writable() or (self.later and not self.requests))

    def delay(self) -> None:
        """Send nothing until the server tends its peers next, within a second."""
        self.is_delayed = True

    def _flush_some(self, do_close: bool = True) -> bool:
        return not self.is_delayed and bool(super()._flush_some(do_close=do_close))

    def received(self, data: bytes) -> bool:
        if self.is_idle:
            self.is_idle, self.since = False, time.monotonic()
        return bool(super().received(data))

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close=do_close)
        self.read += sent
        return sent

    def write_soon(self, data: Any) -> int:
        if isinstance(data, ReadOnlyFileBasedBuffer) and self.requests[0].command == "HEAD":
            data.close()  # waitress would send it
            return 0
        return int(super().write_soon(data))

    def service(self) -> None:
        """Answer one request in a thread. The next one waits until the answer is read, and its thread does not."""
        with self.requests_lock:
            self.later += self.requests[1:]
            del self.requests[1:]
        super().service()
        self.is_idle, self.since, self.read = True, time.monotonic(), 0

    def handle_write(self) -> None:
        if not self.close_when_flushed or self.will_close:
            super().handle_write()
            if self.later and not (self.requests or self.total_outbufs_len) and self.connected:
                self.requests = [self.later.pop(0)]
                self.server.add_task(self)
            return
        self._flush_exception(self._flush_some)
        if self.will_close:
            self.handle_close()
        elif self.connected and not self.total_outbufs_len:
            self._linger()

    def is_late(self, now: float) -> bool:
        """Whether the peer keeps the server waiting for too long; asked every second."""
        waited = now - self.since
        if self.lingers:
            return waited > LINGER
        is_behind = self.total_outbufs_len > 0
        if is_behind and self.was_behind:
            if waited < settings.RESPONSE_SECONDS:
                return False
            if self.read < waited * MIN_RATE:
                return True
        elif not (is_behind or self.was_behind or self.requests):
            return waited > settings.REQUEST_SECONDS
        self.was_behind, self.since, self.read = is_behind, now, 0
        return False

    def is_busy(self) -> bool:
        return bool(self.requests or self.later or self.total_outbufs_len)

    def kept(self) -> int:
        """Bytes kept for the peer. A file that is sent as it lies takes no room."""
        return sum(len(each) for each in list(self.outbufs) if isinstance(each, OverflowableBuffer))

    def drop(self) -> None:
        if self.total_outbufs_len:  # the system forgets what it has not sent, too
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handle_close()

    def _linger(self) -> None:
        self.lingers, self.since = True, time.monotonic()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # the peer was quicker
            self.handle_close()

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Have the thread wait for its reader, unless half of all threads do so already: then the answer ends."""
        if self.total_outbufs_len <= MAX_AHEAD:
            return
        if not self.server.waiting.acquire(blocking=False):
            raise ClientDisconnected
        try:
            super()._flush_outbufs_below_high_watermark()
        finally:
            self.server.waiting.release()


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Serves the portal over a listening socket, until a signal."""

    channel_class = Peer
    next_channel_cleanup = float("inf")  # _tend does it

    def __init__(self, listener: socket.socket, threads: int) -> None:
        self.waiting = threading.Semaphore(max(1, threads // 2))
        self.probes = ThreadedTaskDispatcher()
        self.probes.set_thread_count(1)
        self._asked: Counter[str] = Counter()  # requests of each address since the peers were tended
        self._held: list[Peer] = []  # whose requests are answered when that is done next
        self.max_connections = min(MAX_CONNECTIONS, (_open_files() - 200) // 3)  # each may have two temporary files
        self._ends_at = float("inf")
        address = listener.getsockname()
        limits = Adjustments(
            sockets=[listener],
            threads=threads,
            server_name=address[0],
            ident=None,
            clear_untrusted_proxy_headers=False,  # portal.proxies decides what to believe
            max_request_header_size=MAX_HEAD,
            max_request_body_size=settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1,
            inbuf_overflow=IN_MEMORY,
            outbuf_overflow=IN_MEMORY,
            outbuf_high_watermark=MAX_AHEAD,
            connection_limit=2**31,  # make_room keeps to max_connections, and never stops listening
            log_socket_errors=False,
        )
        place = (listener.family, listener.type, listener.proto, address)
        super().__init__(application, adj=limits, _sock=listener, bind_socket=False, sockinfo=place)

    def set_socket_options(self, conn: socket.socket) -> None:
        super().set_socket_options(conn)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)

    def add_task(self, task: Peer) -> None:
        request = task.requests[0]
        is_probe = request.error is None and "/" + request.path.lstrip("/") in PROBES  # as it will be asked for
        is_quick = is_probe or request.error is not None
        if settings.TRUSTED_PROXIES == 0 and not is_probe:
            self._asked[task.addr[0]] += 1
            if self._asked[task.addr[0]] > settings.REQUESTS_PER_SECOND:
                self._held.append(task)
                return
        (self.probes if is_quick else self.task_dispatcher).add_task(task)

    def make_room(self, host: str) -> None:
        """Drop the connection that has waited longest where an address, or all, have more than they may."""
        peers = list(self.active_channels.values())
        if settings.TRUSTED_PROXIES == 0:
            of_host = [peer for peer in peers if peer.addr[0] == host]
            if len(of_host) > settings.CONNECTIONS_PER_ADDRESS:
                return self._drop_one(of_host)
        if len(peers) > self.max_connections:
            self._drop_one(peers)
        return None

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        tended = 0.0
        while self._goes_on():
            self.asyncore.loop(timeout=1.0, use_poll=True, map=self._map, count=1)
            now = time.monotonic()
            if now - tended >= 1.0 or not self.accepting:
                self._tend(now)
                tended = now

    def _end(self, *_signal: object) -> None:
        self.accepting = False
        self._ends_at = min(self._ends_at, time.monotonic() + GRACE)
        self.pull_trigger()

    def _goes_on(self) -> bool:
        if self.accepting:
            return True
        return time.monotonic() < self._ends_at and any(peer.is_busy() for peer in self.active_channels.values())

    def _tend(self, now: float) -> None:
        """Send what was delayed, and answer what was held. Drop who is late, and while more is kept than there is room
        for, who has most."""
        for peer in list(self.active_channels.values()):
            peer.is_delayed = False
            if peer.is_late(now) or not (self.accepting or peer.is_busy()):
                peer.drop()
        kept = {peer: peer.kept() for peer in self.active_channels.values()}
        while sum(kept.values()) > settings.RESPONSE_ROOM:
            largest = max(kept, key=lambda peer: kept[peer])
            del kept[largest]
            largest.drop()
        held, self._held, self._asked = self._held, [], Counter()
        for peer in held:
            if peer.connected:
                self.add_task(peer)

    @staticmethod
    def _drop_one(peers: list[Peer]) -> None:
        droppable = [peer for peer in peers if not peer.requests]
        min(droppable, key=lambda peer: peer.since).drop()


def _open_files() -> int:
    """How many this process may have open: as many as the system lets it."""
    enough, (_soft, most) = 8192, resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = enough if most == resource.RLIM_INFINITY else min(enough, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return allowed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--bind", help="host:port to listen on")
    where.add_argument("--fd", type=int, help="number of an open socket that listens")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8, help="in each process")
    options = parser.parse_args()
    listener = listen(options.bind) if options.bind else socket.socket(fileno=options.fd)
    TURNS.share(options.processes)
    gc.freeze()  # what is here already is never looked at again, so its pages stay shared

    def serve(process: int) -> None:
        TURNS.join(process)
        sys.setswitchinterval(SWITCH)
        Server(listener, options.threads).run()

    processes = {f"Web process {number + 1}": partial(serve, number) for number in range(options.processes)}
    run_and_exit(Forks(processes).run)


if __name__ == "__main__":
    main()
