"""A mail backend that writes each message into a folder, where any mail program opens it.

The name says when and roughly to whom: ``20260713-110002-ana-5f1c09ab.eml``; the address in full is inside only.
"""

import hashlib
import logging
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from portal.outbox.refusals import FOLDER, NotTaken

logger = logging.getLogger("ringbook.outbox")


def home() -> Path:
    """The folder of such mails, also where they leave by a mail server by now."""
    return Path(getattr(settings, "EMAIL_FILE_PATH", "") or settings.DATA_DIR / "outbox")


class FolderBackend(BaseEmailBackend):
    """Writes into ``EMAIL_FILE_PATH``. A file appears whole or not at all, readable by its owner only."""

    def __init__(self, *args: Any, file_path: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.folder = Path(file_path or str(settings.EMAIL_FILE_PATH))  # type: ignore[misc]  # a setting of this backend

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            content = message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # Django's own form
            try:
                self._write(_name(message), content)
            except OSError as error:
                logger.error("no mail can be written to %s: %s", self.folder, error.strerror)
                raise NotTaken(FOLDER, nobody_there=True) from error
        return len(email_messages)

    def _write(self, name: str, content: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / f".{name}.{os.getpid()}"
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.folder / name)
        finally:
            draft.unlink(missing_ok=True)


def _name(message: EmailMessage) -> str:
    recipient = message.recipients()[0]
    person = re.sub(r"[^a-z0-9]+", "-", recipient.split("@")[0].lower()).strip("-")[:20] or "mail"
    identity = message.extra_headers.get("Message-ID") or recipient
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{person}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}.eml"
