"""What a share link opens: an answer for people without an account, and nothing that leads further.

It is for nobody's index and no cache, its address goes to no other site, and guesses of its password are limited as
those of accounts are. The frame may stand in pages of the hosts that the company names, and in no other.

It looks and speaks as the company's pages do under its own host name. What is no open link is the portal's usual 404,
in the portal's look and the reader's language, whatever it once was.
"""

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from csp.constants import NONE
from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, override
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.brand_pages import logo_of, stylesheet_in
from portal.accounts.limits import Guess
from portal.tenants import wall
from portal.tenants.brand import look_of
from reports.definitions.periods import local_date, moment_of_asking
from reports.saved import share_links
from reports.saved.asked import OWN
from reports.saved.models import ShareLink
from reports.web.saved.periods import read_period
from reports.web.saved.sheets import latest, sheets
from reports.web.shared.selection import written

COOKIE, OPEN_FOR = "ringbook-answer", 12 * 3600  # seconds for which a password that was right stays so
OWN_NAMES = {"en": "English", "pt-br": "Português"}  # in whichever language the page is


@require_http_methods(["GET", "HEAD", "POST"])
def shared_answer(request: HttpRequest, token: str) -> HttpResponseBase:
    """The answer; first the password, where the link has one."""
    link = _link(token)
    if request.method == "POST":
        return _told(_with_password(request, link))
    if link.password and not _is_known(request, link):
        return _told(_asking(request, link))
    return _told(_answer(request, link))


@require_safe
def shared_stylesheet(request: HttpRequest, token: str) -> HttpResponseBase:
    return stylesheet_in(_link(token).tenant.accent)


@require_safe
def shared_logo(request: HttpRequest, token: str) -> HttpResponseBase:
    link = _link(token)
    with wall.tenant(link.tenant):
        return logo_of(link.tenant)


@require_safe
@xframe_options_exempt
def shared_frame(request: HttpRequest, token: str) -> HttpResponseBase:
    """The same for a frame in another's page: of links made for that, which have no password."""
    link = _link(token)
    if not link.embeds or link.password:
        raise Http404
    with wall.tenant(link.tenant):
        hosts = share_links.hosts()
    answer = _told(_answer(request, link, framed=True))
    ancestors = [f"https://{host}" for host in hosts] or [NONE]
    told: HttpResponseBase = csp_replace({"frame-ancestors": ancestors})(lambda _request: answer)(request)
    return told


def _link(token: str) -> ShareLink:
    link = share_links.link_of(token)
    if link is None:
        raise Http404
    with wall.tenant(link.tenant):
        if share_links.opened(link) is None:
            raise Http404
    return link


def _answer(request: HttpRequest, link: ShareLink, *, framed: bool = False) -> HttpResponse:
    now, zone = moment_of_asking(), link.tenant.zone
    with wall.tenant(link.tenant), timezone.override(link.tenant.tzinfo), _language(request, link):
        opened = share_links.opened(link)
        if opened is None:
            raise Http404
        chosen = read_period(request.GET if link.any_period else {}, zone, today=local_date(now, zone))
        context = {
            "title": opened.title,
            "framed": framed,
            "sheets": sheets(
                opened.reports, opened.scope, tenant=link.tenant.slug, now=now, period=chosen.params, linked=False
            ),
            "at": latest(now, opened.scope.zone),
            "alone": link.board_id is None,
            **(chosen.context(of_one=link.board_id is None) if link.any_period else {}),
        }
        return _rendered(request, link, "reports/shared_answer.html", context | _languages(request, chosen.params))


def _asking(request: HttpRequest, link: ShareLink, *, wrong: str | Promise = "", status: int = 200) -> HttpResponse:
    """The form tells whose the answer is, and nothing else of it."""
    with _language(request, link):
        context = {"wrong": wrong, **_languages(request, OWN)}
        answer = _rendered(request, link, "reports/shared_password.html", context, status=status)
    # Under "no-referrer" browsers name no origin with the password either, and it would be refused as another site's.
    answer["Referrer-Policy"] = "same-origin"
    return answer


def _rendered(
    request: HttpRequest, link: ShareLink, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    token = request.path.split("/")[2]
    context["look"] = look_of(link.tenant, place=f"/shared-link/{token}/brand")
    context["company"] = link.tenant.brand_name or link.tenant.name
    answer = TemplateResponse(request, template, context, status=status).render()
    answer["Content-Language"] = str(get_language())
    return answer


def _language(request: HttpRequest, link: ShareLink) -> AbstractContextManager[Any]:
    """That of the address; else what the reader chose, of his account or his browser; else the company's."""
    known = dict(settings.LANGUAGES)
    if (asked := request.GET.get("language", "")) in known:
        return override(asked)
    chosen = getattr(request.user, "language", "") or request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
    return nullcontext() if chosen in known else override(link.tenant.language)


def _languages(request: HttpRequest, period: Mapping[str, str]) -> dict[str, Any]:
    """The ways to the page in another language, by its code and its own name."""
    others = [(code, name) for code, name in OWN_NAMES.items() if code != get_language()]
    asked = request.GET.get("language", "")
    return {
        "kept_language": asked if asked in dict(settings.LANGUAGES) else "",
        "languages": [(code, name, f"?{written({**period, 'language': code})}") for code, name in others],
    }


def _with_password(request: HttpRequest, link: ShareLink) -> HttpResponse:
    if not link.password:
        raise Http404
    guess = Guess(request, "link", f"link-{link.public_id}")
    if not guess.is_allowed():
        answer = _asking(request, link, wrong=gettext_lazy("Too many attempts. Try again later."), status=429)
        answer["Retry-After"] = str(guess.seconds_left())
        return answer
    if not check_password(request.POST.get("password", "")[:1024], link.password):
        return _asking(request, link, wrong=gettext_lazy("This is not the password."), status=403)
    guess.take_back()
    answer = HttpResponseRedirect(request.get_full_path())  # in the language, and for the days, that were asked for
    answer.set_cookie(
        COOKIE,
        _signer().sign(_proof(link)),
        max_age=OPEN_FOR,
        path=request.path,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return answer


def _is_known(request: HttpRequest, link: ShareLink) -> bool:
    try:
        told = _signer().unsign(request.COOKIES.get(COOKIE, ""), max_age=OPEN_FOR)
    except signing.BadSignature:
        return False
    return constant_time_compare(told, _proof(link))


def _proof(link: ShareLink) -> str:
    """That the password of this link was told; another password makes another proof."""
    return hashlib.sha256(f"{link.public_id}:{link.password}".encode()).hexdigest()


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt="ringbook.share-link")


def _told(answer: HttpResponse) -> HttpResponse:
    answer["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    answer.headers.setdefault("Referrer-Policy", "no-referrer")
    answer["Cache-Control"] = "private, no-store"
    return answer
