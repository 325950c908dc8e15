"""Saved reports: questions under a name, each read in the scope of whoever opens it.

A member has his own and those that the company shares; an API key the shared ones, to read. Managers share.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

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
from reports.saved import keeping
from reports.saved.asked import question_of
from reports.saved.keeping import View
from reports.saved.models import ViewOf

SavedReportForm = forms.form(
    "SavedReport",
    id=s.UUIDField(),
    name=s.CharField(),
    query=s.CharField(help_text=_("The parameters of reports/query/, and how the page shows the answer.")),
    shared=s.BooleanField(help_text=_("Whether every member has it.")),
    owner=s.CharField(help_text=_("Who keeps it, by name; empty once he has left.")),
    changed_at=s.DateTimeField(),
    answer=s.URLField(help_text=_("The address of the page that answers it.")),
)
SavedReportWish = forms.form(
    "SavedReportWish",
    name=s.CharField(required=False, max_length=60),
    query=s.CharField(required=False, help_text=_("The parameters of reports/query/, as an address has them.")),
    shared=s.BooleanField(required=False, help_text=_("For every member; managers alone set it.")),
)


class SavedReportView(KeepingView):
    fields: Mapping[str, type] = {"name": str, "query": str, "shared": bool}
    not_yours = gettext_lazy("This report is not yours to change.")

    def linked(self, view: View) -> Beside:
        address = reverse("reports_web:saved_report", args=[self.reader.tenant.slug, view.id])
        return Beside(view, answer=self.request.build_absolute_uri(address))

    def one(self, id: UUID) -> View:
        """Raises NotFound for another's own as for an absent one."""
        view = next((view for view in keeping.views(self.keeper, ViewOf.REPORT) if view.id == str(id)), None)
        if view is None:
            raise NotFound
        return view

    def wishes(self) -> dict[str, Any]:
        wishes = super().wishes()
        if "query" in wishes:
            question_of(wishes["query"].lstrip("?"), self.scope)  # raises QuestionError, told by its parameters
        return wishes


class SavedReportList(SavedReportView):
    params = PAGING
    page_form = forms.page_of(SavedReportForm)
    http_method_names = ["get", "head", "post"]

    @extend_schema(operation_id="saved_reports_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """One's own saved reports, then the shared ones, each by name."""
        rows = keeping.views(self.keeper, ViewOf.REPORT)
        return self.short_list(rows, together=lambda page: map(self.linked, page))

    @extend_schema(operation_id="saved_reports_add", request=SavedReportWish, **doc.made(SavedReportForm))
    def post(self, request: Request) -> Response:
        """Save a question under a name. Its period, where it has a name, counts from the day it is opened."""
        keeper = self.keeper
        if keeper.user is None:
            raise PermissionDenied(_("A key keeps no reports of its own: a member saves them."))
        wishes = self.wishes()
        missing = {name: _("This is needed.") for name in ("name", "query") if not wishes.get(name)}
        if missing:
            raise ParameterError(missing)
        if wishes.get("shared"):
            self._demand_sharing(wishes["query"])
        row = self.act("name", lambda: keeping.keep(keeper, wishes["name"], wishes["query"], ViewOf.REPORT))
        if wishes.get("shared"):
            self.act("shared", lambda: keeping.share(keeper, row.public_id, on=True))
        address = request.build_absolute_uri(reverse("api:saved-report", args=[row.public_id]))
        made = write(SavedReportForm, self.linked(self.one(row.public_id)))
        return Response(made, status=201, headers={"Location": address})

    def _demand_sharing(self, query: str) -> None:
        """Before anything is kept."""
        if not self.keeper.manages:
            raise PermissionDenied(_("Reports of the company are for managers to save."))
        if keeping.tells_numbers(query):
            text = _("A report about a phone number can't be shared: not every member may see numbers.")
            raise ParameterError({"shared": text})


class SavedReportOne(SavedReportView):
    http_method_names = ["get", "head", "patch", "delete"]

    @extend_schema(operation_id="saved_reports_one", **doc.single(SavedReportForm))
    def get(self, request: Request, id: UUID) -> Response:
        """One saved report."""
        return Response(write(SavedReportForm, self.linked(self.one(id))))

    @extend_schema(
        operation_id="saved_reports_change", request=SavedReportWish, **doc.single(SavedReportForm, *doc.TAKES)
    )
    def patch(self, request: Request, id: UUID) -> Response:
        """Change what is named: its name, what it asks, whether the company shares it."""
        view, keeper = self.one(id), self.keeper
        wishes = self.wishes()
        if "query" in wishes:
            self.act("query", lambda: keeping.replace(keeper, id, wishes["query"]))
        if "shared" in wishes and wishes["shared"] != view.shared:
            self.act("shared", lambda: keeping.share(keeper, id, on=wishes["shared"]))
        if "name" in wishes:
            self.act("name", lambda: keeping.rename(keeper, id, wishes["name"]))
        return Response(write(SavedReportForm, self.linked(self.one(id))))

    @extend_schema(operation_id="saved_reports_remove", **doc.nothing())
    def delete(self, request: Request, id: UUID) -> Response:
        """Delete it: one's own, or as a manager a shared one."""
        self.one(id)
        self.act("", lambda: keeping.drop(self.keeper, id))
        return Response(status=204)
