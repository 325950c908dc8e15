"""The base of every view: the wall is open while it runs, parameters are known by name, lists have cursors."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.audit.record import address_of
from portal.tenants import wall
from reports.api.auth import Reader
from reports.api.parameters import ALWAYS, MOST_PER_PAGE, OF_CALLS, PAGE_SIZE, ReaderSchema
from reports.api.problems import ParameterError
from reports.api.writer import Form, write
from reports.definitions.filters import call_filters, whole_number
from reports.files.as_csv import DIALECTS
from reports.files.jobs import Asker
from reports.privacy.look_up import NumberAsker
from reports.queries.cursor import number_text, read_number
from reports.queries.params import ParamReader
from reports.queries.scope import Scope

_PLACE = "place"


class Negotiation(DefaultContentNegotiation):
    """By the Accept header alone: a parameter ``format`` is unknown like any other."""

    settings: Any = SimpleNamespace(URL_FORMAT_OVERRIDE=None)


class ReaderView(APIView):
    """A view for a reader. ``params`` are the parameters it knows, besides those of calls where it is ``filtered``; any
    other is refused rather than ignored, since a misspelt filter would answer with everything. ``page_form`` is that of
    its pages, where it lists.
    """

    params: tuple[str, ...] = ()
    filtered = False
    page_form: type[Form]
    schema: Any = ReaderSchema()
    http_method_names = ["get", "head"]
    content_negotiation_class = Negotiation

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        return (*cls.params, *((*(each.name for each in call_filters()), *OF_CALLS) if cls.filtered else ()))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with ExitStack() as self._open:
            response = super().dispatch(request, *args, **kwargs)
            if isinstance(response, Response):
                response.render()
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self._open.enter_context(wall.tenant(self.reader.tenant))
        unknown = set(request.query_params).difference(self.parameters(), ALWAYS)
        if unknown:
            raise ParameterError({name: _("This parameter is not known here.") for name in sorted(unknown)})

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers["Cache-Control"] = "private, no-store"
        patch_vary_headers(answer, ("Authorization", "Cookie"))
        return answer

    @property
    def reader(self) -> Reader:
        return cast("Reader", self.request.auth)

    @property
    def scope(self) -> Scope:
        return self.reader.scope

    @property
    def asked(self) -> Mapping[str, str]:
        return self.request.query_params

    @property
    def asker(self) -> Asker:
        """Who asks for a file."""
        user: Any = self.request.user
        address = address_of(self.request._request)
        return Asker(self.reader.tenant.pk, user=user, key=self.reader.key, address=address)

    @property
    def number_asker(self) -> NumberAsker:
        """Who looks a number up, or has one shown."""
        user: Any = self.request.user
        address = address_of(self.request._request)
        return NumberAsker(self.reader.tenant, self.reader.grant, user=user, key=self.reader.key, address=address)

    def days(self) -> tuple[date | None, date | None]:
        """The first and the last day asked for, both included."""
        reader = ParamReader(self.asked, self.scope)
        days = reader.days()
        reader.finish()
        return days

    def ids(self, name: str) -> tuple[UUID, ...]:
        """A comma list; none for all."""
        reader = ParamReader(self.asked, self.scope)
        ids = reader.ids(name)
        reader.finish()
        return ids

    def page_size(self) -> int:
        text = self.asked.get("page_size") or str(PAGE_SIZE)
        size = whole_number(text, 1, MOST_PER_PAGE)
        if size is None:
            sentence = _("A page has from 1 to %(most)s elements.") % {"most": MOST_PER_PAGE}
            raise ParameterError({"page_size": sentence})
        return size

    def wants_count(self) -> bool:
        text = (self.asked.get("count") or "false").lower()
        if text not in ("true", "false"):
            raise ParameterError({"count": _("This is “true” or “false”.")})
        return text == "true"

    def dialect(self) -> str:
        """Of a CSV file."""
        dialect = self.asked.get("dialect") or "csv"
        if dialect not in DIALECTS:
            raise ParameterError({"dialect": _("This is one of %(names)s.") % {"names": ", ".join(DIALECTS)}})
        return dialect

    def cursor(self) -> str:
        """The cursor; the whole address that a page named is one as well."""
        text = self.asked.get("cursor") or ""
        return parse_qs(urlsplit(text).query).get("cursor", [""])[0] if "?" in text else text

    def listed(
        self, rows: Iterable[Any], *, next: str, previous: str, count: int | None = None, **more: Any
    ) -> Response:
        """A page of rows; ``more`` is what its form takes besides them."""
        edges = {"next": self._address(next), "previous": self._address(previous), "count": count}
        return Response(write(self.page_form, {**edges, **more, "rows": rows}))

    def short_list(
        self,
        rows: QuerySet[Any] | Sequence[Any],
        *,
        together: Callable[[list[Any]], Iterable[Any]] = list,
        **more: Any,
    ) -> Response:
        """A list of some hundreds, cut by place; ``together`` adds what the rows of a page need more."""
        place, size = read_number(self.cursor(), _PLACE) or 0, self.page_size()
        items = list(rows[place : place + size + 1])
        return self.listed(
            together(items[:size]),
            next=number_text(_PLACE, place + size) if len(items) > size else "",
            previous=number_text(_PLACE, max(0, place - size)) if place else "",
            count=_length(rows) if self.wants_count() else None,
            **more,
        )

    def _address(self, cursor: str) -> str | None:
        if not cursor:
            return None
        params = self.request.query_params.copy()
        params["cursor"] = cursor
        return self.request.build_absolute_uri(f"{self.request.path}?{params.urlencode()}")


def behind_wall(reader: Reader, pieces: Iterator[str]) -> Iterator[bytes]:
    """The pieces of a streamed body, each made behind the reader's wall."""
    return (piece.encode() for piece in wall.each(reader.tenant, pieces))


def _length(rows: QuerySet[Any] | Sequence[Any]) -> int:
    return rows.count() if isinstance(rows, QuerySet) else len(rows)
