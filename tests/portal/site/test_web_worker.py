"""The web server over real sockets: whoever is slow waits for himself, and keeps nobody else from an answer."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from portal.env import BASE_DIR
from portal.site import programs

pytestmark = pytest.mark.slow

HEAD = b"GET /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nlogin="
WHOLE = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Served:
    """A web process of eight threads on a port of its own, without workers."""

    def __init__(self, folder: Path, **given: str) -> None:
        self.environment = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL",)}
        self.environment |= {"DATA_DIR": str(folder), "DATABASE_URL": "", **given}
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.web = programs.web(self.listener, 1)

    def __enter__(self) -> "Served":
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=BASE_DIR, env=self.environment, check=True)
        self.process = subprocess.Popen(
            self.web.argv, cwd=BASE_DIR, env=self.environment, pass_fds=self.web.pass_fds, start_new_session=True
        )
        assert self.answer("/livez").status_code == 200
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=40)
        self.listener.close()

    def answer(self, path: str, **more: object) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=60, **more)

    def connect(self, sent: bytes = b"") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall(sent)
        return connection


@pytest.fixture(scope="module")
def lasting(tmp_path_factory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("data"), REQUEST_SECONDS="600", CONNECTIONS_PER_ADDRESS="250") as served:
        yield served


@pytest.mark.parametrize("sent", [b"", HEAD, BODY, b"\r\n", b"GET"])
def test_two_hundred_unfinished_requests_keep_nobody_waiting(lasting, sent) -> None:
    with ExitStack() as held:
        slow = [held.enter_context(lasting.connect(sent)) for _ in range(200)]
        assert "Ringbook" in lasting.answer("/accounts/login/").text
        assert lasting.answer("/livez").text == "ok\n"
        slow[0].sendall(b"x")  # and they are still there
        slow[0].settimeout(0.2)
        with pytest.raises(TimeoutError):
            slow[0].recv(1)


def test_readers_who_read_nothing_keep_nobody_waiting(lasting) -> None:
    with ExitStack() as held:
        for _ in range(24):
            slow = socket.socket()
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            slow.connect(("127.0.0.1", lasting.port))
            held.enter_context(slow).sendall(HEAD + b"\r\n\r\n")
        assert lasting.answer("/accounts/login/").status_code == 200


def test_a_request_that_comes_in_pieces_is_answered(lasting) -> None:
    with lasting.connect() as slow:
        for byte in WHOLE:
            slow.sendall(bytes([byte]))
        assert b"200 OK" in slow.recv(4096)
        slow.sendall(WHOLE + WHOLE)  # over the same connection, two at once
        told = b""
        while told.count(b"ok\n") < 2:
            told += slow.recv(4096)


def test_a_form_is_read_whole(lasting) -> None:
    asked = requests.Session()
    page = asked.get(f"http://127.0.0.1:{lasting.port}/accounts/login/", timeout=60)
    token = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    form = {"csrfmiddlewaretoken": token, "language": "pt-br", "more": "x" * 300_000}
    address = f"http://127.0.0.1:{lasting.port}/accounts/language/"
    assert asked.post(address, form, timeout=60, allow_redirects=False).status_code == 302
    assert 'lang="pt-br"' in asked.get(page.url, timeout=60).text


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (BODY.replace(b"1000", b"3000000"), b"413"),
        (b"GET /livez HTTP/1.1\r\n" + b"A: " + b"b" * 100_000, b"4"),
        (b"POST /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz", b"4"),
        (b"nonsense\r\n\r\n", b"400"),
    ],
)
def test_what_cannot_be_is_refused_and_the_connection_ends(lasting, sent, status) -> None:
    with lasting.connect(sent) as peer:
        told = b""
        while piece := peer.recv(4096):
            told += piece
        assert told.startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize("named", [b"Content-Length: 3000000", b"Transfer-Encoding: chunked"])
def test_a_body_that_is_not_read_is_no_next_request(lasting, named) -> None:
    """A proxy that keeps its connections would hand the answer to somebody else's request."""
    with lasting.connect(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n" + named + b"\r\n\r\n") as peer:
        told = peer.recv(65536)
        assert b"connection: close" in told.lower()
        peer.sendall(WHOLE)
        while piece := peer.recv(65536):
            told += piece
        assert told.count(b"HTTP/1.1 ") == 1


def test_who_is_too_slow_is_ended_and_the_oldest_of_an_address_goes_first(tmp_path) -> None:
    with Served(tmp_path, REQUEST_SECONDS="2", CONNECTIONS_PER_ADDRESS="5") as served, ExitStack() as held:
        slow = [held.enter_context(served.connect(HEAD)) for _ in range(6)]
        assert slow[0].recv(1) == b""
        slow[5].sendall(b"\r\n\r\n")
        assert slow[5].recv(12) == b"HTTP/1.1 302"  # an empty portal leads to its first page
        assert all(each.recv(1) == b"" for each in slow[1:5])
