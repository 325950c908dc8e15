"""The way to the mail server for one message after another."""

import logging
from types import TracebackType
from typing import Self

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend

from portal.outbox.refusals import NotTaken

logger = logging.getLogger("ringbook.outbox")

PER_CONNECTION = 100  # messages; servers end connections that bring more than they like


class Line:
    """A connection that is opened for the first message, asked before each further one, and made anew after a fault.

    ``dead`` once nobody listened at the other end: whoever has more messages leaves them for later. ``brought`` are the
    messages that were claimed for it, and not by somebody else.
    """

    def __init__(self) -> None:
        self.dead = False
        self.brought: set[int] = set()
        self._backend: BaseEmailBackend | None = None
        self._begun = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def ready(self) -> BaseEmailBackend:
        """A connection that takes a message now; raises :class:`NotTaken`."""
        if self._begun >= PER_CONNECTION:
            self.close()
        if self._backend is None:
            self._backend, self._begun = get_connection(), 0
        self._begun += 1
        try:
            getattr(self._backend, "refresh", self._backend.open)()
        except NotTaken as refusal:
            self.dead = refusal.nobody_there
            raise
        return self._backend

    def close(self) -> None:
        backend, self._backend = self._backend, None
        try:
            if backend is not None:
                backend.close()
        except Exception as error:  # noqa: BLE001  # the fate of each message is written down already
            logger.info("mail connection did not close: %s", type(error).__name__)
