import gzip
import socket
import struct
import threading
import time
import tracemalloc
import zlib

import pytest

from portal.lib.version import VERSION
from sync.providers import limits
from sync.providers.access import Access
from sync.providers.errors import UpstreamError
from sync.providers.http import Http
from sync.providers.limits import Expected
from sync.taxonomy import Fault
from tests.sync.providers.conftest import open_http, reply

TOKEN = "talq_secret_0123456789"


def fault_of(http, **options) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        http.get("/calls", **options)
    assert TOKEN not in str(caught.value)
    return caught.value


def test_a_request_is_what_it_should_be_and_no_more(vendor, http):
    vendor.script = reply(b'{"data":[]}')
    assert http.get("/calls", (("search", "+55 11"), ("page", "2"))) == b'{"data":[]}'
    line, *headers = vendor.requests[0].split("\r\n")
    assert line == "GET /api/v1/calls?search=%2B55+11&page=2 HTTP/1.1"
    assert sorted(headers) == [
        "Accept-Encoding: gzip, deflate",
        "Accept: application/json",
        f"Authorization: Bearer {TOKEN}",
        "Connection: keep-alive",
        f"Host: 127.0.0.1:{vendor.port}",
        f"User-Agent: Ringbook/{VERSION} (+self-hosted reporting)",
    ]


def test_one_connection_serves_many_requests(vendor, http):
    for _ in range(5):
        http.get("/calls")
    assert vendor.connections == 1


def test_threads_share_a_session_without_mixing_answers(vendor, http):
    vendor.script = lambda conn, head: reply(head.split(" ")[1].encode())(conn, head)
    wrong = []

    def ask(name: int) -> None:
        for number in range(50):
            if http.get(f"/{name}/{number}") != f"/api/v1/{name}/{number}".encode():
                wrong.append((name, number))

    threads = [threading.Thread(target=ask, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert vendor.connections <= 8


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ("301 Moved", Fault.REFUSED),
        ("304 Not Modified", Fault.REFUSED),
        ("400 Bad", Fault.REFUSED),
        ("401 Unauthorized", Fault.REJECTED),
        ("403 Forbidden", Fault.FORBIDDEN),
        ("404 Not Found", Fault.NOT_FOUND),
        ("422 Unprocessable", Fault.REFUSED),
        ("429 Too Many", Fault.THROTTLED),
        ("500 Error", Fault.SERVER),
        ("503 Busy", Fault.SERVER),
    ],
)
def test_each_status_is_a_fault_of_its_own(vendor, http, status, fault):
    vendor.script = reply(b"" if status[:3] == "304" else b'{"success":false,"message":"No."}', status=status)
    error = fault_of(http)
    assert (error.fault, error.status) == (fault, int(status[:3]))


def test_a_redirect_is_not_followed_and_takes_no_token_along(vendor, http):
    vendor.script = reply(bytes(5_000_000), status="302 Found", Location=f"{vendor.url}/elsewhere")
    tracemalloc.start()
    assert fault_of(http).fault == Fault.REFUSED
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(vendor.requests) == 1
    assert peak < 2_000_000


def test_what_the_vendor_says_reaches_the_administrator_without_secrets(vendor, http):
    said = f"Token {TOKEN} may not call +55 (11) 98765-4321 after 2026-11-20. " + "x " * 300
    vendor.script = reply(b'{"error":{"code":"X","message":"%s"}}' % said.encode(), status="403 Forbidden")
    detail = fault_of(http).detail
    assert detail.startswith("Token ••• may not call ••• after 2026-11-20. x x ")
    assert len(detail) == 200


def test_an_error_page_is_not_quoted(vendor, http):
    vendor.script = reply(b"<html>secret stack</html>", status="502 Bad Gateway")
    assert fault_of(http).detail == ""


def test_cookies_are_not_kept(vendor, http):
    vendor.script = reply(Set_Cookie="session=1; Path=/")
    http.get("/calls")
    http.get("/calls")
    assert "cookie" not in vendor.requests[1].lower()
    assert list(http._session.cookies) == []


def test_the_environment_and_netrc_change_nothing(vendor, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with open_http(vendor.url) as http:
        http.get("/calls")
    assert f"Authorization: Bearer {TOKEN}" in vendor.requests[0]


@pytest.mark.fault
def test_a_short_body_is_truncated_with_an_announced_length(vendor, http):
    vendor.script = reply(b'{"data":[1,2', length=1000)
    assert fault_of(http).fault == Fault.TRUNCATED


@pytest.mark.fault
def test_a_short_compressed_body_is_measured_as_it_was_sent(vendor, http):
    body = gzip.compress(b"[" + b"1," * 50_000 + b"1]")
    vendor.script = reply(body, Content_Encoding="gzip")
    assert len(http.get("/calls")) == 100_003
    vendor.script = reply(body[:-40], length=len(body), Content_Encoding="gzip")
    assert fault_of(http).fault == Fault.TRUNCATED


@pytest.mark.fault
def test_a_chunked_body_that_breaks_off_is_truncated(vendor, http):
    def script(conn: socket.socket, _: str) -> None:
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2,\r\n")
        conn.shutdown(socket.SHUT_RDWR)

    vendor.script = script
    assert fault_of(http).fault == Fault.TRUNCATED


@pytest.mark.fault
def test_a_reset_in_mid_body_is_a_broken_network(vendor, http):
    def script(conn: socket.socket, _: str) -> None:
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n[1,")
        time.sleep(0.05)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()

    vendor.script = script
    assert fault_of(http).fault == Fault.NETWORK


@pytest.mark.fault
def test_nobody_listening_and_a_hang_up_are_a_broken_network(vendor, http):
    vendor.script = lambda conn, _: conn.shutdown(socket.SHUT_RDWR)
    assert fault_of(http).fault == Fault.NETWORK
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with open_http(f"http://127.0.0.1:{port}") as nobody:
        assert fault_of(nobody).fault == Fault.NETWORK


HEADS = {
    "before the status": b"HTTP",
    "in the headers": b"HTTP/1.1 200 OK\r\nX-Slow: ",
    "in the body": b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n",
    "between chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
}


def drip(vendor, where: str, pause: float = 0.01) -> None:
    """The vendor sends a byte at a time, for ever, from that place of its answer on."""

    def script(conn: socket.socket, _: str) -> None:
        conn.sendall(HEADS[where])
        while not vendor.over.wait(pause):
            conn.sendall(b"1\r\nx\r\n" if where == "between chunks" else b"x")

    vendor.script = script


@pytest.mark.fault
@pytest.mark.parametrize("where", HEADS)
def test_a_slow_drip_ends_at_the_total_deadline(vendor, http, monkeypatch, where):
    monkeypatch.setattr(limits, "TOTAL_SECONDS", 0.3)
    monkeypatch.setattr(limits, "BYTES_A_SECOND", 10**12)
    drip(vendor, where)
    error = fault_of(http)
    assert error.fault == Fault.TIMEOUT
    assert error.detail.startswith("The whole answer took longer than")


@pytest.mark.fault
@pytest.mark.parametrize("where", ["before the status", "in the headers"])
def test_an_answer_that_does_not_begin_is_ended_though_bytes_come(vendor, http, where):
    drip(vendor, where)
    error = fault_of(http, expected=Expected(1000, first_byte=0.3))
    assert error.fault == Fault.TIMEOUT
    assert error.detail.startswith("The answer did not begin within")


@pytest.mark.fault
@pytest.mark.parametrize("where", ["in the body", "between chunks"])
def test_a_body_slower_than_the_rate_is_ended_long_before_its_deadline(vendor, http, monkeypatch, where):
    monkeypatch.setattr(limits, "SLOW_SECONDS", 0.3)
    drip(vendor, where)
    error = fault_of(http, expected=limits.HISTORY)
    assert error.fault == Fault.TIMEOUT
    assert error.detail == "The answer came more slowly than 2,048 bytes a second."


@pytest.mark.fault
def test_a_body_that_slows_down_is_ended_by_its_last_seconds_not_by_its_average(vendor, http, monkeypatch):
    monkeypatch.setattr(limits, "SLOW_SECONDS", 0.3)

    def script(conn: socket.socket, _: str) -> None:
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + bytes(1_000_000))
        while not vendor.over.wait(0.01):
            conn.sendall(b"x")

    vendor.script = script
    assert fault_of(http).detail.startswith("The answer came more slowly than")


def test_a_vendor_that_thinks_first_and_then_sends_slowly_but_steadily_is_waited_for(vendor, http, monkeypatch):
    """What it may take until the first byte is apart from what it may take between them."""
    monkeypatch.setattr(limits, "SLOW_SECONDS", 0.2)
    monkeypatch.setattr(limits, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(limits, "SLOW_RATE", 1000)

    def script(conn: socket.socket, _: str) -> None:
        vendor.over.wait(0.4)  # twice the silence that is allowed later
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
        for _ in range(40):
            vendor.over.wait(0.01)
            conn.sendall(b"x" * 100)

    vendor.script = script
    assert len(http.get("/calls")) == 4000


def test_time_that_the_reader_takes_is_not_the_vendors(vendor, http, monkeypatch):
    """A slow database must not make a vendor look slow: the clock stands still between two chunks."""
    monkeypatch.setattr(limits, "TOTAL_SECONDS", 0.3)
    monkeypatch.setattr(limits, "BYTES_A_SECOND", 10**12)
    vendor.script = reply(bytes(2_000_000))
    taken = 0
    with http.open("/calls") as answer:
        for chunk in answer.chunks():
            taken += len(chunk)
            time.sleep(0.1)
    assert taken == 2_000_000


@pytest.mark.fault
def test_silence_ends_at_the_read_timeout(vendor, http):
    vendor.script = lambda conn, _: None
    assert fault_of(http, expected=Expected(1000, first_byte=0.2)).fault == Fault.TIMEOUT


@pytest.mark.fault
def test_half_a_body_and_then_silence_ends_too(vendor, http, monkeypatch):
    monkeypatch.setattr(limits, "SILENCE_SECONDS", 0.2)
    vendor.script = lambda conn, _: conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,")
    assert fault_of(http).fault == Fault.TIMEOUT


FLOODS = {
    "informational answers": (b"", b"HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n" * 1000),
    "empty gzip members": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n",
        gzip.compress(b"") * 1000,
    ),
    "what follows the end of a gzip": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(b"[]"),
        b"junk" * 5000,
    ),
    "chunks of a byte": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 5000),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: yes\r\n" * 1000),
}


@pytest.mark.fault
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_anything_but_content_ends_soon(vendor, http, name):
    """However fast it comes, and though no silence, deadline or cap of content would ever end it."""
    opening, more = FLOODS[name]
    sent = 0

    def script(conn: socket.socket, _: str) -> None:
        nonlocal sent
        conn.sendall(opening)
        while not vendor.over.is_set():
            conn.sendall(more)
            sent += len(more)

    vendor.script = script
    error = fault_of(http)
    assert error.fault == Fault.TOO_LARGE
    assert error.detail == "The answer is made of anything but content."
    assert sent < 12_000_000  # a megabyte was read; the rest waits in the sockets


@pytest.mark.fault
def test_an_answer_that_is_compressed_beyond_all_reason_is_refused_early(vendor, http):
    """Gigabytes of one letter travel as megabytes; how many are unpacked depends on what came, not on the cap."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = packer.compress(b"x" * 4_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    more = packer.compress(b"x" * 4_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    sizes: list[int] = []

    def script(conn: socket.socket, _: str) -> None:
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + first)
        while not vendor.over.is_set():
            conn.sendall(more)

    vendor.script = script
    with http.open("/calls", expected=limits.HISTORY) as answer, pytest.raises(UpstreamError) as caught:
        sizes.extend(map(len, answer.chunks()))
    assert caught.value.fault == Fault.TOO_LARGE
    assert caught.value.detail == "The answer is compressed more than 100 times."
    # A buffer of compressed bytes is received before the first of it is unpacked.
    assert sum(sizes) <= limits.PACKED_BYTES + 36 * limits.MIB


@pytest.mark.fault
@pytest.mark.parametrize("opening", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX-Endless: "])
def test_a_head_without_end_is_a_broken_connection(vendor, http, opening):
    def script(conn: socket.socket, _: str) -> None:
        conn.sendall(opening)
        while not vendor.over.is_set():
            conn.sendall(b"X-Header: and so on\r\n" * 500 if opening[-2:] == b"\r\n" else b"x" * 10_000)

    vendor.script = script
    assert fault_of(http).fault == Fault.NETWORK


@pytest.mark.fault
@pytest.mark.parametrize("coding", ["gzip", "deflate", "gzip, gzip"])
def test_a_decompression_bomb_is_stopped_at_the_cap(vendor, http, coding):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if "gzip" in coding else 15)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(200)) + packer.flush()
    vendor.script = reply(gzip.compress(bomb) if "," in coding else bomb, Content_Encoding=coding)
    tracemalloc.start()
    assert fault_of(http, expected=Expected(1_000_000, 20.0)).fault == Fault.TOO_LARGE
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6_000_000


def test_an_announced_size_over_the_cap_is_not_even_read(vendor, http):
    vendor.script = lambda conn, _: conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n")
    assert fault_of(http, expected=Expected(1_000_000, 20.0)).fault == Fault.TOO_LARGE
    assert vendor.connections == 1
    vendor.script = reply(b"[]")
    assert http.get("/calls") == b"[]"
    assert vendor.connections == 2


def test_a_body_of_exactly_the_cap_is_taken(vendor, http):
    vendor.script = reply(b"x" * 1000)
    assert len(http.get("/calls", expected=Expected(1000, 20.0))) == 1000
    assert fault_of(http, expected=Expected(999, 20.0)).fault == Fault.TOO_LARGE


def test_a_body_that_is_not_what_its_coding_says_is_no_json(vendor, http):
    vendor.script = reply(b"not gzip at all", Content_Encoding="gzip")
    assert fault_of(http).fault == Fault.NOT_JSON


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "tökén", "a\x00b", ""])
def test_a_token_that_no_header_carries_is_refused_without_being_shown(vendor, token):
    with pytest.raises(UpstreamError) as caught:
        Http(Access(vendor.url, token, allow_private=True), headers={"Authorization": f"Bearer {token}"})
    assert caught.value.fault == Fault.REJECTED
    assert not token or token not in str(caught.value)
    assert vendor.connections == 0


@pytest.mark.parametrize("path", ["calls", "//evil.example/calls", "http://evil.example/"])
def test_a_path_stays_below_the_base_address(http, path):
    with pytest.raises(ValueError, match="not a path"):
        http.get(path)
