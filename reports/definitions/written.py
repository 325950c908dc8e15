"""Long CASEs as text over a few columns, where Django would resolve and compile dozens of nodes for every query."""

import re
from typing import Any

from django.db.models import BigIntegerField, CharField, Func

_PLACE = re.compile(r"\{(\w+)\}")


class Written(Func):
    """``text`` with an expression in the place of each ``{name}``; a percent sign stands doubled.

    The text is ours alone: whatever comes from elsewhere is a ``Value`` in a place.
    """

    output_field: Any = CharField()

    def __init__(self, text: str, **places: Any) -> None:
        super().__init__(*places.values())
        self.text, self.names = text, tuple(places)

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> Any:  # type: ignore[override]
        expressions = zip(self.names, self.get_source_expressions(), strict=True)
        compiled = {name: compiler.compile(expression) for name, expression in expressions}
        params: list[Any] = []
        for name in _PLACE.findall(self.text):
            params += compiled[name][1]
        return _PLACE.sub(lambda match: compiled[match[1]][0], self.text), params


class WrittenNumber(Written):
    output_field = BigIntegerField()


def listed(words: Any) -> str:
    """Words or numbers of ours as SQL lists them."""
    return ", ".join(str(word) if isinstance(word, int) else f"'{word}'" for word in words)
