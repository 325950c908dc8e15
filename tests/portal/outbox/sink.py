"""A small mail server on loopback that keeps what it takes, and misbehaves at a verb when told to."""

import socket
import socketserver
import threading
from collections import Counter
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

PATIENCE = 0.6  # seconds: twice that of the other side


class Sink:
    """``answers`` maps a verb (CONNECT, EHLO, MAIL, RCPT, DATA, END) to a reply line, or to ``drop`` or ``hang``.

    END is the answer to the message itself. ``keep`` says whether a message dropped at END was taken all the same.
    ``once`` maps a verb to how often it is said until the answer comes that stands beside, and then once; ``late`` is
    the good answer, after the other side has lost its patience.
    """

    def __init__(self, **answers: str) -> None:
        self.answers = dict(answers)
        self.once: dict[str, tuple[int, str]] = {}
        self.said: Counter[str] = Counter()
        self.connections = 0
        self.keep = True
        self.taken: list[tuple[str, bytes]] = []
        self.released = threading.Event()
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                sink._talk(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that goes away in mid-sentence is what these tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(body, policy=policy.default) for _, body in self.taken]  # type: ignore[misc]

    def _talk(self, handler: socketserver.StreamRequestHandler) -> None:
        self.connections += 1
        if not self._reply(handler, self._answer("CONNECT", "220 sink"), "220 sink"):
            return
        recipient = ""
        while line := handler.rfile.readline():
            verb = line[:4].decode("ascii", "replace").upper().strip()
            if verb == "QUIT":
                handler.wfile.write(b"221 bye\r\n")
                return
            if verb == "RCPT":
                recipient = line.decode().split("<")[1].split(">")[0]
            good = "354 go on" if verb == "DATA" else "250 ok"
            answer = self._answer(verb, good)
            if not self._reply(handler, answer, good):
                return
            if verb == "DATA" and answer.startswith("354"):
                lines = iter(handler.rfile.readline, b".\r\n")
                body = b"".join(line.removeprefix(b".") for line in lines)  # the sender doubles a dot at the beginning
                answer = self._answer("END", "250 taken")
                if answer.startswith("250") or (answer in {"drop", "hang", "late"} and self.keep):
                    self.taken.append((recipient, body))
                if not self._reply(handler, answer, "250 taken"):
                    return
            if answer.startswith("421"):
                return

    def _reply(self, handler: socketserver.StreamRequestHandler, answer: str, good: str) -> bool:
        """Whether the conversation goes on after it."""
        if answer == "hang":
            self.released.wait(30)
            return False
        if answer == "late":
            self.released.wait(PATIENCE)
            answer = good
        if answer == "drop":
            handler.connection.shutdown(socket.SHUT_RDWR)
            return False
        handler.wfile.write(f"{answer}\r\n".encode())
        return True

    def _answer(self, verb: str, good: str) -> str:
        self.said[verb] += 1
        if verb in self.once and self.once[verb][0] == self.said[verb]:
            return self.once[verb][1]
        return self.answers.get(verb, good)
