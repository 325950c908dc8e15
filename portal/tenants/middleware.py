"""Speaks each signed-in member's language."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation


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
