"""Links for people without an account: made, listed and revoked by managers; hosts of frames named by owners."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from portal.formats import figures
from portal.tenants.brand import address_of
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Role
from reports.definitions.periods import local_date
from reports.saved import boards, keeping, share_links
from reports.saved.keeping import Keeper, ViewRefused
from reports.saved.models import ShareLink, ViewOf
from reports.saved.share_links import LinkWish

LASTS = {
    "7": gettext_lazy("a week"),
    "30": gettext_lazy("30 days"),
    "90": gettext_lazy("90 days"),
    "365": gettext_lazy("a year"),
}
USUAL_LAST = "30"


@dataclass(frozen=True, slots=True)
class LinkLine:
    link: ShareLink
    title: str
    state: str
    maker: str
    made: str
    ends: str
    may_revoke: bool

    @property
    def opens(self) -> bool:
        return self.state == "open"

    @property
    def words(self) -> str:
        return str(share_links.STATES[self.state])


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.MANAGER)
def share_links_page(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The links there are, and the form of a new one; sent, the link is made and its address shown, this once."""
    keeper, made = Keeper.of(request.membership), ""
    status = 200
    if request.method == "POST":
        try:
            made, status = _made(request, keeper), 200
        except ViewRefused as error:
            messages.error(request, str(error))
            status = 400
    context = {
        "page": "reports",
        "made": made,
        "chosen": request.GET.get("of", "") or request.POST.get("of", ""),
        "kept": keeping.views(keeper, ViewOf.REPORT),
        "boards": boards.boards(keeper),
        "lasts": LASTS,
        "usual_last": USUAL_LAST,
        "lines": _lines(request, keeper),
        "hosts": share_links.hosts(),
        "hosts_url": reverse("reports_web:frame_hosts", args=[tenant]),
        "owns": keeper.role == Role.OWNER,
        "least": share_links.LEAST_PASSWORD,
    }
    return TemplateResponse(request, "reports/share_links.html", context, status=status)


@require_POST
@tenant_view(Role.MANAGER)
def share_link_revoke(request: TenantRequest, tenant: str, link: UUID) -> HttpResponseBase:
    keeper = Keeper.of(request.membership)
    row = share_links.links(keeper).filter(public_id=link).first()
    if row is None:
        raise Http404
    try:
        share_links.revoke(keeper, row)
    except PermissionError as error:
        raise PermissionDenied(str(error)) from None
    messages.success(request, _("The link is revoked. It opens nothing any more."))
    return HttpResponseRedirect(reverse("reports_web:share_links", args=[tenant]))


@require_POST
@tenant_view(Role.OWNER)
def frame_hosts(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Whose pages may hold frames with answers."""
    try:
        share_links.name_hosts(Keeper.of(request.membership), request.POST.get("hosts", ""))
        messages.success(request, _("The hosts of frames are saved."))
    except ViewRefused as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("reports_web:share_links", args=[tenant]))


def path_of(link: ShareLink, token: str) -> str:
    """Of the page, or of the frame where it is made for one."""
    return reverse("shared_frame" if link.embeds else "shared_answer", args=[token])


def _made(request: TenantRequest, keeper: Keeper) -> str:
    """The address of the new link. Raises ViewRefused, and 404 for what is not there for its maker."""
    kind, _colon, key = request.POST.get("of", "").partition(":")
    try:
        wanted = UUID(key)
    except ValueError:
        raise ViewRefused(_("Choose what the link is to open.")) from None
    view = keeping.kept_for(keeper, ViewOf.REPORT).filter(public_id=wanted).first() if kind == "report" else None
    board = boards.boards_for(keeper).filter(public_id=wanted).first() if kind == "board" else None
    if view is None and board is None:
        raise Http404
    days = request.POST.get("days", "")
    wish = LinkWish(
        int(days) if days in LASTS else 0,
        view,
        board,
        password=request.POST.get("password", ""),
        embeds="embeds" in request.POST,
        any_period="any_period" in request.POST,
    )
    try:
        link, token = share_links.make(keeper, request.scope_grant, wish)
    except PermissionError:
        raise PermissionDenied from None
    return address_of(request.tenant) + path_of(link, token)


def _lines(request: TenantRequest, keeper: Keeper) -> list[LinkLine]:
    now, zone = timezone.now(), request.tenant.zone
    rows = list(share_links.links(keeper)[: share_links.MOST_LINKS])
    revocable = share_links.revocable(keeper, rows)
    return [
        LinkLine(
            link=row,
            title=share_links.title_of(row, keeper),
            state=share_links.state_of(row, now),
            maker=str(row.maker or ""),
            made=figures.moment(row.created_at, zone, now=now),
            ends=figures.day(local_date(row.expires_at, zone)),
            may_revoke=row.pk in revocable,
        )
        for row in rows
    ]
