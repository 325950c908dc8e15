"""The base of every view: the wall is open while it runs, parameters are known by name, lists have cursors."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
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

from portal.lib.times import parse_day
from portal.tenants import wall
from reports.api.auth import Reader
from reports.api.problems import ParameterError
from reports.queries.params import ParamReader
from reports.scope import Scope

PAGE_SIZE, MOST_PER_PAGE = 100, 500
_ALWAYS = frozenset({"tenant"})
PAGING = ("cursor", "page_size", "count")


class Negotiation(DefaultContentNegotiation):
    """By the Accept header alone: a parameter ``format`` is unknown like any other."""

    settings: Any = SimpleNamespace(URL_FORMAT_OVERRIDE=None)


class ReaderView(APIView):
    """A view for a reader. ``params`` are the parameters it knows; any other is refused rather than ignored, since a
    misspelt filter would answer with everything.
    """

    params: tuple[str, ...] = ()
    http_method_names = ["get", "head"]
    content_negotiation_class = Negotiation

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with ExitStack() as self._open:
            response = super().dispatch(request, *args, **kwargs)
            if isinstance(response, Response):
                response.render()
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self._open.enter_context(wall.tenant(self.reader.tenant))
        unknown = set(request.query_params) - set(self.params) - _ALWAYS
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

    def day(self, name: str) -> date | None:
        text = self.asked.get(name)
        try:
            return parse_day(text) if text else None
        except ValueError:
            raise ParameterError({name: _("A day is written like 2026-07-13.")}) from None

    def ids(self, name: str) -> tuple[UUID, ...]:
        """A comma list; none for all."""
        reader = ParamReader(self.asked, self.scope)
        found = reader.ids(name)
        reader.finish()
        return found

    def page_size(self) -> int:
        text = self.asked.get("page_size") or str(PAGE_SIZE)
        if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST_PER_PAGE):
            sentence = _("A page has from 1 to %(most)s elements.") % {"most": MOST_PER_PAGE}
            raise ParameterError({"page_size": sentence})
        return int(text)

    def wants_count(self) -> bool:
        text = (self.asked.get("count") or "false").lower()
        if text not in ("true", "false"):
            raise ParameterError({"count": _("This is “true” or “false”.")})
        return text == "true"

    def cursor(self) -> str:
        """The cursor; the whole address that a page named is one as well."""
        text = self.asked.get("cursor") or ""
        return parse_qs(urlsplit(text).query).get("cursor", [""])[0] if "?" in text else text

    def listed(self, results: list[Any], *, next: str, previous: str, count: int | None = None) -> Response:
        body: dict[str, Any] = {"next": self._address(next), "previous": self._address(previous)}
        if count is not None:
            body["count"] = count
        return Response(body | {"results": results})

    def short_list(self, rows: QuerySet[Any] | Sequence[Any], form: Callable[[Any], dict[str, Any]]) -> Response:
        """A list of some hundreds, cut by place; ``form`` makes an element of a row."""
        place, size = _read_place(self.cursor()), self.page_size()
        found = list(rows[place : place + size + 1])
        return self.listed(
            [form(row) for row in found[:size]],
            next=_place(place + size) if len(found) > size else "",
            previous=_place(max(0, place - size)) if place else "",
            count=_length(rows) if self.wants_count() else None,
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


def _place(number: int) -> str:
    return urlsafe_b64encode(f"place:{number}".encode()).decode().rstrip("=")


def _read_place(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, number = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").split(":")
        if word == "place" and number.isdecimal() and len(number) < 10:
            return int(number)
    except ValueError:
        pass
    raise ParameterError({"cursor": _("This is no cursor of a page.")})
