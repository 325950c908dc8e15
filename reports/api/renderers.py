"""JSON by msgspec: several times quicker on a page of calls than the framework's own encoder."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer


def _plain(value: Any) -> Any:
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form.")


_encoder = msgspec.json.Encoder(enc_hook=_plain)


class JsonRenderer(BaseRenderer):
    """Moments become RFC 3339 in UTC with ``Z``, lazy texts the active language's."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else _encoder.encode(data)


def file_renderers(*content_types: str) -> tuple[type[JsonRenderer], ...]:
    """For a view that hands out files of these types: a client may ask for each by name. What is rendered here is only
    ever a problem document.
    """
    return JsonRenderer, *(
        type("FileRenderer", (JsonRenderer,), {"media_type": bare(content_type)}) for content_type in content_types
    )


def bare(content_type: str) -> str:
    """The media type without its parameters."""
    return content_type.partition(";")[0]
