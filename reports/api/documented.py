"""What ``extend_schema`` needs of a view: what it answers with, and the problems that any may answer with."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse

from reports.api.forms import Problem
from reports.api.problems import usual
from reports.api.renderers import bare
from reports.api.writer import Form

TAKES = (413, 415)  # what has a body


def single(of: type[Form], *also: int) -> dict[str, Any]:
    """For a view that answers with one ``of``, which may be a page; ``also``: problems beyond those of any view."""
    return {"responses": {200: of, **_problems(*also)}}


def file(*content_types: str, also: tuple[int, ...] = ()) -> dict[str, Any]:
    """For a view that hands out a file of one of these types; ``also``: problems beyond those of any view."""
    files = {(200, bare(content_type)): OpenApiTypes.BINARY for content_type in content_types}
    return {"responses": {**files, **_problems(*also)}}


def accepted(of: type[Form]) -> dict[str, Any]:
    """For a view that takes an order and answers with the job."""
    return {"responses": {202: of, **_problems(409, *TAKES)}}


def made(of: type[Form]) -> dict[str, Any]:
    """For a view that answers with what it made."""
    return {"responses": {201: of, **_problems(*TAKES)}}


def nothing(*also: int) -> dict[str, Any]:
    """For a view that has nothing more to say; ``also``: problems beyond those of any view."""
    return {"responses": {204: None, **_problems(*also)}}


def _problems(*also: int) -> dict[Any, Any]:
    kinds = {
        400: _("A parameter is wrong."),
        401: _("No key or session."),
        403: _("Not allowed."),
        404: _("Nothing there that the reader may see."),
        **{status: usual(status) for status in sorted({406, 429, 503, *also})},
    }
    return {
        (status, "application/problem+json"): OpenApiResponse(Problem, description=str(text))
        for status, text in kinds.items()
    }
