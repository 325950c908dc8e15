"""A small HTTP/1.1 server on plain sockets: keep-alive, a thread per connection, answers that go wrong when told to.

It knows no vendor. What a request means is the business of the function it is given.
"""

import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from time import time
from typing import BinaryIO
from urllib.parse import parse_qsl, unquote, urlsplit

JSON = "application/json"


@dataclass(slots=True)
class Request:
    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]  # names in lower case
    body: bytes
    peer: str


@dataclass(slots=True)
class Reply:
    """``wire`` says how the sending goes: "" well, or truncated, cut, cut_chunked, reset, drip, drip_head,
    endless_head, hang.

    A body that is not bytes is sent piece by piece; ``length`` is then its exact size, or -1 for a body that ends with
    the connection. ``pause`` is waited before anything is sent, and between bytes for those that drip.
    """

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    length: int = -1
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON
    wire: str = ""
    pause: float = 0.0
    skew: float = 0.0  # seconds the Date header is wrong by

    @property
    def size(self) -> int:
        return len(self.body) if isinstance(self.body, bytes) else self.length


class Server:
    """Listens from the start; ``stop`` closes the listener and every connection."""

    def __init__(self, host: str, port: int, answer: Callable[[Request], Reply]) -> None:
        self._answer = answer
        self._listener = socket.create_server((host, port), backlog=256, family=_family(host))
        self.host, self.port = self._listener.getsockname()[:2]
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, name="sandbox", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        with self._lock:
            left = list(self._open)
        for connection in left:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def wait(self) -> None:
        """Until somebody stops it."""
        self._ended.wait()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._talk, args=(connection, peer[0]), name="sandbox-peer", daemon=True).start()

    def _talk(self, connection: socket.socket, peer: str) -> None:
        try:
            with connection, connection.makefile("rb") as source, suppress(OSError):
                while (request := _read(source, peer)) is not None:
                    reply = self._answer(request)
                    if not self._send(connection, request, reply):
                        break
        finally:
            with self._lock:
                self._open.discard(connection)

    def _send(self, connection: socket.socket, request: Request, reply: Reply) -> bool:
        """Send the reply; False when the connection has to end."""
        if reply.wire == "hang":
            self._ended.wait(3600)
            return False
        if reply.pause and reply.wire not in ("drip", "drip_head"):
            self._ended.wait(reply.pause)
        close = (
            reply.wire in ("cut", "cut_chunked")
            or reply.size < 0
            or request.headers.get("connection", "").lower() == "close"
        )
        head = _head(reply, close)
        if reply.wire in ("drip_head", "endless_head"):
            self._spoil_head(connection, reply, head)
            return False
        if request.method == "HEAD":
            connection.sendall(head)
        elif not reply.wire:
            if isinstance(reply.body, bytes):
                connection.sendall(head + reply.body)
                return not close
            connection.sendall(head)
            for piece in reply.body:
                connection.sendall(piece)
        else:
            connection.sendall(head)
            self._spoil(connection, reply)
            return reply.wire == "drip" and not close
        return not close

    def _spoil_head(self, connection: socket.socket, reply: Reply, head: bytes) -> None:
        if reply.wire == "drip_head":
            self._drip(connection, head, reply.pause)
            return
        connection.sendall(head.removesuffix(b"\r\n"))
        while not self._ended.is_set():
            connection.sendall(b"X-Further: and so on\r\n" * 100)

    def _drip(self, connection: socket.socket, whole: bytes, pause: float) -> None:
        for at in range(len(whole)):
            connection.sendall(whole[at : at + 1])
            if self._ended.wait(pause):
                return

    def _spoil(self, connection: socket.socket, reply: Reply) -> None:
        left = max(reply.size * 7 // 10, 1)
        pieces: Iterable[bytes] = (reply.body,) if isinstance(reply.body, bytes) else reply.body
        if reply.wire == "drip":
            self._drip(connection, b"".join(pieces), reply.pause)
            return
        for piece in pieces:
            part = piece[:left]
            connection.sendall(b"%x\r\n%b\r\n" % (len(part), part) if reply.wire == "cut_chunked" else part)
            left -= len(part)
            if left <= 0:
                break
        if reply.wire == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read(source: BinaryIO, peer: str) -> Request | None:
    """The next request, None at the end or where there is no HTTP."""
    words = source.readline(65_537).decode("latin-1").split(" ", 2)
    if len(words) != 3:
        return None
    method, target, _ = words
    headers: dict[str, str] = {}
    while (line := source.readline(65_537)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "0")
    body = source.read(int(length)) if length.isdecimal() else b""
    parts = urlsplit(target)
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(method, unquote(parts.path), params, headers, body, peer)


def _head(reply: Reply, close: bool) -> bytes:
    headers: Mapping[str, str] = {
        "Date": formatdate(time() + reply.skew, usegmt=True),
        "Content-Type": reply.content_type,
        **reply.headers,
    }
    lines = [
        f"HTTP/1.1 {reply.status} {_phrase(reply.status)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if reply.wire == "cut_chunked":
        lines.append("Transfer-Encoding: chunked")
    elif reply.wire != "cut" and reply.size >= 0:
        lines.append(f"Content-Length: {reply.size}")
    lines.append("Connection: close" if close else "Connection: keep-alive")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces as one gzip."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
