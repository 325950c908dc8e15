"""Speaks each reader's language, and says in it what the database could not do."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from portal.tenants.brand import tenant_at
from portal.tenants.database import explain

logger = logging.getLogger("ringbook.pages")

_PAGES = ("/accounts/", "/t/", "/mail/")  # what people read; probes and programs are asked for nothing more


class ReaderLanguageMiddleware:
    """A member's own language wins over all, then what a browser chose here, then that of the company whose host name
    was asked; without any, LocaleMiddleware's choice stays."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            language = getattr(request.user, "language", "") or _of_the_host(request)
        except DatabaseError as error:
            told = self.process_exception(request, error)
            if told is None:
                raise
            return told
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


def _of_the_host(request: HttpRequest) -> str:
    if request.path != "/" and not request.path.startswith(_PAGES):
        return ""
    if request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME) in dict(settings.LANGUAGES):
        return ""
    tenant = tenant_at(request)
    return tenant.language if tenant is not None else ""
