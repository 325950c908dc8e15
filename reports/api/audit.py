"""The audit over the API, for owners: who did what and when, by ids."""

from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
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
from reports.api.problems import ParameterError
from reports.queries.cursor import opened, sealed

AuditEntry = forms.form(
    "AuditEntry",
    number=s.IntegerField(help_text=_("Its place in the company's audit; none is left out.")),
    at=s.DateTimeField(),
    action=s.CharField(),
    user=s.IntegerField(source="user_id", allow_null=True),
    key=s.UUIDField(source="key.public_id", allow_null=True, help_text=_("The API key that did it, if one did.")),
    about=s.JSONField(help_text=_("Ids and counts.")),
    changes=s.JSONField(help_text=_("Values before and after, by name.")),
    address=s.CharField(allow_null=True, help_text=_("From where on the network.")),
    digest=s.CharField(help_text=_("Seals this entry to the one before.")),
)
_OF = "audit"


class AuditList(ReaderView):
    params = ("date_from", "date_to", *PAGING)
    page_form = forms.page_of(AuditEntry)

    @extend_schema(operation_id="audit_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """Entries of the company's audit, newest first; its owners alone read them."""
        if not self.reader.role.covers(Role.OWNER):
            raise PermissionDenied
        rows, size, before = self._chosen(), self.page_size(), self._before()
        page = rows if before is None else rows.filter(number__lt=before)
        entries = list(page.select_related("key").order_by("-number")[: size + 1])
        following = sealed(f"{_OF}:{entries[size - 1].number}") if len(entries) > size else ""
        count = rows.count() if self.wants_count() else None
        return self.listed(entries[:size], next=following, previous="", count=count)

    def _chosen(self) -> QuerySet[Entry]:
        rows: QuerySet[Entry] = Entry.objects.all()
        first, last = self.days()
        zone = self.reader.tenant.tzinfo
        if first is not None:
            rows = rows.filter(at__gte=datetime(first.year, first.month, first.day, tzinfo=zone))
        if last is not None:
            rows = rows.filter(at__lt=datetime(last.year, last.month, last.day, tzinfo=zone) + timedelta(days=1))
        return rows

    def _before(self) -> int | None:
        """The number that the page begins after."""
        if not self.cursor():
            return None
        try:
            word, number = opened(self.cursor()).split(":")
            if word == _OF and number.isdecimal() and len(number) < 19:
                return int(number)
        except ValueError:
            pass
        raise ParameterError({"cursor": _("This is no cursor of a page.")})
