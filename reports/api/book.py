"""The OpenAPI document as a book for people: chapters of operations, and the forms that they take and answer with.

Everything is read from the document, in the language that it is in; only who may ask, which no document holds, and the
chapters' titles are said here.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from reports.api.parameters import ALWAYS

Schema = Mapping[str, Any]
Words = tuple[tuple[bool, str], ...]  # pieces of a text, each with whether it is code
MOST_CHOICES = 60

CHAPTERS: dict[str, str | Promise] = {
    "environments": gettext_lazy("Environments"),
    "agents": gettext_lazy("Agents"),
    "calls": gettext_lazy("Calls"),
    "contacts": gettext_lazy("Contacts"),
    "callbacks": gettext_lazy("Callbacks"),
    "campaigns": gettext_lazy("Campaigns"),
    "metrics": gettext_lazy("Metrics"),
    "reports": gettext_lazy("Reports"),
    "saved-reports": gettext_lazy("Saved reports"),
    "exports": gettext_lazy("Exports"),
    "subscriptions": gettext_lazy("Scheduled mails"),
    "deliveries": gettext_lazy("Deliveries"),
    "alerts": gettext_lazy("Alerts"),
    "audit": gettext_lazy("Audit"),
    "boards": gettext_lazy("Boards"),
    "share-links": gettext_lazy("Share links"),
    "frame-hosts": gettext_lazy("Hosts of frames"),
    "export-schedules": gettext_lazy("Exports on a schedule"),
    "destinations": gettext_lazy("Destinations of files"),
    "handovers": gettext_lazy("Files handed over"),
}
EVERYBODY = gettext_lazy("Every key and every member: the answer holds what he may see, and no more.")
_MANAGERS = gettext_lazy("A key of a manager's role, or a member: viewers for themselves alone.")
_SHARERS = gettext_lazy("A key of a manager's role, or a manager.")
_SCHEDULERS = gettext_lazy("A key of a manager's role, or a member: viewers change their own alone.")
_KEEPERS = gettext_lazy("A member: a shared board takes a manager.")
# By chapter, or by one operation of it.
WHO: dict[str, str | Promise] = {
    "audit": gettext_lazy("A key of an owner's role, or an owner."),
    "contacts_list": gettext_lazy("Who sees numbers, or has the right to look them up."),
    "contacts_reveal": gettext_lazy("Who sees numbers, or has the right to look them up."),
    "exports": gettext_lazy("Every key and every member, each its own files."),
    "alerts_make": _MANAGERS,
    "alerts_change": _MANAGERS,
    "alerts_remove": _MANAGERS,
    "alerts_test": _MANAGERS,
    "subscriptions_add": _MANAGERS,
    "subscriptions_change": _MANAGERS,
    "subscriptions_remove": _MANAGERS,
    "subscriptions_test": _MANAGERS,
    "subscriptions_resend": _MANAGERS,
    "boards_make": _KEEPERS,
    "boards_change": _KEEPERS,
    "boards_remove": _KEEPERS,
    "share-links": _SHARERS,
    "share_links_make": gettext_lazy("A manager who is signed in."),
    "frame_hosts": _SHARERS,
    "frame_hosts_name": gettext_lazy("An owner, or a key of an owner's role."),
    "destinations": _SHARERS,
    "export_schedules_make": gettext_lazy(
        "A key of a manager's role, or a member: only managers choose a destination."
    ),
    "export_schedules_change": _SCHEDULERS,
    "export_schedules_remove": _SCHEDULERS,
    "export_schedules_try": _SCHEDULERS,
    "handovers_again": _SCHEDULERS,
    "saved_reports_add": gettext_lazy("A member: a shared report takes a manager."),
    "saved_reports_change": gettext_lazy("A member: a shared report takes a manager."),
    "saved_reports_remove": gettext_lazy("A member: a shared report takes a manager."),
}
TYPES: dict[tuple[str, str], str | Promise] = {
    ("string", ""): gettext_lazy("text"),
    ("string", "uuid"): gettext_lazy("id"),
    ("string", "date"): gettext_lazy("day"),
    ("string", "date-time"): gettext_lazy("moment"),
    ("string", "email"): gettext_lazy("e-mail address"),
    ("string", "uri"): gettext_lazy("web address"),
    ("string", "binary"): gettext_lazy("file"),
    ("integer", ""): gettext_lazy("whole number"),
    ("number", ""): pgettext_lazy("type of a value", "number"),
    ("boolean", ""): gettext_lazy("true or false"),
    ("object", ""): gettext_lazy("object"),
}
SAMPLES = {"uuid": "0198c0de-0000-7000-8000-000000000001", "date": "2026-01-31", "date-time": "2026-01-31T12:00:00Z"}
SAMPLES |= {"email": "ana@acme.example", "uri": "https://acme.example/hook"}
# What an example asks for, of the parameters that an operation knows.
SHOWN = {"date_from": "2026-01-01", "date_to": "2026-01-31", "metrics": "attempts,connect_rate", "by": "day"}


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a member of a form. ``form`` is the name of the form that its value has."""

    name: str
    type: str
    meaning: Words
    form: str = ""
    choices: tuple[str, ...] = ()
    bounds: str = ""
    needed: bool = False
    empty: bool = False  # it may be null


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    meaning: str
    form: str = ""
    files: tuple[str, ...] = ()  # media types


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    method: str
    path: str
    meaning: Words
    who: str
    fields: tuple[Field, ...]
    body: str  # the form that it takes, "" for none
    answers: tuple[Answer, ...]
    refusals: tuple[Answer, ...]
    query: str  # of the example
    sample: str  # body of the example


@dataclass(frozen=True, slots=True)
class Chapter:
    key: str
    title: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """``either`` are the forms of which it is one."""

    name: str
    fields: tuple[Field, ...]
    either: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Book:
    chapters: tuple[Chapter, ...]
    forms: tuple[Form, ...]


def chapter_of(path: str) -> str:
    """The first part of a path behind the version."""
    return path.removeprefix("/api/v1/").split("/")[0]


def book(document: Schema) -> Book:
    """A document in one language, for people who read that."""
    schemas = document["components"]["schemas"]
    chapters: defaultdict[str, list[Operation]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            chapters[chapter_of(path)].append(_operation(path, method, told, schemas))
    order = [*CHAPTERS, *(key for key in chapters if key not in CHAPTERS)]
    return Book(
        tuple(Chapter(key, str(CHAPTERS.get(key, key)), tuple(chapters[key])) for key in order if chapters[key]),
        tuple(
            Form(name, tuple(_fields(schema, schemas)), tuple(map(_ref, schema.get("oneOf", ()))))
            for name, schema in sorted(schemas.items())
            if _is_form(schema)
        ),
    )


def _is_form(schema: Schema) -> bool:
    return schema.get("type") == "object" or "oneOf" in schema


def pieces(text: str) -> Words:
    """A text whose code stands between doubled backticks, taken apart at these."""
    parts = text.split("``")
    return tuple((place % 2 == 1, part) for place, part in enumerate(parts) if part)


def _operation(path: str, method: str, told: Schema, schemas: Schema) -> Operation:
    names = sorted(told.get("parameters", ()), key=lambda each: (each["in"] != "path", each["name"] in ALWAYS))
    answers = [_answer(status, answer) for status, answer in told["responses"].items()]
    key, body = told["operationId"], _ref(_schema_of(told.get("requestBody", {})))
    asked = [each["name"] for each in names if each["in"] == "query"]
    return Operation(
        id=key,
        method=method.upper(),
        path=path,
        meaning=pieces(told.get("description", "")),
        who=str(WHO.get(key) or WHO.get(chapter_of(path)) or EVERYBODY),
        fields=tuple(_parameter(each, schemas) for each in names),
        body=body,
        answers=tuple(answer for answer in answers if answer.status < "400"),
        refusals=tuple(answer for answer in answers if answer.status >= "400"),
        query="&".join(f"{name}={SHOWN[name]}" for name in SHOWN if name in asked and method == "get"),
        sample=json.dumps(_sample(schemas[body], schemas), ensure_ascii=False) if body else "",
    )


def _parameter(told: Schema, schemas: Schema) -> Field:
    return _field(told["name"], told["schema"] | {"description": told.get("description", "")}, schemas, told)


def _answer(status: str, told: Schema) -> Answer:
    content = told.get("content", {})
    form = _ref(_schema_of(told))
    files = () if form else tuple(content)
    return Answer(status, told.get("description", ""), form, files)


def _schema_of(told: Schema) -> Schema:
    for content in told.get("content", {}).values():
        schema: Schema = content.get("schema", {})
        return schema
    return {}


def _ref(schema: Schema) -> str:
    """The name of the form that a schema, or what it is a list of, refers to."""
    for part in (schema, *schema.get("allOf", ()), *schema.get("oneOf", ())):
        if "$ref" in part:
            return str(part["$ref"]).rsplit("/", 1)[1]
    within = schema.get("items") or schema.get("additionalProperties")
    return _ref(within) if isinstance(within, dict) else ""


def _fields(schema: Schema, schemas: Schema) -> Iterator[Field]:
    needed = schema.get("required", ())
    for name, told in schema.get("properties", {}).items():
        yield _field(name, told, schemas, {"required": name in needed})


def _field(name: str, told: Schema, schemas: Schema, about: Schema) -> Field:
    ref = _ref(told)
    target = schemas.get(ref, {})
    is_form = _is_form(target)
    choices = told.get("enum") or told.get("items", {}).get("enum") or target.get("enum") or ()
    return Field(
        name=name,
        type=_type({**told, "type": told.get("type") or target.get("type", "")}),
        meaning=pieces(told.get("description", "").split("\n\n*")[0]),
        form=ref if is_form else "",
        choices=tuple(str(choice) for choice in choices if choice not in (None, ""))[:MOST_CHOICES],
        bounds=_bounds(told),
        needed=bool(about.get("required")),
        empty=bool(told.get("nullable")),
    )


def _type(schema: Schema) -> str:
    kind, form = schema.get("type", ""), schema.get("format", "")
    if kind == "array":
        return _("list of: %(type)s") % {"type": _type(schema.get("items", {}))}
    return str(TYPES.get((kind, form)) or TYPES.get((kind, "")) or TYPES["object", ""])


def _bounds(schema: Schema) -> str:
    least, most, usual = schema.get("minimum"), schema.get("maximum"), schema.get("default")
    told = []
    if least is not None and most is not None:
        told.append(f"{least}\u2013{most}")
    elif least is not None:
        told.append(f"\u2265\u00a0{least}")
    elif most is not None:
        told.append(f"\u2264\u00a0{most}")
    if usual is not None:
        words = ",".join(map(str, usual)) if isinstance(usual, list) else json.dumps(usual).strip('"')
        told.append(_("by default %(value)s") % {"value": words})
    return ", ".join(told)


def _sample(schema: Schema, schemas: Schema, depth: int = 4) -> Any:
    """What is needed of a form, with a value that fits each of its members; a first one where nothing is needed."""
    ref = _ref(schema)
    if ref and schema.get("type") != "array":
        return _sample(schemas[ref], schemas, depth - 1) if depth else {}
    if schema.get("enum"):
        return next((choice for choice in schema["enum"] if choice is not None), None)
    kind = schema.get("type", "object")
    if kind == "object":
        members = schema.get("properties", {})
        names = [name for name in members if name in schema.get("required", ())] or list(members)[:1]
        return {name: _sample(members[name], schemas, depth - 1) for name in names if depth}
    if kind == "array":
        return [_sample(schema.get("items", {}), schemas, depth - 1)] if depth else []
    usual = {"integer": schema.get("minimum", 1), "number": 1, "boolean": True}
    return usual.get(kind, SAMPLES.get(schema.get("format", ""), "…"))
