"""The OpenAPI document and its pages. Both are open: they describe the doors, and nothing behind them."""

from functools import cache
from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.utils.translation import get_language, override
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its registration has no types
    target_class = "reports.api.auth.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key: ring_…"}


class MemberScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "reports.api.auth.MemberAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


class OpenView(APIView):
    """Read by anybody, and only read. Its renderers have no form for a problem document, so a refusal is bare."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    http_method_names = ["get", "head"]

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        return HttpResponseNotAllowed(self.allowed_methods)


class SchemaView(OpenView, SpectacularAPIView):
    """The document, as YAML or JSON by the Accept header, in the reader's language or that of ``lang``."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        lang, renderer = request.GET.get("lang", ""), request.accepted_renderer
        language = lang if lang in dict(settings.LANGUAGES) else get_language()
        answer = HttpResponse(written(renderer.media_type, language), content_type=renderer.media_type)
        answer.headers["Content-Disposition"] = f'inline; filename="Ringbook.{renderer.format}"'
        return answer


@cache
def written(media_type: str, language: str | None) -> str | bytes:
    """The document is the same for everybody, and takes half a second: it is made once of each kind."""
    renderer = next(
        candidate for candidate in SpectacularAPIView.renderer_classes if candidate.media_type == media_type
    )
    with override(language):
        schema = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
        return renderer().render(schema, renderer_context={})


# Swagger UI writes styles into its elements; scripts still come from this site alone.
@method_decorator(csp_update({"style-src": [SELF, UNSAFE_INLINE]}), name="dispatch")
class DocsView(OpenView, SpectacularSwaggerSplitView):
    """The document to read and to try, made of files of this site alone."""
