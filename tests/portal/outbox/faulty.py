"""A mail server by aiosmtpd that wants encryption and a password, as providers do, and fails at a verb when told to."""

import asyncio
import datetime
import ipaddress
import logging
import ssl
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.cache import cache

NAME, PASSWORD = "ringbook", "correct horse"
VERBS = ("CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "END", "QUIT")
T = TypeVar("T")


class Faulty:
    """``fault`` is a verb, which time it is said (0 is each time) and the answer: a line, ``stall`` or ``drop``.

    END is what follows the message's last dot; there ``keeps`` says whether one that is stalled or dropped was taken.
    ``taken`` holds each message with what the connection was like, ``offered`` the bytes of all that were brought.
    """

    def __init__(self, certificate: Path) -> None:
        self.fault: tuple[str, int, str] | None = None
        self.keeps = True
        self.said: Counter[str] = Counter()
        self.taken: list[tuple[EmailMessage, Session, Envelope]] = []
        self.offered: list[bytes] = []
        self._talks: list[Any] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._done(self._loop.create_server(self._conversation, "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._done(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _done(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for talk in self._talks:
            if talk.transport is not None:
                talk.transport.abort()
        await asyncio.sleep(0)

    def _conversation(self) -> SMTP:
        talk = _Conversation(
            self,
            loop=self._loop,
            hostname="mx.provider.example",
            tls_context=self._context,
            require_starttls=True,
            auth_required=True,
            authenticator=_known,
        )
        self._talks.append(talk)
        return talk

    async def strikes(self, verb: str, talk: SMTP) -> bool:
        """Whether a verb was answered with a fault, or with nothing."""
        answer = self.answer_to(verb)
        if answer == "stall":
            await asyncio.sleep(60)  # nobody waits so long; it is woken when the server ends
        if answer in ("stall", "drop"):
            talk.transport.abort()  # type: ignore[union-attr]
        elif answer:
            await talk.push(answer)
        return bool(answer)

    def answer_to(self, verb: str) -> str:
        """The fault that a verb meets, the so many-th that is said; "" for none."""
        self.said[verb] += 1
        met, time, answer = self.fault or ("", 0, "")
        return answer if verb == met and time in (0, self.said[verb]) else ""

    async def handle_DATA(self, talk: SMTP, session: Session, envelope: Envelope) -> str:
        """What is done with a message once it is here whole; aiosmtpd asks by this name."""
        answer, content = self.answer_to("END"), envelope.content
        assert isinstance(content, bytes)
        self.offered.append(content)
        if not answer or (answer in ("stall", "drop") and self.keeps):
            mail: EmailMessage = message_from_bytes(content, policy=policy.default)  # type: ignore[assignment]
            self.taken.append((mail, session, envelope))
        if answer == "stall":
            await asyncio.sleep(60)
        if answer == "drop":
            talk.transport.abort()  # type: ignore[union-attr]
        return answer or "250 taken"


logging.getLogger("mail.log").setLevel(logging.ERROR)  # it warns of its own next version at each sign-in


@contextmanager
def provider(settings: Any, identity: Path) -> Iterator[Faulty]:
    """A server that the settings point at; OpenSSL has to trust its certificate."""
    cache.clear()
    with Faulty(identity) as server:
        settings.EMAIL_BACKEND = "portal.outbox.smtp.SmtpBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "localhost", server.port
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = NAME, PASSWORD
        settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL, settings.EMAIL_TIMEOUT = True, False, 5
        yield server
    cache.clear()


def _known(_server: Any, _session: Any, _envelope: Any, _mechanism: str, said: Any) -> AuthResult:
    return AuthResult(success=(said.login, said.password) == (NAME.encode(), PASSWORD.encode()))


class _Conversation(SMTP):
    """One connection: each verb is answered by the fault first, then as aiosmtpd does."""

    async def _handle_client(self) -> None:
        if not await self.event_handler.strikes("CONNECT", self):
            await super()._handle_client()
        elif self.transport is not None:
            self.transport.close()


def _watch(verb: str) -> Any:
    plain = getattr(SMTP, f"smtp_{verb}")

    async def said(self: _Conversation, arg: str) -> None:
        if not await self.event_handler.strikes(verb, self):
            await plain(self, arg)

    return said


for _verb in ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"):
    setattr(_Conversation, f"smtp_{_verb}", _watch(_verb))


def certificate(folder: Path) -> Path:
    """A file with a key and a certificate for localhost that signs itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, plain) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path
