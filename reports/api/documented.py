"""The forms for the schema. They describe what ``forms`` makes, and take no part in making it."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers as s

from reports.annotations.flags import FLAGS
from reports.definitions.labels import OUTCOME_LABELS

Form = type[s.Serializer[Any]]


def form(name: str, /, **fields: s.Field[Any, Any, Any, Any]) -> Form:
    """A serializer class by name; its fields may have names that are words of Python."""
    return type(f"{name}Serializer", (s.Serializer,), dict(fields))


def _text(**more: Any) -> s.CharField:
    return s.CharField(**more)


def _many(of: Form) -> s.BaseSerializer[Any]:
    return of(many=True)


Problem = form(
    "Problem",
    type=_text(),
    title=_text(),
    status=s.IntegerField(),
    detail=_text(),
    errors=s.DictField(child=s.ListField(child=_text()), required=False),
)
Gap = form(
    "Gap",
    environment=s.UUIDField(),
    environment_name=_text(),
    stream=_text(),
    part=_text(),
    day=s.DateField(allow_null=True),
    fault=_text(),
    quarantined=s.IntegerField(help_text=_("Elements that could not be read, where that is the fault.")),
    since=s.DateTimeField(),
)
StreamFreshness = form(
    "StreamFreshness",
    as_of=s.DateTimeField(allow_null=True),
    complete_from=s.DateField(allow_null=True),
    complete_through=s.DateField(allow_null=True),
    mirrored=s.IntegerField(),
    vendor_total=s.IntegerField(allow_null=True),
    quarantined=s.IntegerField(help_text=_("Shown by the vendor, and not to be read.")),
    accepted=s.IntegerField(help_text=_("Such that an administrator took for no call; they make nothing incomplete.")),
    gaps=_many(Gap),
)
Environment = form(
    "Environment",
    id=s.UUIDField(),
    name=_text(),
    provider=_text(),
    created_at=s.DateTimeField(),
    retired_at=s.DateTimeField(allow_null=True),
    freshness=s.DictField(child=StreamFreshness()),
)
Agent = form(
    "Agent",
    id=s.UUIDField(),
    external_id=_text(),
    environment=s.UUIDField(),
    name=_text(),
    label=_text(),
    direction=_text(),
    state=_text(),
    takes_callbacks=s.BooleanField(),
    callback_sources=s.ListField(child=_text()),
    price_per_minute=s.FloatField(allow_null=True),
    currency=_text(),
    first_seen_at=s.DateTimeField(),
    missing_since=s.DateTimeField(allow_null=True),
)
AgentName = form("AgentName", id=s.UUIDField(), name=_text())
_CALL: dict[str, Any] = {
    "id": s.UUIDField(),
    "external_id": _text(),
    "environment": s.UUIDField(),
    "agent": AgentName(allow_null=True),
    "direction": _text(),
    "status": _text(),
    "outcome": s.ChoiceField(choices=tuple(OUTCOME_LABELS)),
    "started_at": s.DateTimeField(),
    "answered_at": s.DateTimeField(allow_null=True),
    "ended_at": s.DateTimeField(allow_null=True),
    "duration": s.FloatField(allow_null=True, help_text=_("Seconds.")),
    "billed_duration": s.FloatField(allow_null=True, help_text=_("Seconds.")),
    "from": _text(),
    "to": _text(),
    "contact": _text(help_text=_("An opaque id, the same for every call of one number.")),
    "is_testing": s.BooleanField(),
    "hangup_cause": _text(),
    "hangup_source": _text(),
    "missing_since": s.DateTimeField(allow_null=True),
    "changed_at": s.DateTimeField(),
}
Call = form("Call", **_CALL)
Event = form("Event", name=_text(), at=s.DateTimeField(allow_null=True), time=_text())
Turn = form("Turn", speaker=_text(), side=_text(), text=_text(), at=s.DateTimeField(allow_null=True))
Tool = form(
    "Tool",
    name=_text(),
    input=s.JSONField(),
    output=s.JSONField(),
    failed=s.BooleanField(),
    at=s.DateTimeField(allow_null=True),
    milliseconds=s.FloatField(allow_null=True),
)
Stage = form(
    "Stage",
    turns=s.IntegerField(),
    makers=s.ListField(child=_text(), help_text=_("Names of models, providers and voices.")),
    tokens=s.DictField(child=s.IntegerField()),
)
CallChange = form(
    "CallChange",
    at=s.DateTimeField(help_text=_("When it was noticed here.")),
    field=s.ChoiceField(choices=("status", "duration", "started_at")),
    was=s.JSONField(allow_null=True),
    now=s.JSONField(allow_null=True),
)
CallNote = form(
    "CallNote",
    id=s.UUIDField(),
    author=_text(),
    text=_text(),
    created_at=s.DateTimeField(),
    changed_at=s.DateTimeField(allow_null=True),
)
Facts = form("Facts", rows=s.DictField(), rest=s.DictField())
CallDetail = form(
    "CallDetail",
    **_CALL,
    first_seen_at=s.DateTimeField(),
    read_at=s.DateTimeField(help_text=_("When the vendor was asked for what stands here.")),
    timeline=_many(Event),
    transcript=_many(Turn),
    latencies=s.DictField(child=s.ListField(child=s.FloatField()), allow_null=True),
    tools=_many(Tool),
    quality=Facts(),
    insights=Facts(),
    context=Facts(),
    audio=Facts(),
    stages=s.DictField(child=Stage()),
    unrecognised=s.ListField(child=_text()),
    changes=_many(CallChange),
    flags=s.ListField(child=s.ChoiceField(choices=tuple(FLAGS.items()))),
    notes=_many(CallNote),
    payload=s.JSONField(help_text=_("The vendor's last element as it came.")),
)
CallbackDay = form(
    "CallbackDay",
    environment=s.UUIDField(),
    day=s.DateField(),
    received=s.IntegerField(),
    answered=s.IntegerField(),
    unmatched=s.IntegerField(),
    sources=_many(form("CallbackSource", agent=_text(), name=_text(), count=s.IntegerField())),
    changed_at=s.DateTimeField(),
)
Metric = form(
    "Metric",
    key=_text(),
    label=_text(),
    definition=_text(),
    formula=_text(),
    unit=_text(),
    better=_text(),
    minimum_n=s.IntegerField(),
    vendors=s.ListField(child=_text()),
)
Report = form(
    "Report",
    key=_text(),
    label=_text(),
    description=_text(),
    metrics=s.ListField(child=_text()),
    by=s.ListField(child=_text()),
    query=s.URLField(),
)
Cell = form(
    "Cell",
    value=s.FloatField(allow_null=True),
    n=s.IntegerField(allow_null=True),
    previous=s.FloatField(allow_null=True),
    change=s.FloatField(allow_null=True),
    small=s.BooleanField(help_text=_("Whether n is too small for the value to say much.")),
    previous_n=s.IntegerField(allow_null=True),
    previous_small=s.BooleanField(help_text=_("The same of the period before: then the change says little.")),
)
AnswerRow = form(
    "AnswerRow",
    key=s.DictField(child=_text(allow_null=True)),
    labels=s.DictField(child=_text()),
    cells=s.DictField(child=Cell()),
    unfinished=s.BooleanField(),
)
Period = form("Period", date_from=s.DateField(), date_to=s.DateField(), zone=_text())
Answer = form(
    "Answer",
    columns=_many(form("Column", key=_text(), label=_text(), unit=_text(), better=_text())),
    by=s.ListField(child=_text()),
    rows=_many(AnswerRow),
    totals=s.DictField(child=Cell()),
    period=Period(),
    previous_period=Period(allow_null=True),
    previous_complete=s.BooleanField(),
    as_of=s.DateTimeField(allow_null=True),
    complete=s.BooleanField(),
    counted=s.IntegerField(allow_null=True, help_text=_("The calls that the figures are made of.")),
    mirrored=s.IntegerField(help_text=_("Calls held of the UTC days that touch the period, test calls included.")),
    vendor_total=s.IntegerField(allow_null=True, help_text=_("Those that the vendor shows of these days.")),
    quarantined=s.IntegerField(help_text=_("Shown by the vendor, and not to be read.")),
    accepted=s.IntegerField(help_text=_("Such that an administrator took for no call; they make nothing incomplete.")),
    corrections=s.IntegerField(),
    gaps=_many(Gap),
    left_out=s.DictField(
        child=s.ListField(child=_text()),
        help_text=_("By metric, the environments that are not in it, because their vendor does not tell it."),
    ),
    definitions=s.DictField(
        child=form("Definition", label=_text(), definition=_text(), formula=_text(), minimum_n=s.IntegerField())()
    ),
)


def single(of: Form) -> dict[str, Any]:
    """What ``extend_schema`` needs for a view that answers with one ``of``."""
    return {"responses": {200: of, **_problems()}}


STANDING: dict[str, Any] = {  # of a list that is found among calls: how complete these are
    "as_of": s.DateTimeField(allow_null=True),
    "complete": s.BooleanField(help_text=_("Whether every call of its days was read and could be looked at.")),
    "gaps": _many(Gap),
}


def listed(of: Form, **more: Any) -> dict[str, Any]:
    """What ``extend_schema`` needs for a page of a list; ``more`` are fields of the page besides its rows."""
    name = of.__name__.removesuffix("Serializer")
    page = form(
        f"{name}Page",
        next=s.URLField(allow_null=True),
        previous=s.URLField(allow_null=True),
        count=s.IntegerField(required=False),
        **more,
        results=_many(of),
    )
    return single(page)


def file(media_type: str) -> dict[str, Any]:
    responses = {(200, media_type): OpenApiTypes.STR, **_problems()}
    return {"responses": responses}


def accepted(of: Form) -> dict[str, Any]:
    """For a view that takes an order and answers with the job."""
    return {"responses": {202: of, **_problems()}}


def made(of: Form) -> dict[str, Any]:
    """For a view that answers with what it made."""
    return {"responses": {201: of, **_problems()}}


def nothing() -> dict[str, Any]:
    """For a view that has nothing more to say."""
    return {"responses": {204: None, **_problems()}}


def binary() -> dict[str, Any]:
    """For a view that hands out a file of any kind."""
    responses = {(200, "application/octet-stream"): OpenApiTypes.BINARY, **_problems()}
    return {"responses": responses}


def _problems() -> dict[Any, Any]:
    kinds = {
        400: _("A parameter is wrong."),
        401: _("No key or session."),
        403: _("Not allowed."),
        404: _("Nothing there that the reader may see."),
    }
    return {
        (status, "application/problem+json"): OpenApiResponse(Problem, description=str(text))
        for status, text in kinds.items()
    }
