"""Files as jobs: asked for by POST, looked at until they are ready, then downloaded.

Each reader sees his own only: a member those he asked for, a key those asked for with it.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import FileResponse
from django.urls import reverse
from django.utils import translation
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from msgspec import Struct
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from reports.api import documented as doc
from reports.api import forms
from reports.api.base import ReaderView
from reports.api.parameters import PAGING
from reports.api.problems import ParameterError, RequestRefused
from reports.api.renderers import file_renderers
from reports.api.writer import Beside, write
from reports.definitions.catalogue import CATALOGUE
from reports.files import jobs
from reports.files.as_csv import DIALECTS
from reports.files.caps import TooMany
from reports.files.downloads import Refused, hand_out
from reports.files.formats import FORMATS, HANDED_OUT
from reports.files.models import ORDERED, Export, State, What
from reports.files.orders import PARAMS, params_of, read_order, title_of
from reports.files.tasks import hint
from reports.queries.calls.columns import COLUMNS

LANGUAGES = tuple(code for code, _name in settings.LANGUAGES)
_FORM = ("what", "format", "dialect", "language")
_CONTENT_TYPES = tuple(form.media_type for form in HANDED_OUT.values())

ExportForm = forms.form(
    "Export",
    id=s.UUIDField(source="public_id"),
    what=s.ChoiceField(choices=What.values),
    title=s.CharField(),
    format=s.ChoiceField(choices=tuple(HANDED_OUT)),
    dialect=s.CharField(),
    language=s.CharField(),
    params=s.DictField(child=s.CharField(), help_text=_("The question as the lists and reports of this API ask it.")),
    state=s.ChoiceField(choices=State.values),
    expected=s.IntegerField(allow_null=True, help_text=_("How many rows there are to be.")),
    done=s.IntegerField(help_text=_("How many rows are written.")),
    rows=s.IntegerField(allow_null=True, help_text=_("How many rows the file has, once it is ready.")),
    bytes=s.IntegerField(allow_null=True),
    sha256=s.CharField(),
    name=s.CharField(),
    complete=s.BooleanField(allow_null=True, help_text=_("Whether every day of the period was read whole.")),
    as_of=s.DateTimeField(allow_null=True),
    error=s.CharField(),
    created_at=s.DateTimeField(),
    finished_at=s.DateTimeField(allow_null=True),
    expires_at=s.DateTimeField(allow_null=True),
    download=s.URLField(allow_null=True),
)
_COMMAS = _("Also as a list.")
_DESCRIBED = ("report", "columns", "title")  # in words of their own
OrderForm = forms.form(
    "ExportOrder",
    what=s.ChoiceField(
        choices=[what.value for what in ORDERED],
        help_text=_(
            "The list: calls, callbacks (as /callbacks/returns/ lists them), waiting (/callbacks/open/), campaigns; or "
            "a report. Callbacks, waiting and campaigns take environment, agent and days; campaigns a status too, and "
            "with days their totals are those by the end of the days, without any those of now."
        ),
    ),
    format=s.ChoiceField(
        choices=tuple(FORMATS), required=False, help_text=_("XLSX by default, CSV where that is not installed.")
    ),
    dialect=s.ChoiceField(
        choices=tuple(DIALECTS),
        required=False,
        help_text=_("Of CSV: csv has the names and keys of this API, the others are for people who open it in Excel."),
    ),
    language=s.ChoiceField(
        choices=LANGUAGES, required=False, help_text=_("Of XLSX and PDF; CSV for Excel is in that of its dialect.")
    ),
    report=s.ChoiceField(
        choices=tuple(CATALOGUE), required=False, help_text=_("A ready-made report, in place of metrics and by.")
    ),
    columns=s.CharField(
        required=False,
        help_text=format_lazy(
            gettext_lazy("Of calls: time, number, and of {names} those named here. All there are by default."),
            names=", ".join(COLUMNS),
        ),
    ),
    title=s.CharField(required=False, help_text=_("Of a report: the title that stands in its file.")),
    **{name: s.CharField(required=False, help_text=_COMMAS) for name in PARAMS if name not in _DESCRIBED},
)


class ExportView(ReaderView):
    def own(self, id: UUID) -> Export:
        """Raises DoesNotExist for another's as for an absent one."""
        return self.asker.own().get(public_id=id)

    def written(self, row: Export) -> Struct:
        return write(ExportForm, self.linked(row))

    def linked(self, row: Export) -> Beside:
        """A file with its question, and with where to have it once it is ready."""
        address = reverse("api:export-download", args=[row.public_id])
        ready = row.state == State.READY
        return Beside(
            row,
            title=title_of(row),
            params=params_of(row),
            rows=row.done if ready else None,
            download=self.request.build_absolute_uri(address) if ready else None,
        )


class ExportList(ExportView):
    params = PAGING
    page_form = forms.page_of(ExportForm)
    http_method_names = ["get", "head", "post"]

    @extend_schema(operation_id="exports_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """One's own files, newest first, as long as they are remembered."""
        return self.short_list(self.asker.own(), together=lambda page: map(self.linked, page))

    @extend_schema(operation_id="exports_ask", request=OrderForm, **doc.accepted(ExportForm))
    def post(self, request: Request) -> Response:
        """Ask for a file of any list or any report: the rows that the list's own address gives, in its order, campaigns
        by their start as on the page. The answer is the job; ``Location`` is where to look.
        """
        given = _given(request.data)
        language = given.pop("language", "") or translation.get_language() or ""
        if language not in LANGUAGES:
            text = _("This is one of %(names)s.") % {"names": ", ".join(LANGUAGES)}
            raise ParameterError({"language": text})
        with translation.override(language):
            order = read_order(given, self.scope)
        try:
            with translation.override(language):
                row = jobs.ask(order, self.asker, hint)
        except TooMany as error:
            raise RequestRefused(error.status, str(error)) from error
        address = request.build_absolute_uri(reverse("api:export", args=[row.public_id]))
        return Response(self.written(row), status=202, headers={"Location": address})


class ExportOne(ExportView):
    http_method_names = ["get", "head", "delete"]

    @extend_schema(operation_id="exports_one", **doc.single(ExportForm))
    def get(self, request: Request, id: UUID) -> Response:
        """One file: how far it is, and once it is ready, its rows, length and SHA-256."""
        return Response(self.written(self.own(id)))

    @extend_schema(operation_id="exports_delete", **doc.nothing())
    def delete(self, request: Request, id: UUID) -> Response:
        """Withdraw a file, made or not."""
        jobs.delete(self.own(id), self.asker)
        return Response(status=204)


class ExportDownload(ExportView):
    renderer_classes = file_renderers(*_CONTENT_TYPES)

    @extend_schema(operation_id="exports_download", **doc.file(*_CONTENT_TYPES, also=(409, 410)))
    def get(self, request: Request, id: UUID) -> FileResponse:
        """The file. What its asker may see is looked up anew: who may see less than it shows reads 403."""
        try:
            return hand_out(self.own(id), self.asker, noted=request.method == "GET")
        except Refused as error:
            raise RequestRefused(error.status, str(error)) from error


def _given(data: Any) -> dict[str, str]:
    """The body's fields as parameters; a list is a comma list."""
    if not isinstance(data, dict):
        raise ParameterError({"": _("Send one JSON object.")})
    errors = {name: _("This parameter is not known here.") for name in data if name not in (*_FORM, *PARAMS)}
    if not data.get("what"):
        errors["what"] = _("Say what the file is to hold: %(choices)s.") % {"choices": ", ".join(ORDERED)}
    given = {}
    for name, value in data.items():
        items = value if isinstance(value, list) else [value]
        if any(isinstance(item, dict | list) for item in items):
            errors.setdefault(str(name), _("This is a text, a number or a list of them."))
        else:
            given[str(name)] = ",".join(_text(item) for item in items if item is not None)
    if errors:
        raise ParameterError(errors)
    return given


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
