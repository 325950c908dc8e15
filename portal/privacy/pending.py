"""Whose erasures a restored database has not made up for: that company's data are not served until it has.

An older database beside the newest folder of erasures shows again what was erased since. ``manage.py serve`` makes up
for it before the first page; a process that is started otherwise looks here, once in some seconds.
"""

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from portal.privacy import ledger
from portal.tenants import wall

logger = logging.getLogger("ringbook.pages")

LOOKED_EVERY = 5.0  # seconds
RETRY_AFTER = 60  # seconds: the sweep makes up for erasures once a minute
_ALWAYS = ("/static/", "/livez", "/readyz", "/metrics")
_CONSOLE = "/admin/"  # looks across all companies


class Pending:
    """The companies with such erasures, as they were some seconds ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until, self._folder = 0.0, ""
        self._tenants: frozenset[int] = frozenset()

    def tenants(self) -> frozenset[int]:
        with self._lock:
            if time.monotonic() >= self._until or self._folder != str(settings.DATA_DIR):
                self._tenants = self._looked()
                self._folder, self._until = str(settings.DATA_DIR), time.monotonic() + LOOKED_EVERY
            return self._tenants

    def forget(self) -> None:
        """Look again when asked next."""
        self._until = 0.0

    def _looked(self) -> frozenset[int]:
        try:
            return ledger.pending()
        except DatabaseError as error:  # nothing can be read of it then
            logger.warning("pending erasures were not looked for: %s", type(error).__name__)
            return self._tenants


PENDING = Pending()


class PendingErasuresMiddleware:
    """No request opens the wall of a company with erasures to make up for; the console is closed while there is one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_ALWAYS):
            return self.get_response(request)
        tenants = PENDING.tenants()
        if tenants and request.path.startswith(_CONSOLE):
            return closed()
        with wall.closed_to(tenants, sentence):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return closed() if isinstance(error, wall.Closed) else None


def sentence() -> str:
    return _("An erasure is being applied to a restored database. Try again in some minutes.")


def closed() -> HttpResponse:
    answer = render(None, "503.html", {"reason": sentence(), "says_when": True}, status=503)
    answer["Retry-After"] = str(RETRY_AFTER)
    return answer
