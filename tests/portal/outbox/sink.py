"""A small mail server on loopback that keeps what it takes, and misbehaves at a verb when told to."""

import socket
import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self


class Sink:
    """``answers`` maps a verb (CONNECT, EHLO, MAIL, RCPT, DATA, END) to a reply line, or to ``drop`` or ``hang``.

    END is the answer to the message itself. ``keep`` says whether a message dropped at END was taken all the same.
    """

    def __init__(self, **answers: str) -> None:
        self.answers = dict(answers)
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
        def reply(verb: str, good: str) -> bool:
            answer = self.answers.get(verb, good)
            if answer == "hang":
                self.released.wait(30)
                return False
            if answer == "drop":
                handler.connection.shutdown(socket.SHUT_RDWR)
                return False
            handler.wfile.write(f"{answer}\r\n".encode())
            return True

        if not reply("CONNECT", "220 sink"):
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
            if not reply(verb, good):
                return
            if verb == "DATA" and self.answers.get("DATA", good).startswith("354"):
                body = b"".join(iter(handler.rfile.readline, b".\r\n"))
                ending = self.answers.get("END", "250 taken")
                if ending.startswith("250") or (ending in {"drop", "hang"} and self.keep):
                    self.taken.append((recipient, body))
                if not reply("END", "250 taken"):
                    return
