"""Boards: saved reports on one page, made, changed and shown."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.tenants.guards import TenantRequest, tenant_view
from reports.definitions.periods import local_date, moment_of_asking
from reports.queries.scope import Scope
from reports.saved import boards, keeping
from reports.saved.keeping import Keeper, ViewRefused
from reports.saved.models import Board, ViewOf
from reports.web.saved.periods import read_period
from reports.web.saved.sheets import sheets


@require_POST
@tenant_view()
def board_new(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """An empty board of one's own."""
    try:
        board = boards.make(Keeper.of(request.membership), request.POST.get("name", ""))
    except ViewRefused as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("reports_web:reports", args=[tenant]))
    return _to(tenant, board.public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view()
def board_page(request: TenantRequest, tenant: str, board: UUID) -> HttpResponseBase:
    """Its answers, each in the reader's own scope; or what ``act`` says is done with it."""
    keeper = Keeper.of(request.membership)
    row = boards.boards_for(keeper).select_related("owner").filter(public_id=board).first()
    if row is None:
        raise Http404
    if request.method != "POST":
        return _shown(request, tenant, row, keeper)
    act = request.POST.get("act", "")
    try:
        _act(request, keeper, row, act)
    except (ObjectDoesNotExist, ValueError) as error:
        if not isinstance(error, ViewRefused):
            raise Http404 from None
        messages.error(request, str(error))
    except PermissionError as error:
        raise PermissionDenied(str(error) or _("This board is not yours to change.")) from None
    if act == "delete":
        messages.success(request, _("The board “%(name)s” is deleted.") % {"name": row.name})
        return HttpResponseRedirect(reverse("reports_web:reports", args=[tenant]))
    return _to(tenant, board, request.GET.urlencode())


def _act(request: TenantRequest, keeper: Keeper, board: Board, act: str) -> None:
    if act in ("up", "down"):
        boards.move(keeper, board, UUID(request.POST.get("view", "")), by=-1 if act == "up" else 1)
    elif act == "add":
        boards.put_on(keeper, board, UUID(request.POST.get("view", "")))
    elif act == "off":
        boards.take_off(keeper, board, UUID(request.POST.get("view", "")))
    elif act == "rename":
        boards.rename(keeper, board, request.POST.get("name", ""))
    elif act in ("share", "unshare"):
        boards.share(keeper, board, on=act == "share")
    elif act in ("open", "usual"):
        boards.open_with(keeper, board, on=act == "open")
    elif act == "delete":
        boards.drop(keeper, board)
    else:
        raise Http404


def _shown(request: TenantRequest, tenant: str, row: Board, keeper: Keeper) -> HttpResponseBase:
    now, scope = moment_of_asking(), Scope.of(request.scope_grant)
    on_it = boards.reports_on(row, keeper)
    board = boards.board_of(row, keeper)
    chosen = read_period(request.GET, scope.zone, today=local_date(now, scope.zone))
    standing = {str(view.public_id) for view in on_it}
    context: dict[str, Any] = {
        "page": "reports",
        "board": board,
        "manages": keeper.manages,
        "sheets": sheets(on_it, scope, tenant=tenant, now=now, period=chosen.params),
        **chosen.context(),
        "left": [
            view
            for view in (keeping.views(keeper, ViewOf.REPORT) if board.may_change else ())
            if view.id not in standing and (view.shared or not board.shared)
        ],
    }
    return TemplateResponse(request, "reports/board.html", context)


def _to(tenant: str, board: UUID, query: str = "") -> HttpResponseRedirect:
    address = reverse("reports_web:board", args=[tenant, board])
    return HttpResponseRedirect(f"{address}?{query}" if query else address)
