"""Where a request may go. Every address here must be refused before a connection is made."""

import datetime
import ipaddress
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.lib.outward import addresses, dialling
from portal.lib.outward.errors import Obstacle, Unreachable
from sync.providers import limits
from sync.providers.access import Access
from sync.providers.errors import UpstreamError
from sync.providers.http import Http
from sync.taxonomy import Fault
from tests.sync.providers.conftest import Vendor

BAD_LITERALS = [
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "0.0.0.0",
    "0",
    "localhost",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
]
BAD_ADDRESSES = [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "fe80::1",
    "fe80::1%lo",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2001::7f00:1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "::ffff:8.8.8.8",
]
GOOD_ADDRESSES = ["8.8.8.8", "1.1.1.1", "104.18.0.1", "2606:4700::1111", "2a00:1450:4001::1"]


def secure(host: str, port: int = 443, **options) -> Http:
    access = Access(f"https://{host}:{port}/api", "secret-token", **options)
    return Http(access, headers={"Authorization": "Bearer secret-token"})


def resolving(*answers: list[str]):
    """A name server that gives each answer once, and the last one for ever."""
    asked = []

    def getaddrinfo(host, port, *_, **__):
        found = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in found
        ]

    getaddrinfo.asked = asked
    return getaddrinfo


@pytest.fixture
def dialled(monkeypatch) -> list:
    """Every attempt to connect, none of which is let through."""
    attempts = []

    def connect(self, address):
        attempts.append(address)
        raise ConnectionRefusedError(111, "refused by the test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return attempts


@pytest.mark.parametrize("host", BAD_LITERALS)
def test_addresses_that_lead_home_are_refused_however_they_are_written(vendor, host):
    """U25: and nobody is connected to."""
    with secure(host, vendor.port) as http, pytest.raises(UpstreamError) as caught:
        http.get("/calls")
    assert caught.value.fault == Fault.ADDRESS
    assert vendor.connections == 0


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_a_name_with_one_bad_address_is_refused_whole(monkeypatch, dialled, address):
    monkeypatch.setattr(socket, "getaddrinfo", resolving(["8.8.8.8", address]))
    with secure("vendor.example") as http, pytest.raises(UpstreamError) as caught:
        http.get("/calls")
    assert caught.value.fault == Fault.ADDRESS
    assert dialled == []


@pytest.mark.parametrize("address", GOOD_ADDRESSES)
def test_public_addresses_are_dialled_as_checked(monkeypatch, dialled, address):
    found = resolving([address])
    monkeypatch.setattr(socket, "getaddrinfo", found)
    with secure("vendor.example") as http, pytest.raises(UpstreamError) as caught:
        http.get("/calls")
    assert caught.value.fault == Fault.NETWORK
    assert dialled == [(address, 443)]
    assert found.asked == ["vendor.example"]


def test_a_name_that_changes_its_mind_gains_nothing(monkeypatch, vendor):
    """U25 by rebinding: the first answer is good, every later one leads to the listener."""
    found = resolving(["127.0.0.2"], ["127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", found)
    monkeypatch.setattr(addresses, "is_public", lambda address: address != "127.0.0.1")
    with secure("vendor.example", vendor.port) as http:
        for fault in (Fault.NETWORK, Fault.ADDRESS):
            with pytest.raises(UpstreamError) as caught:
                http.get("/calls")
            assert caught.value.fault == fault
    assert found.asked == ["vendor.example"] * 2
    assert vendor.connections == 0


def test_a_silent_name_server_is_not_waited_for(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(limits, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])
    with secure("vendor.example") as http, pytest.raises(UpstreamError) as caught:
        http.get("/calls")
    over.set()
    assert caught.value.fault == Fault.TIMEOUT
    assert caught.value.detail == "The host's name was not resolved in time."


def test_an_unknown_name_is_a_broken_network(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with secure("vendor.example") as http, pytest.raises(UpstreamError) as caught:
        http.get("/calls")
    assert caught.value.fault == Fault.NETWORK


@pytest.mark.parametrize(
    "base",
    [
        "http://app.talkover.ai/api/v1",
        "ftp://app.talkover.ai",
        "file:///etc/passwd",
        "app.talkover.ai/api",
        "https://",
        "https:///api",
        "https://user:pass@app.talkover.ai",
        "https://app.talkover.ai@127.0.0.1/",
        "https://app.talkover.ai:99999",
        "https://app.talkover.ai:0",
        "https://app.talkover.ai/?a=1",
        "https://app.talkover.ai/#x",
        "https://app.talkover.ai\\@127.0.0.1",
        "https://app.talkover.ai /",
        "https://app.talkover.ai\r\nX: 1",
        "https://[::1",
        "https://ápp.example",
        "",
    ],
)
def test_a_base_address_that_is_none_is_refused_at_once(base):
    with pytest.raises(Unreachable) as caught:
        addresses.read_base(base, allow_private=False)
    assert caught.value.obstacle == Obstacle.ADDRESS
    assert caught.value.detail.endswith(".")


def test_private_and_plain_addresses_serve_when_allowed(vendor):
    access = Access(f"http://localhost:{vendor.port}/api/v1", "t", allow_private=True)
    with Http(access, headers={}) as http:
        assert http.get("/calls") == b"{}"


def certificate(folder, name: str, *, days: int = 2):
    """A file with a key and a certificate that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}{days}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


class SecureVendor(Vendor):
    def __init__(self, path) -> None:
        self.names: list[str | None] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(path)
        self._context.sni_callback = lambda _, name, __: self.names.append(name)
        super().__init__()

    def _wrapped(self, conn):
        return self._context.wrap_socket(conn, server_side=True, do_handshake_on_connect=False)


@pytest.mark.parametrize(
    ("name", "days", "trusted", "well"),
    [
        ("vendor.example", 2, True, True),
        ("other.example", 2, True, False),
        ("vendor.example", -1, True, False),
        ("vendor.example", 2, False, False),
    ],
)
def test_the_certificate_is_of_the_name_although_an_address_is_dialled(
    monkeypatch, tmp_path, name, days, trusted, well
):
    path = certificate(tmp_path, name, days=days)
    monkeypatch.setattr(dialling, "CA_FILE", str(path if trusted else certificate(tmp_path, "someone.example")))
    monkeypatch.setattr(socket, "getaddrinfo", resolving(["127.0.0.1"]))
    monkeypatch.setattr(addresses, "is_public", lambda address: True)
    vendor = SecureVendor(path)
    try:
        with secure("vendor.example", vendor.port) as http:
            if well:
                assert http.get("/calls") == b"{}"
                assert f"Host: vendor.example:{vendor.port}" in vendor.requests[0]
            else:
                with pytest.raises(UpstreamError) as caught:
                    http.get("/calls")
                assert caught.value.fault == Fault.NETWORK
                assert "certificate" in caught.value.detail
                assert vendor.requests == []
        assert vendor.names == ["vendor.example"]
    finally:
        vendor.close()


def test_the_lists_above_hold_what_they_say():
    assert len(BAD_ADDRESSES) >= 30
    assert not any(addresses.is_public(address) for address in BAD_ADDRESSES)
    assert all(addresses.is_public(address) and ipaddress.ip_address(address) for address in GOOD_ADDRESSES)
