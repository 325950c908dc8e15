"""A vendor of bytes: a real server on loopback that answers whatever a test scripts, well or badly."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec
import pytest

from sync.providers.access import Access
from sync.providers.http import Http

Script = Callable[[socket.socket, str], None]


class Vendor:
    """Counts connections and keeps requests. ``script`` writes the answer to one request and may do so as it likes."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api/v1"
        self.requests: list[str] = []
        self.connections = 0
        self.script: Script = reply()
        self.over = threading.Event()
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(conn)
            threading.Thread(target=self._serve, args=(self._wrapped(conn),), daemon=True).start()

    def _wrapped(self, conn: socket.socket) -> socket.socket:
        return conn

    def _serve(self, conn: socket.socket) -> None:
        with suppress(OSError), conn:
            text = b""
            while piece := conn.recv(65536):
                text += piece
                while b"\r\n\r\n" in text:
                    head, _, text = text.partition(b"\r\n\r\n")
                    self.requests.append(head.decode())
                    self.script(conn, head.decode())

    def close(self) -> None:
        self.over.set()
        # Woken and waited for: else it may yet accept for the next vendor, whose listener gets the number of this one.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=10)
        self._listener.close()
        for conn in self._open:
            conn.close()


def reply(body: bytes = b"{}", *, status: str = "200 OK", length: int | None = None, **headers: str) -> Script:
    """A whole answer; ``length`` lies about it, and -1 leaves the length out and closes."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    lines.append("Connection: close" if length == -1 else f"Content-Length: {len(body) if length is None else length}")

    sent = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def script(conn: socket.socket, _: str) -> None:
        conn.sendall(sent)
        if length is not None:
            conn.shutdown(socket.SHUT_RDWR)

    return script


def by_path(answers: dict[str, object]) -> Script:
    """Answers by path, JSON out of objects, bytes as they are; 404 for others."""

    def script(conn: socket.socket, head: str) -> None:
        target = head.split(" ")[1].removeprefix("/api/v1")
        found = answers.get(target, answers.get(target.partition("?")[0]))
        if found is None:
            reply(b'{"success":false,"message":"Not found"}', status="404 Not Found")(conn, head)
        else:
            reply(found if isinstance(found, bytes) else msgspec.json.encode(found))(conn, head)

    return script


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    found = Vendor()
    yield found
    found.close()


@pytest.fixture
def http(vendor) -> Iterator[Http]:
    with open_http(vendor.url) as found:
        yield found


def open_http(url: str) -> Http:
    access = Access(url, "talq_secret_0123456789", allow_private=True)
    return Http(access, headers={"Authorization": f"Bearer {access.token}"})
