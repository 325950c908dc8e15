"""Scheduled mails: set up, changed, paused, removed, and tried.

A member sees the mails he set up and those that come to him; a manager, and a key of that role, all that show no more
than they see. Viewers set mails up for themselves alone.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from msgspec import Struct
from rest_framework import serializers as s
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from portal.audit.record import address_of
from portal.outbox.tasks import enqueue
from portal.tenants.models.people import Membership, User
from portal.tenants.rights import Rights
from reports.api import documented as doc
from reports.api import forms
from reports.api.base import ReaderView
from reports.api.parameters import PAGING
from reports.api.problems import ParameterError, RequestRefused
from reports.api.writer import Beside, Form, write
from reports.mail import access, log
from reports.mail import subscriptions as acts
from reports.mail.enclosed import LABELS
from reports.mail.models import Contents, MissedPeriods, Subscription
from reports.mail.plans import COMPARED, EVERY, FIELDS, LANGUAGES, MOST_HOURS, plan_of, read_plan
from reports.mail.preview import TooMany, send_test
from reports.mail.rights import Author, NotAllowed
from reports.mail.sections import LONGEST_NOTE, LONGEST_SUBJECT, SECTIONS

LATE = ("wait_hours", "then")
PLAIN = tuple(name for name in FIELDS if name not in LATE)
READ_ONLY = ("id", "created_at", "next_due", "rests")

Late = forms.form(
    "SubscriptionLate",
    wait_hours=s.IntegerField(min_value=0, max_value=MOST_HOURS, required=False, help_text=_("For complete data.")),
    then=s.ChoiceField(choices=("warn", "hold"), required=False, help_text=_("Send it with a warning, or hold it.")),
)


def _form(name: str, first: dict[str, Any], *, whole: bool, **more: Any) -> type[Form]:
    """``whole`` where every field is there."""
    some: dict[str, Any] = {"required": whole}
    return forms.form(
        name,
        **first,
        name=s.CharField(**some),
        to=s.ListField(child=s.EmailField(), **some),
        every=s.ChoiceField(choices=tuple(EVERY), **some),
        weekday=s.IntegerField(
            min_value=1, max_value=7, allow_null=whole, help_text=_("Of weekly mails; 1 is Monday."), **some
        ),
        hour=s.IntegerField(min_value=0, max_value=23, **some),
        zone=s.CharField(**some),
        language=s.ChoiceField(choices=LANGUAGES, **some),
        languages=s.DictField(
            child=s.ChoiceField(choices=LANGUAGES),
            help_text=_("By address, of readers who read it in another language than the others."),
            **some,
        ),
        environments=s.ListField(child=s.UUIDField(), help_text=_("None for all it may show."), **some),
        agents=s.ListField(child=s.UUIDField(), help_text=_("None for all it may show."), **some),
        shows=s.ChoiceField(choices=Contents.values, help_text=_("Parts of a report, or something saved."), **some),
        report=s.UUIDField(
            allow_null=True,
            help_text=_("A saved report to show, for the period of the mail. Null for parts of a report."),
            **some,
        ),
        board=s.UUIDField(allow_null=True, help_text=_("A board to show, in the same way."), **some),
        compare=s.ChoiceField(
            choices=COMPARED, help_text=_("With the period before, or with nothing: then no change is told."), **some
        ),
        chart=s.BooleanField(
            help_text=_("Whether a small chart of calls and connected ones stands above the days, as an image."), **some
        ),
        sections=s.ListField(
            child=s.ChoiceField(choices=SECTIONS),
            help_text=_("Parts of the mail, in their order; none for all in the usual one."),
            **some,
        ),
        subject=s.CharField(
            max_length=LONGEST_SUBJECT,
            allow_blank=True,
            help_text=_("Stands in place of the company and its figures; the period's dates are added."),
            **some,
        ),
        note=s.CharField(
            max_length=LONGEST_NOTE, allow_blank=True, help_text=_("Words of your own, above the figures."), **some
        ),
        attachments=s.ListField(
            child=s.ChoiceField(choices=tuple(LABELS)), help_text=_("Files that go with the mail."), **some
        ),
        late=Late(**some),
        empty=s.ChoiceField(choices=("send", "skip"), help_text=_("What a period without calls does."), **some),
        missed=s.ChoiceField(
            choices=MissedPeriods.values,
            help_text=_("What is sent after a time of silence: the latest period, or each, the oldest first."),
            **some,
        ),
        reply_to=s.CharField(
            allow_blank=True,
            help_text=_("Address of the member whom answers go to; empty for whoever set the mail up."),
            **some,
        ),
        paused=s.BooleanField(**some),
        **more,
    )


SubscriptionForm = _form(
    "Subscription",
    {"id": s.UUIDField()},
    whole=True,
    rests=s.CharField(help_text=_("Why nothing is sent, where what it shows is not open to it.")),
    next_due=s.DateTimeField(allow_null=True),
    created_at=s.DateTimeField(),
)
SubscriptionWish = _form("SubscriptionWish", {}, whole=False)
TestForm = forms.form(
    "SubscriptionTest",
    to=s.EmailField(required=False, help_text=_("With an API key: the member who gets it. A member gets his own.")),
)
TestedForm = forms.form("SubscriptionTested", to=s.EmailField(), subject=s.CharField())


class SubscriptionView(ReaderView):
    @property
    def author(self) -> Author:
        reader, user = self.reader, self.request.user
        return Author(
            tenant=reader.tenant,
            role=reader.role,
            rights=Rights.of(reader.grant).only(reader.key.environment_id if reader.key else None),
            scope=reader.scope,
            user=user if isinstance(user, User) else None,
            key=reader.key,
            address=address_of(self.request._request),
        )

    def own(self, id: UUID) -> access.Shown:
        """Raises DoesNotExist for another's as for an absent one."""
        return access.subscription(id, self.author)

    def changeable(self, id: UUID) -> Subscription:
        shown = self.own(id)
        if not shown.may_change:
            raise PermissionDenied(_("This mail is not yours to change."))
        return shown.subscription

    def written(self, shown: access.Shown) -> Struct:
        return write(SubscriptionForm, self.planned(shown))

    def planned(self, shown: access.Shown) -> Beside:
        """The plan of a mail with what stands beside it; who may not change it sees himself alone among its readers."""
        row = shown.subscription
        plan, own = plan_of(row), self.author.email
        here = [own] if own in plan.languages else []
        return Beside(
            plan,
            id=row.public_id,
            to=plan.to if shown.may_change else [own],
            languages=plan.languages if shown.may_change else {email: plan.languages[email] for email in here},
            reply_to=plan.reply_to if shown.may_change else "",
            weekday=plan.weekday if plan.every == "week" else None,
            late=plan,
            rests=str(log.REASONS[row.rests]) if row.rests else "",
            next_due=row.next_due,
            created_at=row.created_at,
        )


class SubscriptionList(SubscriptionView):
    params = PAGING
    page_form = forms.page_of(SubscriptionForm)
    http_method_names = ["get", "head", "post"]

    @extend_schema(operation_id="subscriptions_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """The scheduled mails the reader may see, by name."""
        return self.short_list(access.subscriptions(self.author), together=lambda page: map(self.planned, page))

    @extend_schema(operation_id="subscriptions_add", request=SubscriptionWish, **doc.made(SubscriptionForm))
    def post(self, request: Request) -> Response:
        """Schedule a mail: ``to`` is needed, the rest has defaults. Members on the list see what they may see in the
        portal; any other address is asked first, by mail. What the mail may show is fixed now, by what its maker sees.
        """
        author = self.author
        if author.key is not None and not author.manages:
            raise PermissionDenied(_("A key that sets mails up has the role of a manager."))
        row = acts.create(read_plan(_wishes(request.data), author), author)
        address = request.build_absolute_uri(reverse("api:subscription", args=[row.public_id]))
        return Response(self.written(self.own(row.public_id)), status=201, headers={"Location": address})


class SubscriptionOne(SubscriptionView):
    http_method_names = ["get", "head", "patch", "delete"]

    @extend_schema(operation_id="subscriptions_one", **doc.single(SubscriptionForm))
    def get(self, request: Request, id: UUID) -> Response:
        """One scheduled mail, with when it is due next."""
        return Response(self.written(self.own(id)))

    @extend_schema(
        operation_id="subscriptions_change", request=SubscriptionWish, **doc.single(SubscriptionForm, *doc.TAKES)
    )
    def patch(self, request: Request, id: UUID) -> Response:
        """Change what is named; the rest stays. A new rhythm, and the end of a pause, count from now."""
        row = self.changeable(id)
        acts.change(row, read_plan(_wishes(request.data), self.author, before=row), self.author)
        return Response(self.written(self.own(id)))

    @extend_schema(operation_id="subscriptions_remove", **doc.nothing())
    def delete(self, request: Request, id: UUID) -> Response:
        """Send nothing more. What was sent stays among the deliveries."""
        acts.remove(self.changeable(id), self.author)
        return Response(status=204)


class SubscriptionTest(SubscriptionView):
    http_method_names = ["post"]

    @extend_schema(operation_id="subscriptions_test", request=TestForm, **doc.accepted(TestedForm))
    def post(self, request: Request, id: UUID) -> Response:
        """Send the mail of the last whole period now, marked as a test, to the asking member alone. It counts for no
        period."""
        row = self.own(id).subscription
        try:
            message = send_test(row, self._member(request.data), self.author, enqueue)
        except NotAllowed as reason:
            raise RequestRefused(403, str(log.REASONS[str(reason)])) from reason
        except TooMany as error:
            raise RequestRefused(429, str(error)) from error
        return Response(write(TestedForm, message), status=202)

    def _member(self, data: Any) -> User:
        to = str((data or {}).get("to") or "") if isinstance(data, Mapping) else ""
        if self.author.user is not None:
            if to and to.strip().lower() != self.author.email:
                raise ParameterError({"to": _("A test goes to whoever asks for it.")})
            return self.author.user
        rows = Membership.objects.filter(user__email=to.strip().lower(), user__is_active=True).select_related("user")
        membership = rows.first() if to and self.author.manages else None
        if membership is None:
            raise ParameterError({"to": _("A key has no mailbox: name the member who gets the test.")})
        return membership.user


def _wishes(data: Any) -> dict[str, Any]:
    """The body as parameters of a plan: ``late`` taken apart, and what cannot be had refused."""
    if not isinstance(data, Mapping):
        raise ParameterError({"": _("Send one JSON object.")})
    given = dict(data)
    errors = {name: _("This cannot be set.") for name in READ_ONLY if name in given}
    late = given.pop("late", {})
    if not isinstance(late, Mapping) or not set(late) <= set(LATE):
        errors["late"] = _("This is an object with wait_hours and then.")
        late = {}
    errors |= {name: _("This parameter is not known here.") for name in given if name not in (*PLAIN, *errors)}
    if errors:
        raise ParameterError(errors)
    if given.get("weekday", 1) is None:  # as it is told of mails that have none
        del given["weekday"]
    return given | dict(late)
