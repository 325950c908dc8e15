"""The callback loop over the API: returns with the calls they answer, and contacts still waiting."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from reports.api import documented as doc
from reports.api import forms
from reports.api.base import ReaderView
from reports.api.parameters import PAGING
from reports.queries.callbacks.lists import (
    CallbackQuestion,
    LoopPage,
    ReturnRow,
    read_callback_question,
    returns,
    standing,
)
from reports.queries.callbacks.open import WaitingRow, still_open
from reports.queries.selector import resolve

CallbackReturn = doc.form(
    "CallbackReturn",
    id=s.UUIDField(help_text=_("Of the call that came back.")),
    environment=s.UUIDField(),
    agent=doc.AgentName(allow_null=True, help_text=_("The agent that the contact rang.")),
    started_at=s.DateTimeField(),
    status=s.CharField(),
    outcome=s.CharField(),
    number=s.CharField(),
    contact=s.CharField(help_text=_("An opaque id, the same for every call of one number.")),
    answers=s.UUIDField(allow_null=True, help_text=_("The call it answers; null if you may not see it.")),
    answered_started_at=s.DateTimeField(allow_null=True),
    source=doc.AgentName(allow_null=True, help_text=_("The agent that had called.")),
    attempts=s.IntegerField(help_text=_("Attempts it answers, the last one included.")),
    waited=s.FloatField(help_text=_("Seconds since the call it answers.")),
    waited_first=s.FloatField(help_text=_("Seconds since the first of the attempts.")),
)
OpenContact = doc.form(
    "OpenContact",
    contact=s.CharField(help_text=_("An opaque id, the same for every call of one number.")),
    number=s.CharField(),
    environment=s.UUIDField(),
    last_missed_at=s.DateTimeField(),
    call=s.UUIDField(help_text=_("The last call missed.")),
    agent=doc.AgentName(allow_null=True),
    missed=s.IntegerField(help_text=_("How many calls were missed.")),
    attempts_since=s.IntegerField(help_text=_("Your calls to the contact since the last one missed.")),
)
PLACES = ("environment", "agent", "date_from", "date_to")


class _Loop(ReaderView):
    params: tuple[str, ...] = (*PLACES, *PAGING)

    def asked_for(self) -> CallbackQuestion:
        return read_callback_question(self.asked, self.scope)

    def standing(self, asked: CallbackQuestion, page: LoopPage[object]) -> dict[str, Any]:
        """How complete the calls are that a list is found among."""
        return forms.standing(standing(asked, resolve(asked.filters, self.scope), page.missing))


class CallbackReturns(_Loop):
    params = (*_Loop.params, "source_agent")

    @extend_schema(operation_id="callbacks_returns", **doc.listed(CallbackReturn, **doc.STANDING))
    def get(self, request: Request) -> Response:
        """Callbacks found among the calls, newest first, each with the call it answers: the first call to a callback
        agent after an attempt of one of its source agents, within the hours set for the company. Days are those on
        which the contact rang, ``agent`` is the one that it rang, ``source_agent`` the one that had called before.
        """
        asked = self.asked_for()
        page = returns(asked, self.scope, cursor=self.cursor(), size=self.page_size(), count=self.wants_count())
        return self.listed(
            [_returned(row) for row in page.rows],
            next=page.next,
            previous=page.previous,
            count=page.count,
            **self.standing(asked, page),
        )


class CallbackOpen(_Loop):
    @extend_schema(operation_id="callbacks_open", **doc.listed(OpenContact, **doc.STANDING))
    def get(self, request: Request) -> Response:
        """Contacts whose call was missed and with whom no call has connected since, who waits longest first. Days are
        those of the missed calls, of any time by default; ``agent`` is the one that the contact rang.
        """
        asked = self.asked_for()
        page = still_open(asked, self.scope, cursor=self.cursor(), size=self.page_size())
        return self.listed(
            [_waiting(row) for row in page.rows],
            next=page.next,
            previous=page.previous,
            count=page.count if self.wants_count() else None,
            **self.standing(asked, page),
        )


def _agent(public_id: str | None, name: str) -> dict[str, str] | None:
    return None if public_id is None else {"id": public_id, "name": name}


def _returned(row: ReturnRow) -> dict[str, Any]:
    return {
        "id": row["id"],
        "environment": row["environment"],
        "agent": _agent(row["agent"], row["agent_name"]),
        "started_at": row["started_at"],
        "status": row["status"],
        "outcome": row["outcome"],
        "number": row["number"],
        "contact": row["contact_id"],
        "answers": row["answers"],
        "answered_started_at": row["answered_started_at"],
        "source": _agent(row["source"], row["source_name"]),
        "attempts": row["attempts"],
        "waited": row["waited"],
        "waited_first": row["waited_first"],
    }


def _waiting(row: WaitingRow) -> dict[str, Any]:
    return {
        "contact": row["contact_id"],
        "number": row["number"],
        "environment": row["environment"],
        "last_missed_at": row["last_missed_at"],
        "call": row["call"],
        "agent": _agent(row["agent"], row["agent_name"]),
        "missed": row["missed"],
        "attempts_since": row["attempts_since"],
    }
