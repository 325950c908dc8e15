"""The audit over the API, for owners: who did what and when, by ids."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from portal.audit.models import Entry
from portal.tenants.models.people import Role
from reports.api import documented as doc
from reports.api import forms
from reports.api.base import ReaderView
from reports.api.parameters import PAGING
from reports.api.renderers import file_renderers
from reports.api.writer import Beside
from reports.files.audit import MEDIA, audit_csv, audit_headers, audit_lines
from reports.privacy.look_up import reasons
from reports.queries.cursor import number_text, read_number

AuditEntry = forms.form(
    "AuditEntry",
    number=s.IntegerField(help_text=_("Its place in the company's audit; none is left out.")),
    at=s.DateTimeField(),
    action=s.CharField(),
    user=s.IntegerField(source="user_id", allow_null=True),
    key=s.UUIDField(source="key.public_id", allow_null=True, help_text=_("The API key that did it, if one did.")),
    about=s.JSONField(help_text=_("Ids and counts.")),
    reason=s.CharField(help_text=_("What a number was shown for; empty of other acts.")),
    changes=s.JSONField(help_text=_("Values before and after, by name.")),
    address=s.CharField(allow_null=True, help_text=_("From where on the network.")),
    digest=s.CharField(help_text=_("Seals this entry to the one before.")),
)
_OF = "audit"


class AuditView(ReaderView):
    """For owners alone."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not self.reader.role.covers(Role.OWNER):
            raise PermissionDenied


class AuditList(AuditView):
    params = ("date_from", "date_to", *PAGING)
    page_form = forms.page_of(AuditEntry)

    @extend_schema(operation_id="audit_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """Entries of the company's audit, newest first; its owners alone read them."""
        rows, size, before = self._chosen(), self.page_size(), read_number(self.cursor(), _OF)
        page = rows if before is None else rows.filter(number__lt=before)
        entries = list(page.select_related("key").order_by("-number")[: size + 1])
        following = number_text(_OF, entries[size - 1].number) if len(entries) > size else ""
        count = rows.count() if self.wants_count() else None
        why = reasons(entry.about for entry in entries)
        rows_told = [Beside(entry, reason=why.get(entry.about.get("reveal", ""), "")) for entry in entries[:size]]
        return self.listed(rows_told, next=following, previous="", count=count)

    def _chosen(self) -> QuerySet[Entry]:
        rows: QuerySet[Entry] = Entry.objects.all()
        first, last = self.days()
        zone = self.reader.tenant.tzinfo
        if first is not None:
            rows = rows.filter(at__gte=datetime(first.year, first.month, first.day, tzinfo=zone))
        if last is not None:
            rows = rows.filter(at__lt=datetime(last.year, last.month, last.day, tzinfo=zone) + timedelta(days=1))
        return rows


class AuditFile(AuditView):
    def handed_out(self, pieces: Iterator[str], form: str) -> StreamingHttpResponse:
        headers = audit_headers(self.reader.tenant.slug, form)
        return StreamingHttpResponse(pieces, content_type=MEDIA[form], headers=headers)


class AuditCsv(AuditFile):
    params = ("dialect",)
    renderer_classes = file_renderers(MEDIA["csv"])

    @extend_schema(operation_id="audit_csv", **doc.file(MEDIA["csv"]))
    def get(self, request: Request) -> StreamingHttpResponse:
        """The company's whole audit as one CSV file, oldest entry first, with the addresses of its members."""
        return self.handed_out(audit_csv(self.reader.tenant, self.asker, dialect=self.dialect()), "csv")


class AuditLines(AuditFile):
    renderer_classes = file_renderers(MEDIA["jsonl"])

    @extend_schema(operation_id="audit_lines", **doc.file(MEDIA["jsonl"]))
    def get(self, request: Request) -> StreamingHttpResponse:
        """The company's whole audit, a JSON object a line, with all that each entry's digest seals: it can be checked
        without us, as ``manage.py verify_audit --file`` does.
        """
        return self.handed_out(audit_lines(self.reader.tenant, self.asker), "jsonl")
