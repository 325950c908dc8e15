"""How bodies are read: JSON of a bounded length, in which every text can be kept."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError

from portal.unreadable import is_storable


class JsonParser(parsers.JSONParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """As the framework's; what is nested beyond all use, or no text, is no JSON either."""
        try:
            data = super().parse(stream, media_type, parser_context)
            if is_storable(data):
                return data
        except RecursionError:
            pass
        raise ParseError
