"""Speaks each reader's language."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from portal.tenants.brand import tenant_at

_PAGES = ("/accounts/", "/t/", "/mail/")  # what people read; probes and programs are asked for nothing more


class ReaderLanguageMiddleware:
    """A member's own language wins over all, then what a browser chose here, then that of the company whose host name
    was asked; without any, LocaleMiddleware's choice stays."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = getattr(request.user, "language", "") or _of_the_host(request)
        if language:
            translation.activate(language)
            request.LANGUAGE_CODE = translation.get_language()
        return self.get_response(request)


def _of_the_host(request: HttpRequest) -> str:
    if request.path != "/" and not request.path.startswith(_PAGES):
        return ""
    if request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME) in dict(settings.LANGUAGES):
        return ""
    tenant = tenant_at(request)
    return tenant.language if tenant is not None else ""
