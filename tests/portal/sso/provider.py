"""Identity providers over real HTTP: one that tests bend as they like, and the way through a well-known one."""

import base64
import functools
import hashlib
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.test import Client

HOST = "127.0.0.1:8000"  # that of BASE_URL
CLIENT_ID, SECRET = "ringbook", "a client's secret"


@functools.cache
def rsa_key(_which: int) -> rsa.RSAPrivateKey:
    """Made once for all tests: it takes longer than a sign-in."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def browser() -> Client:
    return Client(HTTP_HOST=HOST, HTTP_ACCEPT_LANGUAGE="en")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Whoever asked went away, which is his right."""


class BentProvider:
    """Well-behaved at first. ``told``, ``documents`` and ``sign`` change what it says."""

    def __init__(self) -> None:
        self.key: Any = rsa_key(0)
        self.kid = "first"
        self.told: dict[str, Any] = {}  # claims over the good ones; None leaves one out
        self.documents: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.asked: list[tuple[str, str, dict[str, str]]] = []  # path, authorization, form
        self.codes: dict[str, dict[str, str]] = {}
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def rotate(self, *, elliptic: bool = False) -> None:
        self.kid = "second"
        self.key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa_key(1)

    @property
    def algorithm(self) -> str:
        return "RS256" if isinstance(self.key, rsa.RSAPrivateKey) else "ES256"

    def signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.key, algorithm=self.algorithm, headers={"kid": self.kid})

    def jwk(self) -> dict[str, Any]:
        kind = jwt.algorithms.RSAAlgorithm if self.algorithm == "RS256" else jwt.algorithms.ECAlgorithm
        return {**kind.to_jwk(self.key.public_key(), as_dict=True), "kid": self.kid, "use": "sig"}

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def code_for(self, location: str) -> str:
        """What its page would end with: a code for whoever was sent to ``location``."""
        assert location.startswith(f"{self.issuer}/authorize?"), location
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return code

    def back(self, location: str, **over: str) -> str:
        """The address that it sends the browser back to."""
        code = self.code_for(location)
        asked = self.codes[code]
        query = {"code": code, "state": asked["state"], **over}
        return urlsplit(asked["redirect_uri"]).path + "?" + "&".join(f"{name}={text}" for name, text in query.items())

    def answer(self, path: str, authorization: str, form: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        self.asked.append((path, authorization, form))
        if path in self.documents:
            return self.documents[path]
        if path == "/.well-known/openid-configuration":
            return _json(self.description())
        if path == "/keys":
            return _json({"keys": [self.jwk()]})
        if path == "/token":
            return self._token(authorization, form)
        return _json({}, 404)

    def _token(self, authorization: str, form: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        login = base64.b64encode(b"ringbook:a%20client%27s%20secret").decode()
        if asked is None or asked["code_challenge"] != challenge.decode().rstrip("="):
            return _json({"error": "invalid_grant"}, 400)
        if authorization != f"Basic {login}" or form["redirect_uri"] != asked["redirect_uri"]:
            return _json({"error": "invalid_client"}, 401)
        now = int(time.time())
        good = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": "bruno@acme.example",
            "email_verified": True,
        }
        claims = {name: value for name, value in {**good, **self.told}.items() if value is not None}
        return _json({"access_token": "unused", "token_type": "Bearer", "id_token": self.sign(claims)})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send({})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._send({name: values[0] for name, values in parse_qs(body).items()})

            def _send(self, form: dict[str, str]) -> None:
                status, headers, body = provider.answer(self.path, self.headers.get("Authorization", ""), form)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def _json(document: Any, status: int = 200) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


def through(location: str, subject: str, *, deny: bool = False) -> str:
    """Say who one is at the page of the provider of the package index; where it sends the browser back to."""
    form = {"action": "deny"} if deny else {"sub": subject}
    answer = requests.post(location, data=form, allow_redirects=False, timeout=20)
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["Location"])
    assert parts.netloc == HOST
    return f"{parts.path}?{parts.query}"
