"""What a share link opens: an answer for people without an account, and nothing that leads further.

It is for nobody's index and no cache, its address goes to no other site, and guesses of its password are limited as
those of accounts are. The frame may stand in pages of the hosts that the company names, and in no other.
"""

import hashlib

from csp.constants import NONE
from csp.decorators import csp_replace
from django.contrib.auth.hashers import check_password
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.limits import Guess
from portal.tenants import wall
from reports.definitions.periods import moment_of_asking
from reports.saved import share_links
from reports.saved.models import ShareLink
from reports.web.saved.sheets import latest, sheets

COOKIE, OPEN_FOR = "ringbook-answer", 12 * 3600  # seconds for which a password that was right stays so


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
    now = moment_of_asking()
    with wall.tenant(link.tenant), timezone.override(link.tenant.tzinfo):
        opened = share_links.opened(link)
        if opened is None:
            raise Http404
        context = {
            "title": opened.title,
            "company": link.tenant.brand_name or link.tenant.name,
            "framed": framed,
            "sheets": sheets(opened.reports, opened.scope, tenant=link.tenant.slug, now=now, linked=False),
            "at": latest(now, opened.scope.zone),
        }
        return TemplateResponse(request, "reports/shared_answer.html", context).render()


def _asking(request: HttpRequest, link: ShareLink, *, wrong: str = "", status: int = 200) -> HttpResponse:
    """The form tells nothing of what is behind it."""
    return TemplateResponse(request, "reports/shared_password.html", {"wrong": wrong}, status=status).render()


def _with_password(request: HttpRequest, link: ShareLink) -> HttpResponse:
    if not link.password:
        raise Http404
    guess = Guess(request, "link", f"link-{link.public_id}")
    if not guess.is_allowed():
        answer = _asking(request, link, wrong=_("Too many attempts. Try again later."), status=429)
        answer["Retry-After"] = str(guess.seconds_left())
        return answer
    if not check_password(request.POST.get("password", "")[:1024], link.password):
        return _asking(request, link, wrong=_("This is not the password."), status=403)
    guess.take_back()
    answer = HttpResponseRedirect(request.path)
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
    answer["Referrer-Policy"] = "no-referrer"
    answer["Cache-Control"] = "private, no-store"
    return answer
