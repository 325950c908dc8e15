"""Which requests of whom are answered at once, and what the others read.

========  ==========================================  =============================  =======================
Lane      What comes by it                            One principal at once          One company at once
========  ==========================================  =============================  =======================
pages     everything that is not named below          ``REQUESTS_AT_ONCE``, of an    2 × ``REQUESTS_AT_ONCE``
                                                      address or browser twice that
brands    a company's logo and colours                2 × ``REQUESTS_AT_ONCE``       3 × ``REQUESTS_AT_ONCE``
programs  API, vendors' form, share links, webhooks   ``REQUESTS_AT_ONCE``, of a     one more than that
                                                      share link 1
streams   answers as long as their rows               1                              2
========  ==========================================  =============================  =======================

Programs and streams never have more than half of the threads of a process together, so that sign-in and pages are never
kept waiting by them. While pages of others are made in the process, they pause before they begin and before each piece
of a stream: one thread at a time runs Python, and those that programs have may wait. A second request of the same
principal pauses for longer; a page from an address that many may share waits only for those who had much less work.
Every answer pauses between its parts while pages are made, in any process, of those who had much less work lately. A
principal may have a process work for ``WORK_PER_MINUTE`` seconds in each lane, a share link and programs without any
key for half of that, and the programs of a company for twice as many.

A refusal is sent within a second and holds no thread meanwhile. All figures are of one process. Probes need no turn;
static files were answered before.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial

from csp.decorators import csp_replace
from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import ngettext

from portal.accounts.devices import device_of
from portal.accounts.limits import network_of
from portal.django_inside import on_close, unlogged
from portal.lib.turns import DELAY, THREADS, TURNS, Limit, Principal, Refused, Turn, underway
from reports.api.auth import key_in
from reports.api.problems import MEDIA_TYPE, document
from reports.api.renderers import JsonRenderer
from reports.api.vendor_api.mount import refused
from reports.api.vendor_api.urls import FORMS

PROGRAMS_AT_ONCE = THREADS // 2
GIVES_WAY = 0.25  # seconds at most that a request, or a piece of a stream, waits while pages of others are made
SECOND_GIVES_WAY = 2.0  # seconds at most, where the principal has another request underway
_WITHOUT_TURN = ("/livez", "/readyz")
_API, _VENDORS_FORM, _HOOKS, _LINK = "/api/", "/vendor/", "/hooks/", "/shared-link/"
_FRAME = "/frame/"
_BRANDS = ("/brand.css", "/brand/logo")
_STREAMS = ("/csv/", "/lines/", ".csv", ".jsonl", "/call_stats")


class TurnsMiddleware:
    """Refuses with 429 before anything else is looked up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path in _WITHOUT_TURN:
            return self.get_response(request)
        credentials, lane = _credentials(request), _lane(request.path)
        principal = TURNS.principal_of(credentials) or _stranger(request)
        turn = TURNS.begin(principal, partial(_limits, lane), credentials)
        if isinstance(turn, Refused):
            return unlogged(_refusal(request, turn, principal.language))
        if lane != "brands":
            is_beside_own = not turn.is_first and principal.name.startswith("member ")  # many may be of one address
            to_all = lane != "pages" or is_beside_own
            TURNS.give_way(turn, GIVES_WAY if turn.is_first else SECOND_GIVES_WAY, to_all=to_all)
        if lane == "pages":
            TURNS.begin_page(turn)
        turn.began = TURNS.clock()
        try:
            with underway(turn):
                answer = self.get_response(request)
        except BaseException:
            turn.end()
            raise
        turn.spend(turn.worked(TURNS.clock()))
        if not answer.streaming or isinstance(answer, FileResponse):  # the web server's loop sends files, no thread
            turn.end()
            return answer
        TURNS.end_page(turn)
        answer.streaming_content = _paced(answer.streaming_content, turn)  # type: ignore[attr-defined]
        on_close(answer, turn.end)
        return answer


def _paced(pieces: Iterable[bytes], turn: Turn) -> Iterator[bytes]:
    """The pieces, each made once no page is, or after some time all the same, and charged."""
    source = iter(pieces)
    while True:
        TURNS.give_way(turn, GIVES_WAY, to_all=True)
        began = TURNS.clock()
        piece = next(source, None)
        turn.spend(TURNS.clock() - began)
        if piece is None:
            return
        yield piece


# --- Who asks ---------------------------------------------------------------------------------------------------------


def _credentials(request: HttpRequest) -> tuple[bytes, ...]:
    """What the request brings along that can be looked up, as hashes: first with the part of the site that it asks
    for, which says the tenant, then alone. It is read as the views read it: spelt in another way it is the same."""
    path = request.path
    if path.startswith(_LINK):
        return (_hashed("link", path.split("/")[2]),)
    if path.startswith((_API, _VENDORS_FORM)):
        key = key_in(request.META.get("HTTP_AUTHORIZATION", "").encode("latin-1", "replace"))
        if key is not None:
            return (_hashed("key", key),)
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    if not session:
        return ()
    parts = path.split("/", 3)
    return _hashed("session", session, *parts[1 : 3 if parts[1] == "t" else 2]), _hashed("session", session)


def _hashed(*words: str) -> bytes:
    return hashlib.sha256("\n".join(words).encode("utf-8", "replace")).digest()


def _stranger(request: HttpRequest) -> Principal:
    """A browser that somebody has signed in from, else the network address."""
    device = device_of(request)
    return Principal(f"device {device}" if device else f"address {network_of(request.META.get('REMOTE_ADDR', ''))}")


# --- What they may ----------------------------------------------------------------------------------------------------


def _lane(path: str) -> str:
    if path.endswith(_STREAMS):
        return "streams"
    if path.endswith(_BRANDS) and not path.startswith((_API, _VENDORS_FORM, _HOOKS)):
        return "brands"
    return "programs" if path.startswith((_API, _VENDORS_FORM, _HOOKS, _LINK)) else "pages"


def _limits(lane: str, principal: Principal) -> dict[str, Limit]:
    most, work = settings.REQUESTS_AT_ONCE, float(settings.WORK_PER_MINUTE)
    company = f"tenant {principal.tenant} {lane}"
    if lane in ("pages", "brands"):
        is_one = lane == "pages" and principal.name.startswith("member ")  # many may come from one address
        limits = {f"{principal.name} {lane}": Limit(most if is_one else 2 * most, work)}
        if principal.tenant is not None:
            limits[company] = Limit(2 * most if lane == "pages" else 3 * most)
        return limits
    anonymous, is_link = principal.name.startswith(("link ", "address ")), principal.name.startswith("link ")
    at_once = 1 if is_link or lane == "streams" else most
    limits = {f"{principal.name} {lane}": Limit(at_once, work / 2 if anonymous else work)}
    if principal.tenant is not None:
        limits[company] = Limit(at_once + 1, 2 * work)
    return limits | {"programs": Limit(PROGRAMS_AT_ONCE)}


# --- What they read who have to wait ----------------------------------------------------------------------------------


def _refusal(request: HttpRequest, wait: Refused, language: str) -> HttpResponseBase:
    with translation.override(language or translation.get_language_from_request(request)):
        sentence = _sentence(wait)
        answer: HttpResponseBase
        if request.path.startswith(_API):
            problem = document(429, detail=sentence)
            answer = HttpResponse(JsonRenderer().render(problem.data), status=429, content_type=MEDIA_TYPE)
        elif request.path.startswith(_VENDORS_FORM):
            answer = _in_vendors_form(request.path, sentence)
        elif request.path.startswith(_HOOKS):
            answer = JsonResponse({}, status=429)
        else:
            page = HttpResponse(_page(str(translation.get_language()), sentence), status=429)
            if request.method in ("GET", "HEAD"):
                page["Refresh"] = str(wait.seconds)
            framed = request.path.startswith(_LINK) and request.path.endswith(_FRAME)
            answer = _framed(request, page) if framed else page
    answer["Retry-After"] = str(wait.seconds)
    if delay := request.META.get(DELAY):
        delay()  # a client that never waits would keep the process busy with refusals alone
    return answer


def _sentence(wait: Refused) -> str:
    if wait.over_budget:
        text = ngettext(
            "The requests of the last minute took too much work. Ask again in %(seconds)s second.",
            "The requests of the last minute took too much work. Ask again in %(seconds)s seconds.",
            wait.seconds,
        )
    else:
        text = ngettext(
            "Too many requests are open at the same time. Ask again in %(seconds)s second, one after another.",
            "Too many requests are open at the same time. Ask again in %(seconds)s seconds, one after another.",
            wait.seconds,
        )
    return text % {"seconds": wait.seconds}


def _in_vendors_form(path: str, sentence: str) -> HttpResponse:
    provider = path.split("/")[2]
    mounts = (form.MOUNT for _below, form in FORMS if form.MOUNT.provider == provider)
    return next((refused(mount.busy(sentence)) for mount in mounts), HttpResponse(status=429))


@lru_cache(maxsize=512)
def _page(language: str, sentence: str) -> str:
    """Made once of each kind: a refusal costs next to nothing."""
    with translation.override(language):
        return render_to_string("refused.html", {"sentences": [sentence]})


def _framed(request: HttpRequest, answer: HttpResponse) -> HttpResponseBase:
    """It tells nothing of anybody, so it may stand in any frame: the link's own hosts would be a question."""
    answer.xframe_options_exempt = True
    framed: HttpResponseBase = csp_replace({"frame-ancestors": ["*"]})(lambda _request: answer)(request)
    return framed
