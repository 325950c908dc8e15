"""Trials of foreign servers: real servers on loopback that are silent, drip, or never finish a greeting."""

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from portal.accounts.models import IdentityProvider
from portal.lib.outward import asking
from portal.lib.outward.errors import Obstacle, Unreachable
from portal.lib.outward.streams import connect
from portal.lib.outward.trials import SECONDS, SIGN_INS, TESTS, Places, TooManyTrials
from portal.tenants import wall
from portal.tenants.models.tenants import Environment
from reports.handover import s3, sftp
from reports.handover.handing import NotTaken
from reports.handover.models import Destination
from reports.handover.places import Access as Place
from sync.models.connections import Connection
from sync.providers import registry
from sync.providers.access import Access
from sync.providers.errors import UpstreamError
from sync.taxonomy import Fault
from tests.sync.conftest import make_connection

pytestmark = pytest.mark.fault

SOON = 0.8  # seconds of a trial here
FAILURES = (Unreachable, UpstreamError, NotTaken)


class Server:
    """Sends ``opening``, then ``drip`` again and again; the last byte that it promises never comes."""

    def __init__(self, opening: bytes, drip: bytes) -> None:
        self._opening, self._drip, self._over = opening, drip, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.opened = threading.Semaphore(0)  # released for each connection
        self.ended = threading.Semaphore(0)  # released for each connection that the other side gave up
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        self.opened.release()
        with suppress(OSError), line:
            line.sendall(self._opening)
            line.settimeout(0.02)
            while not self._over.is_set():
                with suppress(TimeoutError):
                    if not line.recv(65536):
                        break
                if self._drip:
                    line.sendall(self._drip)
        self.ended.release()

    def close(self) -> None:
        self._over.set()
        self._listener.close()


@contextmanager
def server(opening: bytes, drip: bytes) -> Iterator[Server]:
    one = Server(opening, drip)
    try:
        yield one
    finally:
        one.close()


@pytest.fixture(autouse=True)
def private_addresses(settings):
    settings.UPSTREAM_ALLOW_PRIVATE = True


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
SERVERS = {
    "silent": (b"", b""),
    "a byte at a time": (b"", b"S"),
    "an endless body": (HEAD + b"[", b" "),
    "endless headers": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "a greeting and no more": (b"SSH-2.0-OpenSSH_9.2\r\n", b""),
    "a TLS record that never ends": (b"\x16\x03\x03\x40\x00", b"\x00"),
}


def _bucket(scheme: str) -> Callable[[int], None]:
    return lambda port: s3.check(Place(f"{scheme}://127.0.0.1:{port}", 0, "a", "b", "", "", "files", "", ""))


def _vendor(key: str, scheme: str, **settings: str) -> Callable[[int], None]:
    def ask(port: int) -> None:
        provider = registry.get(key)
        access = Access(f"{scheme}://127.0.0.1:{port}/api/v1", "token", settings, True)
        with provider.session(access) as http:
            provider.check(http)

    return ask


ASKERS: dict[str, Callable[[int], object]] = {
    "SFTP": lambda port: sftp.shown_key("127.0.0.1", port),
    "S3": _bucket("http"),
    "S3 over TLS": _bucket("https"),
    "Talkover": _vendor("talkover", "http"),
    "Talkover over TLS": _vendor("talkover", "https"),
    "OriginsAI": _vendor("originsai", "http", agents="7:Reception"),
    "identity provider": lambda port: asking.ask(f"http://127.0.0.1:{port}/x", allow_private=True),
    "identity provider over TLS": lambda port: asking.ask(f"https://127.0.0.1:{port}/x", allow_private=True),
}


CASES = [
    ("SFTP", "silent"),
    ("SFTP", "a byte at a time"),
    ("SFTP", "a greeting and no more"),
    ("S3", "silent"),
    ("S3", "an endless body"),
    ("S3 over TLS", "a TLS record that never ends"),
    ("Talkover", "endless headers"),
    ("Talkover", "an endless body"),
    ("Talkover over TLS", "a TLS record that never ends"),
    ("OriginsAI", "an endless body"),
    ("identity provider", "a byte at a time"),
    ("identity provider", "endless headers"),
    ("identity provider over TLS", "silent"),
]


@pytest.mark.parametrize(("asker", "manner"), CASES)
def test_a_trial_ends_at_its_deadline_whatever_the_server_does(asker, manner):
    """Each asker's own patience lasts from six seconds to an hour, and a byte now and then would renew it."""
    with server(*SERVERS[manner]) as one:
        with Places(1, per_tenant=1).take(1, seconds=SOON), pytest.raises(FAILURES):
            ASKERS[asker](one.port)
        while one.opened.acquire(blocking=False):  # on a slow machine the deadline may come before the connection
            assert one.ended.acquire(timeout=30)  # nothing is left behind


def test_a_trial_that_ends_says_that_the_server_did_not_answer_in_time():
    for asker in ("SFTP", "S3", "Talkover", "identity provider"):
        with server(b"", b"") as one, Places(1, per_tenant=1).take(1, seconds=SOON), pytest.raises(FAILURES) as caught:
            ASKERS[asker](one.port)
        error = caught.value
        reason = getattr(error, "reason", None) or getattr(error, "obstacle", None) or error.fault
        assert reason in ("timeout", Obstacle.TIMEOUT, Fault.TIMEOUT), asker


def test_looking_up_a_name_counts(monkeypatch):
    over = threading.Event()

    def never(*_asked: object, **_more: object) -> list[object]:
        over.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    with Places(1, per_tenant=1).take(1, seconds=0.1), pytest.raises(Unreachable) as caught:
        connect("slow.example", 22, allow_private=True, seconds=60)
    over.set()
    assert caught.value.obstacle == Obstacle.TIMEOUT


def test_places_are_few_for_all_fewer_for_one_tenant_and_free_again_afterwards():
    places = Places(3, per_tenant=2)
    for _round in range(2):
        with places.take(1), places.take(1):
            with pytest.raises(TooManyTrials) as refused, places.take(1):
                """Not reached."""
            assert refused.value.retry_after == SECONDS
            with places.take(2), pytest.raises(TooManyTrials), places.take(3):
                """Not reached."""
        with pytest.raises(ValueError, match="of the trial"), places.take(1):
            raise ValueError("of the trial")


def test_a_tenant_has_so_many_an_hour_and_takes_none_from_another(monkeypatch):
    now = 1_000_000.0
    monkeypatch.setattr("portal.lib.outward.trials.time.monotonic", lambda: now)
    places = Places(2, per_tenant=1, per_hour=2)
    for at in (0, 600):
        now = 1_000_000.0 + at
        with places.take(1):
            """One of two."""
    with pytest.raises(TooManyTrials) as refused, places.take(1):
        """Not reached."""
    assert refused.value.retry_after == 3000
    with places.take(2):
        """Another tenant's first."""
    now += 3001
    with places.take(1):
        """The first of them is an hour old."""


# --- in web requests --------------------------------------------------------------------------------------------------


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def bucket_of(tenant, port: int = 1) -> Destination:
    with wall.tenant(tenant):
        return Destination.objects.create(
            tenant=tenant, name="Warehouse", kind="s3", host=f"http://127.0.0.1:{port}", bucket="files", login="a",
            secret="b",
        )  # fmt: skip


def tried(client: Client, place: Destination) -> tuple[int, str]:
    answer = client.post(reverse("api:destination-try", args=[place.public_id]))
    return answer.status_code, answer.get("Retry-After", "")


@pytest.mark.django_db(transaction=True)
def test_eighteen_tries_at_once_hold_two_threads_and_another_tenant_has_its_place(acme, globex, ana, carla):
    """Sixteen are refused at once; sign-in answers meanwhile, and the silence of one server is nobody else's."""
    answers: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()

    def attempt(client: Client, place: Destination) -> None:
        try:
            answers.put(tried(client, place))
        finally:
            database.close()

    def start(client: Client, place: Destination) -> threading.Thread:
        thread = threading.Thread(target=attempt, args=(client, place))
        thread.start()
        return thread

    with server(b"", b"") as silent, server(b"", b"") as other:
        place, theirs = bucket_of(acme, silent.port), bucket_of(globex, other.port)
        threads = [start(client, place) for client in [signed_in(ana) for _ in range(18)]]
        refused = [answers.get(timeout=60) for _ in range(16)]
        assert {status for status, _retry_after in refused} == {429}
        assert all(retry_after for _status, retry_after in refused)
        assert silent.opened.acquire(timeout=60)
        assert silent.opened.acquire(timeout=60)
        assert Client().get("/accounts/login/").status_code == 200
        threads.append(start(signed_in(carla), theirs))
        assert other.opened.acquire(timeout=60)
    for thread in threads:
        thread.join(timeout=60)
    assert [answers.get(timeout=60)[0] for _ in range(3)] == [409] * 3  # not reached, once the servers are gone


def _sign_in(client: Client, tenant) -> object:
    with wall.tenant(tenant):
        row, _made = IdentityProvider.objects.get_or_create(
            tenant=tenant, defaults={"issuer": "http://127.0.0.1:1", "client_id": "x", "client_secret": "y"}
        )
    return client.get(reverse("company_start", args=[row.public_id]), headers={"Host": "127.0.0.1:8000"})


def _sign_on(client: Client, tenant) -> object:
    values = {"act": "test", "issuer": "http://127.0.0.1:1", "client_id": "x", "client_secret": "y"}
    return client.post(reverse("single_sign_on", args=[tenant.slug]), values | {"domains": f"{tenant.slug}.example"})


def _connection(client: Client, tenant) -> object:
    values = {"name": "New", "base_url": "http://127.0.0.1:1/api/v1", "token": "talq_new", "days": "30"}
    return client.post(reverse("connections:new", args=[tenant.slug, "talkover"]), values)


def _connections(client: Client, tenant) -> object:
    text = f"name,vendor,address,token,since\nNew,talkover,http://127.0.0.1:1/api/v1,{tenant.slug},2\n"
    file = SimpleUploadedFile("new.csv", text.encode(), "text/csv")
    return client.post(reverse("connections:many", args=[tenant.slug]), {"file": file})


def _checked(client: Client, tenant) -> object:
    with wall.tenant(tenant):
        old, _made = Environment.objects.get_or_create(tenant=tenant, name="Old", provider="talkover")
        row = Connection.objects.filter(environment=old).first() or make_connection(old, token=tenant.slug)
    return client.post(reverse("connections:act", args=[tenant.slug, row.public_id]), {"act": "test"})


def _destination(client: Client, tenant) -> object:
    values = {"name": "New", "kind": "sftp", "host": "127.0.0.1", "port": "1", "login": "a", "secret": "b"}
    return client.post(reverse("reports_web:destination_new", args=[tenant.slug]), values)


def _try_on_page(client: Client, tenant) -> object:
    place = bucket_of(tenant)
    return client.post(reverse("reports_web:destination_act", args=[tenant.slug, place.public_id]), {"act": "try"})


FACES = {
    "sign-in through a provider": (SIGN_INS, _sign_in),
    "a provider is tried out": (TESTS, _sign_on),
    "a connection is added": (TESTS, _connection),
    "many connections are tested": (TESTS, _connections),
    "a connection is tested": (TESTS, _checked),
    "a destination is added": (TESTS, _destination),
    "a destination is tried": (TESTS, _try_on_page),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", FACES)
def test_every_face_that_asks_a_foreign_server_refuses_a_tenant_without_a_free_place(acme, globex, ana, carla, name):
    places, ask = FACES[name]
    with ExitStack() as held:
        for _place in range(2):
            held.enter_context(places.take(acme.pk))
        refused, other = ask(signed_in(ana), acme), ask(signed_in(carla), globex)
    assert refused.status_code == 429, refused.content
    assert int(refused["Retry-After"]) >= 20
    assert "Tente" in refused.content.decode() or "Try again in 1 minute." in refused.content.decode()
    assert other.status_code != 429
    assert ask(signed_in(ana), acme).status_code != 429  # once the places are free
