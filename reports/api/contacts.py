"""Contacts: one number over agents, environments and vendors, named by an opaque id."""

from collections.abc import Mapping
from contextlib import suppress

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from reports.api import documented as doc
from reports.api import forms
from reports.api.base import ReaderView
from reports.api.parameters import PAGING
from reports.api.problems import ParameterError
from reports.api.writer import write
from reports.privacy.look_up import MOST_REASON, look_up, reveal
from reports.queries.calls import lists as calls
from reports.queries.contacts.contact import (
    NoContact,
    behind_contact,
    calls_with,
    contact,
    contacts_of_number,
)

ContactForm = forms.form(
    "Contact",
    id=s.CharField(),
    number=s.CharField(),
    attempts=s.IntegerField(source="calls"),
    outbound=s.IntegerField(),
    inbound=s.IntegerField(),
    connected=s.IntegerField(),
    unreached=s.IntegerField(source="outcomes.unreached"),
    open=s.IntegerField(source="outcomes.open"),
    unresolved=s.IntegerField(source="outcomes.unresolved"),
    callbacks=s.IntegerField(allow_null=True),
    talk_seconds=s.FloatField(),
    test_calls=s.IntegerField(),
    first_seen=s.DateTimeField(),
    last_seen=s.DateTimeField(),
    agents=s.IntegerField(),
    environments=s.ListField(child=s.CharField()),
)
ReasonForm = forms.form(
    "RevealOrder", reason=s.CharField(max_length=MOST_REASON, help_text=_("What the number is needed for."))
)
Revealed = forms.form("Revealed", id=s.CharField(), number=s.CharField())
ContactCalls = forms.form(
    "ContactCalls",
    contact=ContactForm(),
    **forms.edges(),
    **forms.STANDING,
    results=forms.Call(many=True, source="rows"),
)


class ContactList(ReaderView):
    params = ("number", *PAGING)
    page_form = forms.page_of(ContactForm)

    @extend_schema(operation_id="contacts_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """The contact of a whole number, in any punctuation: one element, or none. A number without its country code is
        looked for as it stands and as a Brazilian one, so it may find two. Who may look numbers up without seeing them
        names one with its country code, and each takes from a daily budget: 429 once that is used up.
        """
        number = self.asked.get("number") or ""
        if not any(mark.isdecimal() for mark in number):
            raise ParameterError({"number": _("Name a number, with its country code.")})
        if self.scope.sees_numbers or not self.scope.looks_up:
            return self.short_list(contacts_of_number(number, self.scope))
        found = look_up(number, self.scope, self.number_asker)
        with suppress(NoContact):
            return self.short_list([contact(found, self.scope)])
        return self.short_list([])


class ContactOne(ReaderView):
    params = PAGING
    page_form = ContactCalls

    @extend_schema(operation_id="contacts_one", **doc.single(page_form))
    def get(self, request: Request, contact_id: str) -> Response:
        """What a contact's calls come to, and every one of them, newest first, test calls included."""
        try:
            summary = contact(contact_id, self.scope)
        except NoContact:
            raise NotFound from None
        question = calls_with(summary)
        page = calls.page(question, self.scope, cursor=self.cursor(), size=self.page_size())
        count = calls.calls(question, self.scope).order_by().count() if self.wants_count() else None
        return self.listed(
            page.rows,
            next=page.next,
            previous=page.previous,
            count=count,
            contact=summary,
            standing=behind_contact(summary, self.scope, now=timezone.now()),
        )


class ContactReveal(ReaderView):
    http_method_names = ["post"]

    @extend_schema(operation_id="contacts_reveal", request=ReasonForm, **doc.single(Revealed))
    def post(self, request: Request, contact_id: str) -> Response:
        """The contact's number, whole, for a reason that is kept in the audit. Who may not see numbers needs the right
        to look them up, and takes from the same daily budget: 429 once that is used up.
        """
        data = request.data
        if not isinstance(data, Mapping):
            raise ParameterError({"": _("Send one JSON object.")})
        if unknown := set(data) - {"reason"}:
            raise ParameterError({name: _("This parameter is not known here.") for name in sorted(map(str, unknown))})
        reason = data.get("reason")
        try:
            number = reveal(contact_id, reason if isinstance(reason, str) else "", self.scope, self.number_asker)
        except NoContact:
            raise NotFound from None
        return Response(write(Revealed, {"id": contact_id, "number": number}))
