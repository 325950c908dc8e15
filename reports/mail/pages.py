"""Confirming and leaving without an account. Opening a page changes nothing; pressing its button does.

Mail programs press the button of leaving themselves (RFC 8058), without a page, a cookie or a token of the form, so
these two take a POST from anywhere: the link itself is the proof.
"""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from reports.mail import consent, links


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    return _page(request, token, links.CONFIRM, act=consent.confirm)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, token: str) -> HttpResponse:
    return _page(request, token, links.LEAVE, act=consent.leave)


def _page(
    request: HttpRequest, token: str, purpose: str, *, act: Callable[[links.Pointer], bool | None]
) -> HttpResponse:
    try:
        pointer = links.read(token, purpose)
    except links.BadLink as error:
        raise Http404 from error
    outcome = act(pointer) if request.method == "POST" else None
    recipient = consent.find(pointer)
    gone = recipient is None or recipient.gone
    with translation.override(recipient.language if recipient else translation.get_language()):
        context = {
            "subscription": recipient.subscription if recipient else None,
            "tenant": recipient.tenant if recipient else None,
            "done": request.method == "POST" and outcome is not False,
            "gone": gone,
            "confirmed": recipient is not None and recipient.confirmed_at is not None,
        }
        return render(request, f"mail/{purpose}.html", context)
