"""Speaks each signed-in member's language, and says in it what the database could not do."""

import logging
from collections.abc import Callable

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from portal.tenants.database import explain

logger = logging.getLogger("ringbook.pages")


class ReaderLanguageMiddleware:
    """A member's own language wins over the browser's; without one, LocaleMiddleware's choice stays."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = getattr(request.user, "language", "")
        if language:
            translation.activate(language)
            request.LANGUAGE_CODE = translation.get_language()
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A database that did not answer in time, or at all, is told with 503, and no traceback is needed."""
        reason = explain(error) if isinstance(error, DatabaseError) else ""
        if not reason:
            return None
        logger.error("a page failed: %s", reason)
        answer = render(None, "503.html", {"reason": reason}, status=503)  # without the reader, whom the database knows
        answer["Retry-After"] = "5"
        return answer
