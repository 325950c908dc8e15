"""Boards: saved reports on one page, in an order of their own.

A member has his own and those that the company shares; an API key the shared ones, to read. Managers share, and choose
the one that the company's pages open with.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from reports.api import documented as doc
from reports.api import forms
from reports.api.keeping import KeepingView
from reports.api.parameters import PAGING
from reports.api.problems import ParameterError
from reports.api.writer import Beside, write
from reports.saved import boards
from reports.saved.models import Board, SavedView

BoardReportForm = forms.form("BoardReport", id=s.UUIDField(source="public_id"), name=s.CharField())
BoardForm = forms.form(
    "Board",
    id=s.UUIDField(),
    name=s.CharField(),
    shared=s.BooleanField(help_text=_("Whether every member has it.")),
    start_page=s.BooleanField(source="opens", help_text=_("Whether the company's pages open with it.")),
    owner=s.CharField(help_text=_("Who keeps it, by name; empty once he has left.")),
    reports=BoardReportForm(many=True, help_text=_("Those on it that the reader may open, in its order.")),
    changed_at=s.DateTimeField(),
    page=s.URLField(help_text=_("The address of its page.")),
)
BoardWish = forms.form(
    "BoardWish",
    name=s.CharField(required=False, max_length=60),
    reports=s.ListField(
        child=s.UUIDField(), required=False, help_text=_("Ids of saved reports, in the order they are to stand in.")
    ),
    shared=s.BooleanField(required=False, help_text=_("For every member; managers alone set it.")),
    start_page=s.BooleanField(
        required=False, help_text=_("What the company's pages open with, in the place of any other.")
    ),
)


class BoardView(KeepingView):
    fields: Mapping[str, type] = {"name": str, "reports": list, "shared": bool, "start_page": bool}
    not_yours = gettext_lazy("This board is not yours to change.")

    def told(self, rows: Sequence[Board]) -> Iterable[Beside]:
        """With the reports on them, in one more query."""
        keeper = self.keeper
        on_them = boards.reports_by_board(rows, keeper)
        for row in rows:
            address = reverse("reports_web:board", args=[self.reader.tenant.slug, row.public_id])
            yield Beside(
                boards.board_of(row, keeper),
                reports=on_them[row.pk],
                changed_at=row.changed_at,
                page=self.request.build_absolute_uri(address),
            )

    def one(self, id: UUID) -> Board:
        """Raises NotFound for another's own as for an absent one."""
        row = boards.boards_for(self.keeper).select_related("owner").filter(public_id=id).first()
        if row is None:
            raise NotFound
        return row

    def written(self, id: UUID) -> Any:
        return write(BoardForm, next(iter(self.told([self.one(id)]))))

    def change(self, row: Board, wishes: Mapping[str, Any]) -> None:
        """All of it, or nothing. What makes room comes first: a shared board holds shared reports alone, and none but a
        shared one is the start page.
        """
        keeper = self.keeper
        shared, opens = wishes.get("shared", row.shared), wishes.get("start_page")
        with transaction.atomic():
            if "name" in wishes:
                self.act("name", lambda: boards.rename(keeper, row, wishes["name"]))
            if row.shared and not shared:
                self.act("shared", lambda: boards.share(keeper, row, on=False))
            if "reports" in wishes:
                self._hold(row, wishes["reports"])
            if shared and not row.shared:
                self.act("shared", lambda: boards.share(keeper, row, on=True))
            if opens is not None and opens != row.opens:
                self.act("start_page", lambda: boards.open_with(keeper, row, on=opens))

    def _hold(self, row: Board, ids: Sequence[str]) -> None:
        try:
            wanted = [UUID(each) for each in ids]
            self.act("reports", lambda: boards.put_in_order(self.keeper, row, wanted))
        except (SavedView.DoesNotExist, ValueError):
            raise ParameterError({"reports": _("One of them is no saved report that you may open.")}) from None


class BoardList(BoardView):
    params = PAGING
    page_form = forms.page_of(BoardForm)
    http_method_names = ["get", "head", "post"]

    @extend_schema(operation_id="boards_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """One's own boards, then the shared ones, each by name."""
        return self.short_list(boards.rows_for(self.keeper), together=self.told)

    @extend_schema(operation_id="boards_make", request=BoardWish, **doc.made(BoardForm))
    def post(self, request: Request) -> Response:
        """Make a board of one's own, with reports on it. A manager may share it, and have the company's pages open with
        it."""
        keeper = self.keeper
        if keeper.user is None:
            raise PermissionDenied(_("A key keeps no boards of its own: a member makes them."))
        wishes = self.wishes()
        if not wishes.get("name"):
            raise ParameterError({"name": _("This is needed.")})
        with transaction.atomic():
            row = self.act("name", lambda: boards.make(keeper, wishes.pop("name")))
            self.change(row, wishes)
        address = request.build_absolute_uri(reverse("api:board", args=[row.public_id]))
        return Response(self.written(row.public_id), status=201, headers={"Location": address})


class BoardOne(BoardView):
    http_method_names = ["get", "head", "patch", "delete"]

    @extend_schema(operation_id="boards_one", **doc.single(BoardForm))
    def get(self, request: Request, id: UUID) -> Response:
        """One board, with the reports on it."""
        return Response(self.written(id))

    @extend_schema(operation_id="boards_change", request=BoardWish, **doc.single(BoardForm, *doc.TAKES))
    def patch(self, request: Request, id: UUID) -> Response:
        """Change what is named: its name, which reports it holds in which order, whether the company shares it, and
        whether its pages open with it. All of it is done, or nothing."""
        self.change(self.one(id), self.wishes())
        return Response(self.written(id))

    @extend_schema(operation_id="boards_remove", **doc.nothing())
    def delete(self, request: Request, id: UUID) -> Response:
        """Delete it, and the links to it; the reports on it stay."""
        row = self.one(id)
        self.act("", lambda: boards.drop(self.keeper, row))
        return Response(status=204)
