"""Who asks, when proxies stand in front: headers of strangers are not believed."""

import pytest
from django.test import RequestFactory, override_settings

from portal.audit.models import PlatformEntry
from portal.proxies import client_address, client_scheme, is_from_here

PEER = "10.0.0.9"


@pytest.mark.parametrize(
    ("proxies", "said", "address"),
    [
        (0, "1.2.3.4", PEER),
        (1, "1.2.3.4", "1.2.3.4"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.8", "1.2.3.4"),
        (2, "1.2.3.4", "1.2.3.4"),
        (1, "1.2.3.4:5678", "1.2.3.4"),
        (1, "[2001:db8::7]:443", "2001:db8::7"),
        (1, "2001:DB8::7", "2001:db8::7"),
        (1, "::ffff:1.2.3.4", "1.2.3.4"),
        (1, "unknown", PEER),
        (1, "", PEER),
        (1, "1.2.3.4,", PEER),
        (1, "1.2.3.4, <script>", PEER),
    ],
)
def test_the_address_is_what_the_outermost_trusted_proxy_saw(settings, proxies, said, address) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert client_address({"REMOTE_ADDR": PEER, "HTTP_X_FORWARDED_FOR": said}) == address


@pytest.mark.parametrize(
    ("proxies", "said", "scheme"),
    [
        (0, "https", "http"),
        (1, "https", "https"),
        (1, "https, http", "http"),
        (2, "https, http", "https"),
        (1, "", "http"),
    ],
)
def test_https_is_what_the_outermost_trusted_proxy_speaks(settings, proxies, said, scheme) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert client_scheme({"wsgi.url_scheme": "http", "HTTP_X_FORWARDED_PROTO": said}) == scheme


@pytest.mark.parametrize(
    ("sent", "here"),
    [
        ({}, True),
        ({"REMOTE_ADDR": "10.0.0.9"}, False),
        ({"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, False),
        ({"HTTP_X_FORWARDED_PROTO": "http"}, False),
        ({"HTTP_X_REAL_IP": "127.0.0.1"}, False),
        ({"HTTP_HOST": "ringbook.example.com"}, False),
        ({"HTTP_HOST": "127.0.0.1:8000"}, True),
        ({"HTTP_HOST": "[::1]:8000", "REMOTE_ADDR": "::1"}, True),
        ({"REMOTE_ADDR": ""}, False),
    ],
)
def test_what_a_proxy_on_this_machine_passes_on_is_not_from_here(sent, here) -> None:
    assert is_from_here(RequestFactory().get("/metrics", **({"HTTP_HOST": "localhost"} | sent))) is here


@pytest.mark.parametrize(("given", "status"), [("Bearer right", 200), ("Bearer wrong", 403), ("right", 403), ("", 403)])
def test_metrics_take_a_token_from_elsewhere(client, db, settings, given, status) -> None:
    settings.METRICS_TOKEN = "right"
    assert client.get("/metrics", REMOTE_ADDR=PEER, headers={"authorization": given}).status_code == status


def test_without_a_token_none_is_taken(client, db) -> None:
    assert client.get("/metrics", REMOTE_ADDR=PEER, headers={"authorization": "Bearer "}).status_code == 403


@pytest.fixture
def _https_portal():
    with override_settings(SECURE=True, BASE_URL="https://ringbook.example.com", ALLOWED_HOSTS=["*"]):
        yield


@pytest.mark.usefixtures("_https_portal")
class TestPlainHttp:
    def test_pages_lead_to_https(self, client, db) -> None:
        answer = client.get("/accounts/login/?next=/t/acme/", headers={"host": "evil.example"})
        assert answer.status_code == 301
        assert answer["Location"] == "https://ringbook.example.com/accounts/login/?next=/t/acme/"

    @pytest.mark.parametrize("path", ["/api/v1/calls/", "/vendor/talkover/api/v1/calls"])
    def test_the_api_refuses(self, client, db, path) -> None:
        answer = client.get(path, headers={"authorization": "Bearer ring_x", "x-forwarded-proto": "https"})
        assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
        assert answer.json()["status"] == 403

    def test_probes_answer(self, client, db) -> None:
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").status_code in (200, 503)
        assert client.get("/metrics", headers={"host": "127.0.0.1"}).status_code == 200

    def test_a_counted_proxy_is_believed(self, client, ana, settings) -> None:
        headers = {"x-forwarded-proto": "https"}
        assert client.get("/accounts/login/", headers=headers).status_code == 301
        settings.TRUSTED_PROXIES = 1
        assert client.get("/accounts/login/", headers=headers).status_code == 200


def test_the_audit_names_the_client_and_not_the_proxy(client, ana, settings) -> None:
    settings.TRUSTED_PROXIES = 1
    wrong = {"login": ana.email, "password": "wrong"}
    client.post("/accounts/login/", wrong, headers={"x-forwarded-for": "6.6.6.6, 1.2.3.4"})
    assert PlatformEntry.objects.get(action="person.sign_in_failed").address == "1.2.3.4"
