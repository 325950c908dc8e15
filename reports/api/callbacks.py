"""The callback loop over the API: returns with the calls they answer, and contacts still waiting."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from reports.api import documented as doc
from reports.api import forms
from reports.api.base import ReaderView
from reports.api.parameters import PAGING
from reports.queries.callbacks.lists import CallbackQuestion, read_callback_question, returns, standing
from reports.queries.callbacks.open import still_open
from reports.queries.selector import resolve

CallbackReturn = forms.form(
    "CallbackReturn",
    id=s.UUIDField(help_text=_("Of the call that came back.")),
    environment=s.UUIDField(),
    agent=forms.AgentName(source="agent,agent_name", allow_null=True, help_text=_("The agent that the contact rang.")),
    started_at=s.DateTimeField(),
    status=s.CharField(),
    outcome=s.CharField(),
    number=s.CharField(),
    contact=s.CharField(source="contact_id", help_text=_("An opaque id, the same for every call of one number.")),
    answers=s.UUIDField(allow_null=True, help_text=_("The call it answers; null if you may not see it.")),
    answered_started_at=s.DateTimeField(allow_null=True),
    source=forms.AgentName(source="source,source_name", allow_null=True, help_text=_("The agent that had called.")),
    attempts=s.IntegerField(help_text=_("Attempts it answers, the last one included.")),
    waited=s.FloatField(help_text=_("Seconds since the call it answers.")),
    waited_first=s.FloatField(help_text=_("Seconds since the first of the attempts.")),
)
OpenContact = forms.form(
    "OpenContact",
    contact=s.CharField(source="contact_id", help_text=_("An opaque id, the same for every call of one number.")),
    number=s.CharField(),
    environment=s.UUIDField(),
    last_missed_at=s.DateTimeField(),
    call=s.UUIDField(help_text=_("The last call missed.")),
    agent=forms.AgentName(source="agent,agent_name", allow_null=True),
    missed=s.IntegerField(help_text=_("How many calls were missed.")),
    attempts_since=s.IntegerField(help_text=_("Your calls to the contact since the last one missed.")),
)
PLACES = ("environment", "agent", "date_from", "date_to")


class _Loop(ReaderView):
    params: tuple[str, ...] = (*PLACES, *PAGING)

    def asked_for(self) -> CallbackQuestion:
        return read_callback_question(self.asked, self.scope)


class CallbackReturns(_Loop):
    params = (*_Loop.params, "source_agent")
    page_form = forms.page_of(CallbackReturn, **forms.STANDING)

    @extend_schema(operation_id="callbacks_returns", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """Callbacks found among the calls, newest first, each with the call it answers: the first call to a callback
        agent after an attempt of one of its source agents, within the hours set for the company. Days are those on
        which the contact rang, ``agent`` is the one that it rang, ``source_agent`` the one that had called before.
        """
        asked = self.asked_for()
        page = returns(asked, self.scope, cursor=self.cursor(), size=self.page_size(), count=self.wants_count())
        return self.listed(
            page.rows,
            next=page.next,
            previous=page.previous,
            count=page.count,
            standing=standing(asked, resolve(asked.filters, self.scope), page.missing),
        )


class CallbackOpen(_Loop):
    page_form = forms.page_of(OpenContact, **forms.STANDING)

    @extend_schema(operation_id="callbacks_open", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """Contacts whose call was missed and with whom no call has connected since, who waits longest first. Days are
        those of the missed calls, of any time by default; ``agent`` is the one that the contact rang.
        """
        asked = self.asked_for()
        page = still_open(asked, self.scope, cursor=self.cursor(), size=self.page_size())
        return self.listed(
            page.rows,
            next=page.next,
            previous=page.previous,
            count=page.count if self.wants_count() else None,
            standing=standing(asked, resolve(asked.filters, self.scope), page.missing),
        )
