"""The views: parameters in, one question to ``reports.queries``, its form out."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import msgspec
from django.http import StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from portal.audit.access import note_transcripts
from portal.audit.record import address_of
from reports.annotations.flags import flags_of
from reports.annotations.notes import notes_of
from reports.api import documented as doc
from reports.api import forms
from reports.api.base import ReaderView, behind_wall
from reports.api.parameters import PAGING
from reports.api.renderers import file_renderers
from reports.api.writer import Beside, write
from reports.definitions.catalogue import CATALOGUE, Report
from reports.definitions.metrics import METRICS
from reports.files import downloads
from reports.files.as_csv import stream_calls
from reports.files.formats import FORMATS
from reports.privacy.look_up import look_up
from reports.queries import agents, environments
from reports.queries.ask import ask
from reports.queries.callbacks import vendor_days as callbacks
from reports.queries.calls import lists as calls
from reports.queries.calls.detail import detail
from reports.queries.completeness.freshness import StreamFreshness, behind, freshness
from reports.queries.question import read_calls, read_instant, read_question
from reports.queries.scope import Scope

_CSV = FORMATS["csv"].media_type


class EnvironmentList(ReaderView):
    params = PAGING
    page_form = forms.page_of(forms.Environment)

    @extend_schema(operation_id="environments_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """The environments the reader may see, by name, with how far each is mirrored."""
        streams = _streams(self.scope)
        rows = environments.environments(self.scope)
        return self.short_list(
            rows, together=lambda page: [Beside(row, streams=streams.get(row.public_id, {})) for row in page]
        )


class EnvironmentOne(ReaderView):
    @extend_schema(operation_id="environments_one", **doc.single(forms.Environment))
    def get(self, request: Request, id: UUID) -> Response:
        """One environment."""
        row = environments.environment(id, self.scope)
        streams = _streams(self.scope.only(row.pk))
        return Response(write(forms.Environment, Beside(row, streams=streams.get(row.public_id, {}))))


class AgentList(ReaderView):
    params = ("environment", *PAGING)
    page_form = forms.page_of(forms.Agent)

    @extend_schema(operation_id="agents_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """Agents by name, of some environments if these are named."""
        return self.short_list(agents.agents(self.scope, self.ids("environment")))


class CallList(ReaderView):
    filtered = True
    params = ("changed_since", "ordering", *PAGING)
    page_form = forms.page_of(forms.Call)

    @extend_schema(operation_id="calls_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """Calls, newest first. With ``changed_since`` in the order they changed: ask again from the last
        ``changed_at`` that was read, less some minutes, and take every call you already have for an update of it.
        """
        question = read_calls(self._named(), self.scope)
        since = read_instant(self.asked["changed_since"]) if self.asked.get("changed_since") else None
        page = calls.page(
            question,
            self.scope,
            cursor=self.cursor(),
            size=self.page_size(),
            ordering=self.asked.get("ordering") or ("changed_at" if since else "-started_at"),
            changed_since=since,
        )
        count = None
        if self.wants_count():
            rows = calls.calls(question, self.scope).order_by()
            count = (rows.filter(changed_at__gte=since) if since else rows).count()
        return self.listed(page.rows, next=page.next, previous=page.previous, count=count)

    def _named(self) -> Mapping[str, str]:
        """What is asked, with the contact in place of a whole number that this reader looks up."""
        asked, scope = self.asked, self.scope
        whole = asked.get("number") and asked.get("number_match") == "exact" and not asked.get("contact")
        if scope.sees_numbers or not scope.looks_up or not whole:
            return asked
        rest = {name: text for name, text in asked.items() if name not in ("number", "number_match")}
        return rest | {"contact": look_up(asked["number"], scope, self.number_asker)}


class CallCsv(ReaderView):
    filtered = True
    params = ("dialect", "ordering")
    renderer_classes = file_renderers(_CSV)

    @extend_schema(operation_id="calls_csv", **doc.file(_CSV))
    def get(self, request: Request) -> StreamingHttpResponse:
        """The same calls as one CSV file, never cut. The headers ``X-Mirror-Complete`` and ``X-Mirror-As-Of`` tell, as
        the file's name does, whether every day of the period was read whole.
        """
        dialect = self.dialect()
        question = read_calls(self.asked, self.scope)
        ordering = self.asked.get("ordering") or "-started_at"
        pieces = stream_calls(question, self.scope, dialect=dialect, ordering=ordering)
        return StreamingHttpResponse(
            behind_wall(self.reader, pieces),
            content_type=_CSV,
            headers=downloads.headers("calls", behind(question, self.scope)),
        )


class CallOne(ReaderView):
    @extend_schema(operation_id="calls_one", **doc.single(forms.CallDetail))
    def get(self, request: Request, id: UUID) -> Response:
        """One call with its timeline, transcript, latencies and tools, what changed of it, what members noted, and the
        vendor's raw element. Reading a transcript is kept in the company's audit, once an hour for each call.
        """
        call = detail(id, self.scope)
        if call.has_transcript:
            note_transcripts(
                "call",
                call.row["id"],
                tenant_id=self.reader.tenant.pk,
                user=request.user,
                key=self.reader.key,
                address=address_of(request),
            )
        row = call.row | {
            "detail": call,
            "parts": call.parts,
            "flags": flags_of([id], self.scope).get(call.row["id"], ()),
            "notes": [replace(note, text=call.written(note.text)) for note in notes_of(id, self.scope)],
            "payload": msgspec.Raw(call.payload.encode()),
        }
        return Response(write(forms.CallDetail, row))


class CallbackDays(ReaderView):
    params = ("environment", "date_from", "date_to", *PAGING)
    page_form = forms.page_of(forms.CallbackDay)

    @extend_schema(operation_id="callbacks_days", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """The vendor's callback totals by UTC day, newest first; both dates are included."""
        first, last = self.days()
        return self.short_list(callbacks.callback_days(self.scope, first, last, self.ids("environment")))


class MetricList(ReaderView):
    params = PAGING
    page_form = forms.page_of(forms.Metric)

    @extend_schema(operation_id="metrics_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """Every metric with its definition."""
        return self.short_list(list(METRICS.values()))


class ReportQuery(ReaderView):
    filtered = True
    params = ("metrics", "by", "period", "compare", "compare_from", "compare_to", "source_agent")

    @extend_schema(operation_id="reports_query", **doc.single(forms.Answer))
    def get(self, request: Request) -> Response:
        """Any metrics by any groupings for a period, compared with the aligned one before it or with another."""
        return Response(write(forms.Answer, ask(read_question(self.asked, self.scope), self.scope)))


class ReportList(ReaderView):
    params = PAGING
    page_form = forms.page_of(forms.Report)

    @extend_schema(operation_id="reports_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """Ready-made reports, each a link to its query."""
        base = request.build_absolute_uri(reverse("api:reports-query"))

        def linked(row: Report) -> Beside:
            chosen = "&".join(f"{name}={value}" for name, value in row.params.items())
            return Beside(row, query=f"{base}?{chosen}")

        return self.short_list(list(CATALOGUE.values()), together=lambda page: map(linked, page))


class Nowhere(ReaderView):
    """Any other address below the API: a problem document, too."""

    schema = None
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def get(self, request: Request, rest: str = "") -> Response:
        raise NotFound

    post = put = patch = delete = get


def _streams(scope: Scope) -> dict[UUID, dict[str, StreamFreshness]]:
    """How far each stream of each environment is mirrored, by public id."""
    return {row.environment: row.streams for row in freshness(scope)}
