"""The OpenAPI document and its pages. Both are open: they describe the doors, and nothing behind them."""

import threading
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import get_language, gettext, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from reports.api.book import CHAPTERS, Book, book, chapter_of

_making = threading.Lock()  # the generator loads its parts as it begins: two at once would find them half there


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its registration has no types
    target_class = "reports.api.auth.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": _("An API key: ring_…")}


class MemberScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "reports.api.auth.MemberAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


class OpenView(APIView):
    """Read by anybody, and only read. Its renderers have no form for a problem document: a refusal is bare, and who
    accepts neither form is sent the first."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    http_method_names = ["get", "head"]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        return super().perform_content_negotiation(request, force=True)

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        return HttpResponseNotAllowed(self.allowed_methods)


class SchemaView(OpenView, SpectacularAPIView):
    """The document, as YAML or JSON by the Accept header, in the reader's language or that of ``lang``."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        lang, renderer = request.GET.get("lang", ""), request.accepted_renderer
        language = lang if lang in dict(settings.LANGUAGES) else get_language()
        with _making:
            text = written(renderer.media_type, language)
        answer = HttpResponse(text, content_type=renderer.media_type)
        answer.headers["Content-Disposition"] = f'inline; filename="Ringbook.{renderer.format}"'
        return answer


@cache
def written(media_type: str, language: str | None) -> str | bytes:
    """The document is the same for everybody, and takes half a second: it is made once of each kind."""
    renderer = next(
        candidate for candidate in SpectacularAPIView.renderer_classes if candidate.media_type == media_type
    )
    with override(language):
        return renderer().render(document(), renderer_context={})


def document() -> dict[str, Any]:
    """The document in the active language. What was made of words before anybody read them is said in it now."""
    made: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    made["info"]["description"] = _("Calls and callback statistics mirrored from voice-AI platforms.")
    for path, methods in made["paths"].items():
        for operation in methods.values():
            operation["tags"] = [chapter_of(path)]
    made["tags"] = [{"name": key, "description": str(title)} for key, title in CHAPTERS.items()]
    return {key: _translated(part) for key, part in made.items()}


def _translated(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            key: _said(value) if key == "description" and isinstance(value, str) else _translated(value)
            for key, value in part.items()
        }
    return [_translated(each) for each in part] if isinstance(part, list) else part


def _said(text: str) -> str:
    """A description in the active language; what the framework adds about choices, and breaks of lines, aside."""
    words, choices, rest = text.partition("\n\n*")
    words = " ".join(words.split())
    return (gettext(words) if words else "") + choices + rest


@cache
def page_of(language: str | None) -> Book:
    """The document as its page shows it, made once in each language."""
    with override(language):
        return book(document())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The document to read, as a page of the portal. Open, as the document is."""
    site = request.build_absolute_uri("/").rstrip("/")
    with _making:
        described = page_of(get_language())
    context = {"title": _("API"), "page": "api", "site": site, "book": described}
    return TemplateResponse(request, "reports/api.html", context)
