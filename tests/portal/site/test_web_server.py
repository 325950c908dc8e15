"""The web server over real sockets: a slow peer keeps nobody else from an answer."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread

import pytest
import requests

from portal.env import BASE_DIR
from portal.site import programs

pytestmark = pytest.mark.slow

HEAD = b"GET /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nlogin="
SCHEMA = b"GET /api/schema/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CHUNKED = b"POST /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


# Answers of every length in the portal's place, and a note of each stream that ended.
OTHER_ANSWERS = """
import os
import sys
import time
from portal.site import web_server

def application(environ, start_response):
    path = environ["PATH_INFO"]
    start_response("200 OK", [("Content-Length", "3000000")] if path == "/long" else [])
    if path == "/delayed":
        environ["ringbook.delay"]()
    if path == "/cookie":
        return [environ["HTTP_COOKIE"].encode()]
    if path == "/file":
        return environ["wsgi.file_wrapper"](open(web_server.__file__, "rb"))
    return pieces(path)

def pieces(path):
    if path == "/slow":
        yield b"begun"
        time.sleep(1)
        yield b"done"
    try:
        if path == "/long":
            yield b"x" * 3_000_000
            return
        while path == "/endless":
            yield b"x" * 65536
    finally:
        with open(os.environ["DATA_DIR"] + "/ended", "a") as file:
            file.write(path)
    yield b"quick"

web_server.application, web_server.MAX_AHEAD = application, 1_000_000
sys.argv[0] = "web_server"
web_server.main()
"""


class Served:
    """A web process of eight threads on a port of its own, without workers; of ``source``, or of the portal."""

    def __init__(self, folder: Path, source: str = "", **given: str) -> None:
        self.environment = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL",)}
        self.environment |= {"DATA_DIR": str(folder), "DATABASE_URL": "", **given}
        self.folder, self.source = folder, source
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.web = programs.web(self.listener, 1)

    def __enter__(self) -> "Served":
        command = self.web.argv
        if self.source:
            command = (sys.executable, "-c", self.source, *command[command.index("portal.site.web_server") + 1 :])
        else:
            migrate = [sys.executable, "manage.py", "migrate", "-v0"]
            subprocess.run(migrate, cwd=BASE_DIR, env=self.environment, check=True)
        self.process = subprocess.Popen(
            command, cwd=BASE_DIR, env=self.environment, pass_fds=self.web.pass_fds, start_new_session=True
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

    def form(self) -> tuple[requests.Session, str]:
        """A browser with the page of the sign-in, and the token of its form."""
        browser = requests.Session()
        page = browser.get(f"http://127.0.0.1:{self.port}/accounts/login/", timeout=60)
        return browser, page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]

    def sign_in(self) -> int:
        """The status of an attempt to sign in, which asks the database and hashes a password."""
        browser, token = self.form()
        sent = {"csrfmiddlewaretoken": token, "login": "ana@acme.example", "password": "correct horse battery"}
        return browser.post(f"http://127.0.0.1:{self.port}/accounts/login/", sent, timeout=60).status_code

    def ask(self, path: bytes, room: int = 262144) -> socket.socket:
        """Ask for a page and leave it unread; ``room`` bytes of it fit on the way."""
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        reader.settimeout(60)
        reader.connect(("127.0.0.1", self.port))
        reader.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        return reader


def read(connection: socket.socket) -> bytes:
    """All that comes until the connection ends or is broken off."""
    pieces = b""
    try:
        while piece := connection.recv(65536):
            pieces += piece
    except ConnectionError:
        pass
    return pieces


def drip(connection: socket.socket) -> None:
    """Send a byte now and then, until the connection ends."""
    with suppress(OSError):
        while True:
            connection.sendall(b"x")
            time.sleep(0.3)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory) -> Iterator[Served]:
    given = {"REQUEST_SECONDS": "600", "RESPONSE_SECONDS": "600", "CONNECTIONS_PER_ADDRESS": "250"}
    given |= {"REQUESTS_AT_ONCE": "900", "WORK_PER_MINUTE": "9000"}  # one address is everybody here
    with Served(tmp_path_factory.mktemp("data"), **given) as served:
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


@pytest.mark.parametrize("count", [24, 200])
def test_readers_who_read_nothing_keep_nobody_from_signing_in(lasting, count) -> None:
    with ExitStack() as held:
        slow = [held.enter_context(lasting.ask(b"/api/schema/", room=2048)) for _ in range(count)]
        assert lasting.sign_in() == 200
        assert len(slow[0].recv(64)) == 64  # they are still there
        slow[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262144)
        assert len(read(slow[0])) > 300_000  # and each gets its answer


def test_requests_sent_at_once_are_answered_as_they_are_read(lasting) -> None:
    """A peer cannot have a thread wait by asking for more before it has read anything."""
    with ExitStack() as held:
        for _ in range(16):
            held.enter_context(lasting.connect(SCHEMA * 100))
        assert lasting.sign_in() == 200


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
    asked, token = lasting.form()
    form = {"csrfmiddlewaretoken": token, "language": "pt-br", "more": "x" * 300_000}
    address = f"http://127.0.0.1:{lasting.port}/accounts/"
    assert asked.post(f"{address}language/", form, timeout=60, allow_redirects=False).status_code == 302
    assert 'lang="pt-br"' in asked.get(f"{address}login/", timeout=60).text


def test_a_head_has_no_body(lasting) -> None:
    with lasting.connect(b"HEAD /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") as peer:
        assert read(peer).endswith(b"\r\n\r\n")


def test_cookies_have_nothing_to_unquote(tmp_path) -> None:
    """Python's own way to do so took twenty seconds for 60 kB until 3.11.10, and so did every request of a stranger."""
    with Served(tmp_path, OTHER_ANSWERS) as served:
        told = served.answer("/cookie", headers={"Cookie": 'a="' + "\\0" * 20_000 + '"; csrftoken=b'})
        assert told.text == 'a="' + "0" * 20_000 + '"; csrftoken=b'


def test_the_head_of_a_file_neither(tmp_path) -> None:
    asked = b"HEAD /file HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with Served(tmp_path, OTHER_ANSWERS) as served, served.connect(asked) as peer:
        assert read(peer).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (BODY.replace(b"1000", b"3000000"), b"413"),
        (b"GET /livez HTTP/1.1\r\n" + b"A: " + b"b" * 100_000, b"431"),
        (CHUNKED + b"zz\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET http://[::1 HTTP/1.1\r\n\r\n", b"400"),
        (b"POST /livez HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"400"),
        (CHUNKED + b"a" * 5000, b"400"),
        (CHUNKED + b"0\r\n" + b"a" * 5000, b"400"),
        # What patterns take minutes for, so that nobody else is answered meanwhile
        (b"GET a://" + b"1" * 60_000 + b" x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nA: " + b" \t" * 30_000 + b"\0\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nA:b" + b"\r\n " * 20_000 + b"\0\r\n\r\n", b"400"),
    ],
)
def test_what_cannot_be_is_refused_and_the_connection_ends(lasting, sent, status) -> None:
    with lasting.connect(sent) as peer:
        assert read(peer).split(b" ", 1)[1].startswith(status)


@pytest.mark.parametrize(
    "told",
    [
        b"HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n",
        b"HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    ],
)
def test_a_body_whose_end_is_in_doubt_is_no_next_request(lasting, told) -> None:
    """A proxy that keeps its connections would send the answer to another person's request."""
    with lasting.connect(b"GET /livez " + told + WHOLE) as peer:
        answers = read(peer)
        assert answers.count(b"HTTP/1.") == 1
        assert b"connection: close" in answers.lower()


def test_a_slow_sender_is_dropped_and_of_an_address_the_longest_waiting(tmp_path) -> None:
    given = {"REQUEST_SECONDS": "2", "CONNECTIONS_PER_ADDRESS": "5"}
    with Served(tmp_path, OTHER_ANSWERS, **given) as served, ExitStack() as held:
        slow = [held.enter_context(served.connect(HEAD)) for _ in range(6)]
        assert slow[0].recv(1) == b""
        slow[5].sendall(b"\r\n\r\n")
        assert slow[5].recv(12) == b"HTTP/1.1 200"
        dripping = Thread(target=drip, args=(slow[4],))  # a byte now and then is no request
        dripping.start()
        assert all(read(each) == b"" for each in slow[1:5])
        dripping.join()


def test_a_slow_reader_is_dropped_unless_it_keeps_reading(tmp_path) -> None:
    with Served(tmp_path, OTHER_ANSWERS, RESPONSE_SECONDS="2") as served, ExitStack() as held:
        still, dripping, steady = (held.enter_context(served.ask(b"/long")) for _ in range(3))
        begun, taken, dripped = time.monotonic(), 0, 0
        while taken < 3_000_000:
            piece = steady.recv(65536)
            assert piece
            taken += len(piece)
            with suppress(ConnectionError):
                dripped += len(dripping.recv(1))
            time.sleep(len(piece) / 400_000)
        assert time.monotonic() - begun > 6  # three deadlines
        assert dripped + len(read(dripping)) < 3_000_000
        assert len(read(still)) < 3_000_000


@pytest.mark.parametrize(("proxies", "kept"), [("0", 5), ("1", 7)])
def test_readers_count_among_the_connections_of_an_address(tmp_path, proxies, kept) -> None:
    """Behind a proxy all come from one address, and the proxy bounds them."""
    given = {"CONNECTIONS_PER_ADDRESS": "5", "TRUSTED_PROXIES": proxies}
    with Served(tmp_path, OTHER_ANSWERS, **given) as served, ExitStack() as held:
        readers = []
        for number in range(1, 8):
            readers.append(held.enter_context(served.ask(b"/long")))
            wait_until(lambda: ended(served).count("/long") == number)  # noqa: B023 - its answer is made
        assert sum(len(read(reader)) > 3_000_000 for reader in readers) == kept


def test_an_answer_that_is_delayed_comes_a_moment_later_and_holds_no_thread(tmp_path) -> None:
    """A client that never waits is refused once a second."""
    with Served(tmp_path, OTHER_ANSWERS) as served, ExitStack() as held:
        begun = time.monotonic()
        kept = [held.enter_context(served.ask(b"/delayed")) for _ in range(20)]
        assert served.answer("/quick").text == "quick"
        assert all(read(each).endswith(b"quick\r\n0\r\n\r\n") for each in kept)
        for _ in range(2):
            assert served.answer("/delayed").text == "quick"
        assert time.monotonic() - begun > 1  # the server looks once a second, so two came with other looks


def test_an_address_that_asks_too_often_is_answered_a_moment_later(tmp_path) -> None:
    with Served(tmp_path, OTHER_ANSWERS, REQUESTS_PER_SECOND="5") as served, requests.Session() as session:
        begun = time.monotonic()
        for _ in range(16):
            assert session.get(f"http://127.0.0.1:{served.port}/quick", timeout=60).text == "quick"
        assert time.monotonic() - begun > 1  # five a second: the last ones came with other looks than the first


def test_streams_that_are_not_read_take_half_the_threads_and_end_with_their_readers(tmp_path) -> None:
    with Served(tmp_path, OTHER_ANSWERS) as served:
        with ExitStack() as held:
            for _ in range(20):
                held.enter_context(served.ask(b"/endless"))
            wait_until(lambda: ended(served).count("/endless") == 16)
            assert served.answer("/quick").text == "quick"
            assert served.answer("/livez").text == "quick"
            assert ended(served).count("/endless") == 16
        wait_until(lambda: ended(served).count("/endless") == 20)


def test_what_is_kept_for_readers_has_its_bound(tmp_path) -> None:
    with Served(tmp_path, OTHER_ANSWERS, RESPONSE_ROOM="6MB") as served, ExitStack() as held:
        readers = [held.enter_context(served.ask(b"/long")) for _ in range(6)]
        assert served.answer("/quick").text == "quick"
        time.sleep(2.5)
        assert sum(len(read(reader)) > 3_000_000 for reader in readers) == 2


def test_answers_are_finished_before_the_end(tmp_path) -> None:
    with Served(tmp_path, OTHER_ANSWERS) as served, ExitStack() as held:
        slow, half_read, idle = (held.enter_context(served.ask(path)) for path in (b"/slow", b"/long", b"/quick"))
        assert slow.recv(15) == b"HTTP/1.1 200 OK"
        wait_until(lambda: "/quick" in ended(served))
        served.process.send_signal(signal.SIGTERM)
        assert b"done" in read(slow)
        assert len(read(half_read)) > 3_000_000
        assert b"quick" in read(idle)
        assert served.process.wait(timeout=40) == 0


def ended(served: Served) -> str:
    """The paths of the streams that were closed."""
    path = served.folder / "ended"
    return path.read_text() if path.exists() else ""
