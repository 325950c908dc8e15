"""Rows written by their forms: each field of a form takes the value at its ``source`` in the row.

A source is a name or a path of names, as the framework has them. A form whose values stand side by side in the row
around it names them all, in its own order, and is null where the first is: ``AgentName(source="agent,agent_name")``.
Values stay as they are: moments, ids and lazy texts are the renderer's to spell.
"""

from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any, ClassVar

import msgspec
from rest_framework import serializers as s

_Made = Callable[[Any], Any]


class Form(s.Serializer[Any]):
    # A docstring here would describe every form in the schema. The framework has fields in the order in which they were
    # made; rows are written in that of ``names``, which ``forms.form`` gives.
    names: ClassVar[tuple[str, ...]]


def write(form: type[Form], row: Any) -> msgspec.Struct:
    """A row by its form, for the renderer. Raises KeyError or AttributeError for a source that the row has not got.

    A field that may be null is null where its path ends early; one that is not required is left out where it is None.
    """
    return _writer(form)(row)


class Beside:
    """A row with values beside its own, and in the place of its own."""

    def __init__(self, row: Any, /, **values: Any) -> None:
        self._row = row
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)


class _Writer:
    """A form taken apart once: the framework's own way asks every field anew for every row."""

    def __init__(self, form: Form) -> None:
        self.struct = msgspec.defstruct(type(form).__name__, form.names)
        self.made: list[tuple[int, _Made]] = []
        self.side_by_side: list[tuple[int, _Made]] = []
        self.optional: list[int] = []
        firsts = []
        for place, name in enumerate(form.names):
            field = form.fields[name]
            sources = str(field.source).split(",")
            first, *path = sources[0].split(".")
            firsts.append(first)
            if isinstance(field, Form) and len(sources) > 1:
                self.side_by_side.append((place, _gathered(field, sources)))
            elif made := _maker(field, path):
                self.made.append((place, made))
            if not field.required:
                self.optional.append(place)
        self.values = _values(firsts)

    def __call__(self, row: Any) -> msgspec.Struct:
        values = list(self.values(row))
        for place, made in self.made:
            values[place] = made(values[place])
        for place, gathered in self.side_by_side:
            if values[place] is not None:
                values[place] = gathered(row)
        for place in self.optional:
            if values[place] is None:
                values[place] = msgspec.UNSET
        return self.struct(*values)


@cache
def _writer(form: type[Form]) -> _Writer:
    return _Writer(form())


def _values(names: Sequence[str]) -> Callable[[Any], Sequence[Any]]:
    """What takes the values of several names from a row, at once where there are several."""
    if len(names) == 1:
        return lambda row: (_value(row, names[0]),)
    items, attributes = itemgetter(*names), attrgetter(*names)
    return lambda row: items(row) if isinstance(row, dict) else attributes(row)


def _value(row: Any, name: str) -> Any:
    return row[name] if isinstance(row, dict) else getattr(row, name)


def _gathered(form: Form, sources: Sequence[str]) -> _Made:
    struct, values = msgspec.defstruct(type(form).__name__, form.names), _values(sources)
    return lambda row: struct(*values(row))


def _maker(field: s.Field[Any, Any, Any, Any], path: Sequence[str]) -> _Made | None:
    """What leads from the value at the first name of a source to the one written; None where it is that one."""
    compound = _compound(field)
    if not path and compound is None:
        return None

    def made(value: Any) -> Any:
        for name in path:
            if value is None and field.allow_null:
                return None
            value = _value(value, name)
        return value if compound is None or (value is None and field.allow_null) else compound(value)

    return made


def _compound(field: s.Field[Any, Any, Any, Any]) -> _Made | None:
    """How a value is written that is made of others; None where it stays whole."""
    if isinstance(field, Form):
        return _Writer(field)
    if not isinstance(field, s.ListSerializer | s.ListField | s.DictField):
        return None
    each = None if field.child is None else _maker(field.child, ())
    if each is None:
        return None
    if isinstance(field, s.DictField):
        return lambda values: {key: each(value) for key, value in values.items()}
    return lambda values: [each(value) for value in values]
