"""Django's SMTP backend, saying precisely how far a message got.

Until the DATA command nothing was handed over, so any fault there is :class:`NotTaken`. A reply to DATA is a clear
answer as well. Silence or a lost connection after DATA is neither, and is raised as it came.
"""

import re
import smtplib
from base64 import b64encode
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage

from portal.django_inside import OneByOne
from portal.outbox.refusals import NotTaken

_POLICY = re.compile(r"^\s*5\.7\.\d")  # refused for who sends, not for who receives


class _Marked:
    data_begun = False
    answered: tuple[int, bytes] | None = None

    def rset(self) -> Any:
        self.data_begun = False  # another message begins on this connection
        return super().rset()  # type: ignore[misc]

    def data(self, msg: Any) -> Any:
        self.data_begun = True
        self.answered = super().data(msg)  # type: ignore[misc]
        return self.answered


class _MarkedSMTP(_Marked, smtplib.SMTP):
    pass


class _MarkedSMTPS(_Marked, smtplib.SMTP_SSL):
    pass


def _spoken(error: Exception) -> tuple[int, str]:
    """The server's code and words, or 0 and the kind of fault where it said nothing."""
    words: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, words = error.smtp_code, error.smtp_error
    else:
        silent = isinstance(error.__context__, TimeoutError)  # smtplib calls it a lost connection
        return 0, type(error.__context__ if silent else error).__name__
    return code, _without_secrets(words)


def _without_secrets(words: bytes | str) -> str:
    """A server's words, which may repeat what it was told: the name and password of the sign-in, plain or encoded."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    name, password = settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD
    for secret in filter(None, (password, name)):
        for form in (secret, b64encode(secret.encode()).decode()):
            text = text.replace(form, "…")
    return text.replace(b64encode(f"\0{name}\0{password}".encode()).decode(), "…") if password else text


def _refusal(error: Exception, *, nobody_there: bool = False) -> NotTaken:
    code, words = _spoken(error)
    final = 500 <= code < 600
    of_recipient = isinstance(error, smtplib.SMTPRecipientsRefused)
    of_message = of_recipient or isinstance(error, smtplib.SMTPDataError)
    return NotTaken(
        f"{code} {words}" if code else words,
        # A refusal of the sender, or a wrong password, is ours to mend: the message waits for that.
        permanent=final and of_message,
        address_dead=final and of_recipient and not _POLICY.match(words),
        put_off=400 <= code < 500 and of_message,
        nobody_there=nobody_there,
    )


class SmtpBackend(OneByOne):
    """``reply`` is what the server said to the last message that it took."""

    plain, encrypted = _MarkedSMTP, _MarkedSMTPS
    reply = ""

    def open(self) -> bool | None:
        try:
            return super().open()
        except Exception as error:
            raise _refusal(error, nobody_there=True) from error

    def refresh(self) -> None:
        """Have a connection that answers and holds nothing of an earlier message: the one there is, or a new one."""
        if self.connection is not None and not self._answers():
            self.drop()
        self.open()

    def drop(self) -> None:
        """Forget the connection without a word more: whatever is still said on it is about an earlier message."""
        if self.connection is not None:
            with suppress(Exception):
                self.connection.close()
        self.connection = None

    def hand_over(self, message: EmailMessage) -> bool:
        try:
            went = super().hand_over(message)
            code, words = getattr(self.connection, "answered", None) or (0, b"")
            self.reply = f"{code} {_without_secrets(words)}" if code else ""
            return went
        except smtplib.SMTPDataError as error:
            raise _refusal(error) from error
        except Exception as error:
            begun = getattr(self.connection, "data_begun", True)
            if not isinstance(error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused):
                self.drop()
            if begun:
                raise
            raise _refusal(error) from error

    def _answers(self) -> bool:
        connection: Any = self.connection
        try:
            code, _words = connection.rset()
        except (smtplib.SMTPException, OSError):
            return False
        return bool(code == 250)
