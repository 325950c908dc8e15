"""The forms of answers, each declared once: OpenAPI describes it, and ``writer`` writes rows by it.

Where a row has another name for a value, or has it deeper, the field says so by its ``source``. A form that one view
alone answers with stands beside that view.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers as s

from reports.annotations.flags import FLAGS
from reports.api.writer import Form
from reports.definitions.labels import OUTCOME_LABELS


def form(name: str, /, **fields: s.Field[Any, Any, Any, Any]) -> type[Form]:
    """A serializer class by name; its fields may have names that are words of Python."""
    return type(f"{name}Serializer", (Form,), {**fields, "names": tuple(fields)})


def _text(**more: Any) -> s.CharField:
    return s.CharField(**more)


def _many(of: type[Form], **more: Any) -> s.BaseSerializer[Any]:
    return of(many=True, **more)


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
    mirrored=s.IntegerField(
        allow_null=True, help_text=_("Elements held of whole UTC days, test calls among them: more than figures count.")
    ),
    vendor_total=s.IntegerField(allow_null=True),
    quarantined=s.IntegerField(help_text=_("Shown by the vendor, and not to be read.")),
    accepted=s.IntegerField(help_text=_("Such that an administrator took for no call; they make nothing incomplete.")),
    gaps=_many(Gap),
)
Environment = form(
    "Environment",
    id=s.UUIDField(source="public_id"),
    name=_text(),
    provider=_text(),
    created_at=s.DateTimeField(),
    retired_at=s.DateTimeField(allow_null=True),
    freshness=s.DictField(source="streams", child=StreamFreshness()),
)
Agent = form(
    "Agent",
    id=s.UUIDField(source="public_id"),
    external_id=_text(),
    environment=s.UUIDField(source="environment.public_id"),
    name=_text(),
    label=_text(),
    direction=_text(),
    state=_text(),
    takes_callbacks=s.BooleanField(),
    callback_sources=s.ListField(child=_text()),
    price_per_minute=s.FloatField(source="list_price", allow_null=True),
    currency=_text(),
    first_seen_at=s.DateTimeField(),
    missing_since=s.DateTimeField(allow_null=True),
)
AgentName = form("AgentName", id=s.UUIDField(), name=_text())
_CALL: dict[str, Any] = {
    "id": s.UUIDField(),
    "external_id": _text(),
    "environment": s.UUIDField(),
    "agent": AgentName(source="agent,agent_name", allow_null=True),
    "direction": _text(),
    "status": _text(),
    "outcome": s.ChoiceField(choices=tuple(OUTCOME_LABELS)),
    "started_at": s.DateTimeField(),
    "answered_at": s.DateTimeField(allow_null=True),
    "ended_at": s.DateTimeField(allow_null=True),
    "duration": s.FloatField(allow_null=True, help_text=_("Seconds.")),
    "billed_duration": s.FloatField(source="billed", allow_null=True, help_text=_("Seconds.")),
    "from": _text(source="from_number"),
    "to": _text(source="to_number"),
    "contact": _text(source="contact_id", help_text=_("An opaque id, the same for every call of one number.")),
    "is_testing": s.BooleanField(source="is_test"),
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
    first_seen_at=s.DateTimeField(source="detail.first_seen_at"),
    read_at=s.DateTimeField(source="detail.read_at", help_text=_("When the vendor was asked for what stands here.")),
    timeline=_many(Event, source="parts.timeline"),
    transcript=_many(Turn, source="parts.transcript"),
    latencies=s.DictField(source="detail.latencies", child=s.ListField(child=s.FloatField()), allow_null=True),
    tools=_many(Tool, source="parts.tools"),
    quality=Facts(source="parts.quality"),
    insights=Facts(source="parts.insights"),
    context=Facts(source="parts.context"),
    audio=Facts(source="parts.audio"),
    stages=s.DictField(source="parts.stages", child=Stage()),
    unrecognised=s.ListField(source="parts.unrecognised", child=_text()),
    changes=_many(CallChange, source="detail.changed_fields"),
    flags=s.ListField(child=s.ChoiceField(choices=tuple(FLAGS.items()))),
    notes=_many(CallNote),
    payload=s.JSONField(help_text=_("The vendor's last element as it came.")),
)
CallbackDay = form(
    "CallbackDay",
    environment=s.UUIDField(source="environment.public_id"),
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
Period = form("Period", date_from=s.DateField(source="start"), date_to=s.DateField(source="last_day"), zone=_text())
Answer = form(
    "Answer",
    columns=_many(form("Column", key=_text(), label=_text(), unit=_text(), better=_text())),
    by=s.ListField(source="question.by", child=_text()),
    rows=_many(AnswerRow, source="keyed_rows"),
    totals=s.DictField(child=Cell()),
    period=Period(),
    previous_period=Period(allow_null=True),
    previous_complete=s.BooleanField(),
    as_of=s.DateTimeField(source="completeness.as_of", allow_null=True),
    complete=s.BooleanField(source="completeness.complete"),
    counted=s.IntegerField(
        source="completeness.counted", allow_null=True, help_text=_("The calls that the figures are made of.")
    ),
    mirrored=s.IntegerField(
        source="completeness.mirrored",
        help_text=_("Calls held of the UTC days that touch the period, test calls included."),
    ),
    vendor_total=s.IntegerField(
        source="completeness.vendor_total", allow_null=True, help_text=_("Those that the vendor shows of these days.")
    ),
    quarantined=s.IntegerField(
        source="completeness.quarantined", help_text=_("Shown by the vendor, and not to be read.")
    ),
    accepted=s.IntegerField(
        source="completeness.accepted",
        help_text=_("Such that an administrator took for no call; they make nothing incomplete."),
    ),
    corrections=s.IntegerField(source="completeness.corrections"),
    gaps=_many(Gap, source="completeness.gaps"),
    left_out=s.DictField(
        child=s.ListField(child=_text()),
        help_text=_("By metric, the environments that are not in it, because their vendor does not tell it."),
    ),
    definitions=s.DictField(
        child=form("Definition", label=_text(), definition=_text(), formula=_text(), minimum_n=s.IntegerField())()
    ),
)
STANDING: dict[str, Any] = {  # of a list that is found among calls: how complete these are
    "as_of": s.DateTimeField(source="standing.as_of", allow_null=True),
    "complete": s.BooleanField(
        source="standing.complete", help_text=_("Whether every call of its days was read and could be looked at.")
    ),
    "gaps": _many(Gap, source="standing.gaps"),
}


def edges() -> dict[str, Any]:
    """What leads from a page to those beside it; made anew for each, as the schema orders fields by their making."""
    return {
        "next": s.URLField(allow_null=True),
        "previous": s.URLField(allow_null=True),
        "count": s.IntegerField(required=False),
    }


def page_of(of: type[Form], **more: s.Field[Any, Any, Any, Any]) -> type[Form]:
    """A page of a list; ``more`` are fields of the page besides its rows."""
    return form(f"{of.__name__.removesuffix('Serializer')}Page", **edges(), **more, results=_many(of, source="rows"))
