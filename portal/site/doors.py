"""What every request passes before its page: it can be read, it came by https where BASE_URL says so, somebody has set
the portal up, and who is signed in has his second factor. And what is answered while the database or broker is down.
"""

import logging
import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.factors import due_for
from portal.django_inside import unlogged
from portal.lib.outward.trials import TooManyTrials
from portal.obstacles import too_many
from portal.proxies import is_from_here
from portal.site.setup import is_empty
from portal.tenants.brand import address_of, tenant_at
from portal.tenants.database import explain, explain_to_operator
from portal.unreadable import FAULTS, demand_readable, is_storable
from reports.api.auth import key_in
from reports.api.problems import MEDIA_TYPE, RETRY_SECONDS, document
from reports.api.renderers import JsonRenderer

logger = logging.getLogger("ringbook.pages")

_EVERY_ANSWER = {
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_PROBES = ("/livez", "/readyz")
_WITHOUT_FACTOR = ("/accounts/", "/mail/", "/shared-link/", "/static/", "/brand.css", "/brand/", *_PROBES)
_WITHOUT_PEOPLE = ("/setup/", "/accounts/language/", "/metrics", "/static/", *_PROBES)
_VENDORS_FORM = "/vendor/"  # refuses in forms of its own
_FOR_PROGRAMS = ("/api/", "/hooks/", _VENDORS_FORM)


class HeadersMiddleware:
    """What a browser is to be told with every answer, of whatever kind. One that says so itself is left alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        for name, value in _EVERY_ANSWER.items():
            if name != "X-Frame-Options" or not getattr(answer, "xframe_options_exempt", False):
                answer.headers.setdefault(name, value)
        return answer


class ReadableMiddleware:
    """Text that no database keeps is refused with 400 and a body over the limit with 413, in the form of the face."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(_VENDORS_FORM):
            if not is_storable(request.path):
                return self._refused(request, 404)
            try:
                demand_readable(request)
            except FAULTS as fault:
                field = getattr(fault, "field", "")
                return self._refused(request, 413 if isinstance(fault, RequestDataTooBig) else 400, field)
        return self.get_response(request)

    @staticmethod
    def _refused(request: HttpRequest, status: int, field: str = "") -> HttpResponse:
        if status == 404:
            return _refused("", 404) if request.path.startswith(_FOR_PROGRAMS) else render(None, "404.html", status=404)
        sentence = _("This is more than one request may hold.") if status == 413 else _("This address cannot be read.")
        if request.path.startswith(_FOR_PROGRAMS):
            return _refused(sentence, status, {field: [sentence]} if field else None)
        return render(request, "refused.html", {"sentences": [sentence]}, status=status)


class HttpsMiddleware:
    """Plain http under an https BASE_URL: pages lead to https, the API refuses, probes answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._told = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not settings.SECURE or request.is_secure() or request.path in _PROBES:
            return self.get_response(request)
        if request.path == "/metrics" and is_from_here(request):
            return self.get_response(request)
        self._tell_of_proxy(request)
        if request.path.startswith(_FOR_PROGRAMS):
            # A redirect would be followed in silence, with the key in the clear each time.
            return _refused(_("This address is asked over https alone."))
        tenant = tenant_at(request)
        home = settings.BASE_URL if tenant is None else address_of(tenant)
        here = home.split("://", 1)[1].split("/", 1)[0]
        return HttpResponsePermanentRedirect(f"https://{here}{request.get_full_path()}")

    def _tell_of_proxy(self, request: HttpRequest) -> None:
        """Once: whoever runs the portal behind a proxy that is not counted would look for long."""
        if settings.TRUSTED_PROXIES == 0 and "HTTP_X_FORWARDED_PROTO" in request.META and not self._told:
            self._told = True
            logger.warning("A proxy passes requests on, and TRUSTED_PROXIES is 0: what it says is not believed.")


class EmptyMiddleware:
    """Pages of an empty portal lead to the one that sets it up. Asked until somebody has an account, and no more."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._settled = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        if self._settled or request.path.startswith((*_WITHOUT_PEOPLE, *_FOR_PROGRAMS)):
            return None
        self._settled = request.user.is_authenticated or not is_empty()
        return None if self._settled else redirect("set_up")


class OutageMiddleware:
    """A view that the database or the broker did not answer says so with 503, and :func:`server_error` does it for what
    surrounds views. One that would ask a foreign server while too many are asked says so with 429."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, TooManyTrials):
            return _unavailable(request, error)
        if request.path.startswith(_FOR_PROGRAMS):
            answer = _refused(too_many(error.retry_after), 429)
        else:
            answer = render(request, "refused.html", {"sentences": [too_many(error.retry_after)]}, status=429)
        answer["Retry-After"] = str(error.retry_after)
        return answer


def server_error(request: HttpRequest) -> HttpResponse:
    """What nobody caught: 503 during an outage, and 500 for a fault of ours. Asks nothing of database and session."""
    error = sys.exc_info()[1]
    answer = _unavailable(request, error) if isinstance(error, Exception) else None
    if answer is not None:
        return unlogged(answer)  # it has its line in the log, and its traceback would say no more
    return _refused("", 500) if request.path.startswith(_FOR_PROGRAMS) else render(None, "500.html", status=500)


def _unavailable(request: HttpRequest, error: Exception) -> HttpResponse | None:
    sentence = explain(error)
    if not sentence:
        return None
    logger.error("%s was not answered: %s", request.path, explain_to_operator(error))
    if request.path.startswith(_FOR_PROGRAMS):
        answer = _refused(sentence, 503)
    else:  # without the reader, whom the database knows
        answer = render(None, "503.html", {"reason": sentence}, status=503)
    answer["Retry-After"] = str(RETRY_SECONDS)
    return answer


class SecondFactorMiddleware:
    """Within the days of grace a banner, after them nothing but the way to set a factor up. API keys need none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        if request.path.startswith(_WITHOUT_FACTOR) or not request.user.is_authenticated:
            return None
        due = due_for(request)
        request.second_factor_due = due  # type: ignore[attr-defined]  # the banner's
        if due is None or due > timezone.now():
            return None
        if request.path.startswith(_FOR_PROGRAMS):
            by_key = key_in(request.headers.get("Authorization", "").encode("latin-1", "replace")) is not None
            return None if by_key else _refused(_("Set up a second factor first."))
        return redirect("second_factor")


def _refused(detail: str, status: int = 403, errors: dict[str, list[str]] | None = None) -> HttpResponse:
    answer = document(status, detail=detail, errors=errors)
    return HttpResponse(JsonRenderer().render(answer.data), status=status, content_type=MEDIA_TYPE)
