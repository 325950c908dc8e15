"""Forms of answers: how rows are written by them, and that each finds all it takes in the rows it is for."""

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Self, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from django.db import models
from rest_framework import serializers as s

from portal.tenants.models.tenants import Environment
from reports.annotations.notes import Note
from reports.api import callbacks, campaigns, contacts, deliveries, exports, forms, subscriptions
from reports.api.renderers import JsonRenderer
from reports.api.writer import Beside, Form, write
from reports.definitions.catalogue import Report
from reports.definitions.metrics import Metric
from reports.files.models import Export
from reports.mail.log import Outcome
from reports.mail.models import Delivery
from reports.mail.plans import Plan
from reports.queries.answer import Answer, Completeness
from reports.queries.callbacks.lists import ReturnRow
from reports.queries.callbacks.open import WaitingRow
from reports.queries.calls.detail import CallDetail
from reports.queries.calls.lists import CallRow
from reports.queries.calls.payload_parts import Parts
from reports.queries.campaigns.calls import Effort, Named
from reports.queries.campaigns.lists import CampaignHistory, CampaignTotals, Detail
from reports.queries.campaigns.progress import ListStanding, Progress
from reports.queries.completeness.freshness import StreamFreshness
from reports.queries.contacts.contact import Contact
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay

Person = forms.form("Person", id=s.IntegerField(), name=s.CharField(source="called"))
Home = forms.form(
    "Home",
    id=s.IntegerField(),
    street=s.CharField(source="place.street", allow_null=True),
    owner=Person(allow_null=True),
    guest=Person(source="guest,guest_name", allow_null=True),
    people=Person(many=True, source="all"),
    rooms=s.DictField(child=Person(allow_null=True)),
    beds=s.ListField(child=Person()),
    facts=s.JSONField(),
    note=s.CharField(required=False),
)


@dataclass(frozen=True, slots=True)
class Someone:
    id: int
    called: str


ANNA, BEN = Someone(1, "Anna"), {"id": 2, "called": "Ben"}
ROW = {
    "id": 7,
    "place": {"street": "Rua Um"},
    "owner": ANNA,
    "guest": 2,
    "guest_name": "Ben",
    "all": (ANNA, BEN),
    "rooms": {"first": ANNA, "second": None},
    "beds": [BEN],
    "facts": {"any": ["thing"]},
    "note": "quiet",
}
WRITTEN = {
    "id": 7,
    "street": "Rua Um",
    "owner": {"id": 1, "name": "Anna"},
    "guest": {"id": 2, "name": "Ben"},
    "people": [{"id": 1, "name": "Anna"}, {"id": 2, "name": "Ben"}],
    "rooms": {"first": {"id": 1, "name": "Anna"}, "second": None},
    "beds": [{"id": 2, "name": "Ben"}],
    "facts": {"any": ["thing"]},
    "note": "quiet",
}


def sent(form: type[Form], row: Any) -> Any:
    """The row as a client reads it."""
    return json.loads(JsonRenderer().render(write(form, row)))


def test_a_row_is_written_by_its_form_whatever_it_is_made_of():
    assert sent(Home, ROW) == sent(Home, Beside(None, **ROW)) == WRITTEN
    assert list(sent(Home, ROW)) == list(Home.names) == list(WRITTEN)


def test_what_is_not_there_is_null_or_left_out():
    bare = {"place": None, "owner": None, "guest": None, "guest_name": "", "all": (), "rooms": {}, "beds": []}
    assert sent(Home, ROW | bare | {"note": None}) == {
        "id": 7,
        "street": None,
        "owner": None,
        "guest": None,
        "people": [],
        "rooms": {},
        "beds": [],
        "facts": {"any": ["thing"]},
    }


@pytest.mark.parametrize("name", sorted(ROW))
def test_an_unknown_source_fails(name):
    less = {key: value for key, value in ROW.items() if key != name}
    with pytest.raises(KeyError):
        write(Home, less)
    with pytest.raises(AttributeError):
        write(Home, Beside(None, **less))


def test_an_unknown_step_of_a_path_fails_and_so_does_a_null_that_may_be_none():
    with pytest.raises(KeyError):
        write(Home, ROW | {"place": {"road": "Rua Um"}})
    with pytest.raises(AttributeError):
        write(Home, ROW | {"place": ANNA})
    with pytest.raises(AttributeError):
        write(Home, ROW | {"beds": [None]})


def test_values_beside_a_row_come_before_its_own():
    assert sent(Person, Beside(ANNA, called="Anne")) == {"id": 1, "name": "Anne"}


# --- each form and the rows it is for ---------------------------------------------------------------------------------

Types = dict[str, Any]  # the types of what stands beside a row's own values
CAMPAIGN: Types = {
    "history": CampaignHistory,
    "totals": CampaignTotals,
    "single": Detail,
    "named": Named,
    "effort": Effort,
}
CALL: Types = {"detail": CallDetail, "parts": Parts, "flags": tuple[str, ...], "notes": list[Note], "payload": Any}
PLAN: Types = {
    "id": Any,
    "weekday": int | None,
    "late": Plan,
    "next_due": Any,
    "created_at": Any,
    "rests": str,
}
FORMS = [
    (forms.Environment, Environment, {"streams": dict[str, StreamFreshness]}),
    (forms.Agent, Agent, {}),
    (forms.Call, CallRow, {}),
    (forms.CallDetail, CallRow, CALL),
    (forms.CallbackDay, CallbackDay, {"sources": Any}),
    (callbacks.CallbackReturn, ReturnRow, {}),
    (callbacks.OpenContact, WaitingRow, {}),
    (forms.Metric, Metric, {}),
    (forms.Report, Report, {"query": str}),
    (forms.Answer, Answer, {}),
    (forms.form("Found", **forms.STANDING), object, {"standing": Completeness}),
    (forms.form("Listed", **forms.STANDING), object, {"standing": ListStanding}),
    (campaigns.CampaignForm, Progress, {}),
    (campaigns.DetailForm, object, CAMPAIGN),
    (contacts.ContactForm, Contact, {}),
    (deliveries.DeliveryForm, Delivery, {"state": Outcome, "reply": str}),
    (exports.ExportForm, Export, {"params": dict[str, str], "rows": int | None, "download": str | None}),
    (subscriptions.SubscriptionForm, Plan, PLAN),
]


@pytest.mark.parametrize(("form", "row", "beside"), FORMS, ids=[form.__name__ for form, *_rest in FORMS])
def test_a_form_finds_in_its_rows_all_it_takes_and_says_what_may_be_null(form, row, beside):
    agree(form, row, beside)


def agree(form: type[Form], row: Any, beside: Types) -> None:
    for name, field in form().fields.items():
        (kind, may_be_none), *_others = [followed(source, row, beside) for source in field.source.split(",")]
        assert field.allow_null or not may_be_none, f"{form.__name__}.{name} may be null"
        inner = field
        while not isinstance(inner, s.Serializer) and hasattr(inner, "child"):
            inner, kind = inner.child, elements(kind)
        if isinstance(inner, s.Serializer) and "," not in field.source and kind is not Any:
            agree(type(inner), kind, {})


def followed(source: str, row: Any, beside: Types) -> tuple[Any, bool]:
    """The type at the end of a path, and whether it may be None there or on the way; fails for a path to nowhere."""
    kind, may_be_none = row, False
    for place, name in enumerate(source.split(".")):
        if kind is Any:
            break
        hint = beside[name] if not place and name in beside else hinted(kind, name)
        kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        may_be_none = may_be_none or NoneType in kinds
        kind = next(each for each in kinds if each is not NoneType)
        kind = row if kind is Self else kind
    return kind, may_be_none


def hinted(owner: Any, name: str) -> Any:
    """The type of an attribute, or of an element."""
    if get_origin(owner) in (dict, Mapping):
        return get_args(owner)[1]
    if not is_typeddict(owner):
        found = inspect.getattr_static(owner, name, None)
        if isinstance(found, property):
            return get_type_hints(found.fget)["return"]
        if issubclass(owner, models.Model):
            field: Any = owner._meta.get_field(name)
            kind = field.related_model or Any
            return kind | None if field.null else kind
    return get_type_hints(owner)[name]


def elements(kind: Any) -> Any:
    if get_origin(kind) in (dict, Mapping):
        return get_args(kind)[1]
    return get_args(kind)[0] if get_origin(kind) in (list, tuple, Sequence) else Any
