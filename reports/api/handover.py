"""Exports on a schedule: set up, changed, paused, removed, tried; what was handed over; and the folders they fill.

A member sees the schedules he set up and those whose files are mailed to him; a manager, and a key of that role, all
that show no more than they see. Destinations, whose secrets are written and never read, are managers' and owners'.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from msgspec import Struct
from rest_framework import serializers as s
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from portal.audit.record import address_of
from portal.tenants.models.people import User
from portal.tenants.rights import Rights
from reports.api import documented as doc
from reports.api import forms
from reports.api.base import ReaderView
from reports.api.parameters import PAGING
from reports.api.problems import ParameterError, RequestRefused
from reports.api.writer import Beside, Form, write
from reports.files.as_csv import DIALECTS
from reports.files.formats import FORMATS
from reports.files.models import TABLES
from reports.handover import access, acts, log, words
from reports.handover.models import ExportSchedule, Handover, HandoverState, Way
from reports.handover.rows import ENDED, STANDING
from reports.handover.tasks import enqueue_handover
from reports.handover.wishes import PLAN_FIELDS, plan_of, read_plan
from reports.mail.models import MissedPeriods
from reports.mail.plans import EVERY, LANGUAGES
from reports.mail.preview import TooMany
from reports.mail.rights import Author

UNSET = ("id", "created_at", "next_due", "suspended_at", "suspended")


def _form(name: str, first: dict[str, Any], *, whole: bool, **more: Any) -> type[Form]:
    """``whole`` where every field is there."""
    some: dict[str, Any] = {"required": whole}
    return forms.form(
        name,
        **first,
        name=s.CharField(**some),
        what=s.CharField(help_text=", ".join(TABLES), **some),
        query=s.DictField(
            child=s.CharField(),
            help_text=_("As an export's order has it, without days; of a board its id, as ``board``."),
            **some,
        ),
        format=s.CharField(help_text=", ".join(FORMATS), **some),
        dialect=s.ChoiceField(choices=tuple(DIALECTS), help_text=_("Of CSV."), **some),
        language=s.ChoiceField(choices=LANGUAGES, **some),
        every=s.ChoiceField(choices=tuple(EVERY), **some),
        weekday=s.IntegerField(min_value=1, max_value=7, help_text=_("1 is Monday."), **some),
        hour=s.IntegerField(min_value=0, max_value=23, **some),
        zone=s.CharField(**some),
        days=s.ChoiceField(
            choices=("", *ENDED, STANDING), help_text=_("Empty for the day, week or month before."), **some
        ),
        way=s.ChoiceField(choices=Way.values, **some),
        to=s.ListField(child=s.EmailField(), help_text=_("Members of the company."), **some),
        destination=s.CharField(allow_blank=True, help_text=_("Where files are put, by its id."), **some),
        numbers=s.BooleanField(help_text=_("Whether whole phone numbers are shown."), **some),
        wait_hours=s.IntegerField(min_value=0, max_value=20, **some),
        then=s.ChoiceField(choices=("warn", "hold"), **some),
        missed=s.ChoiceField(choices=MissedPeriods.values, **some),
        paused=s.BooleanField(**some),
        **more,
    )


ScheduleForm = _form(
    "ExportSchedule",
    {"id": s.UUIDField()},
    whole=True,
    next_due=s.DateTimeField(allow_null=True),
    suspended_at=s.DateTimeField(allow_null=True, help_text=_("Since when it waits to be confirmed.")),
    suspended=s.CharField(help_text=_("Why, and what to do; empty if it is not suspended.")),
    created_at=s.DateTimeField(),
)
ScheduleWish = _form("ExportScheduleWish", {}, whole=False)
ScheduleConfirmation = forms.form(
    "ExportScheduleConfirmation",
    suspended_at=s.DateTimeField(
        help_text=_("As the schedule has it. After another change of its destination, it differs.")
    ),
)
HandoverMailForm = forms.form(
    "HandoverMail", to=s.EmailField(), state=s.CharField(), at=s.DateTimeField(source="sent_at", allow_null=True)
)
_HANDOVER: dict[str, Any] = {
    "id": s.UUIDField(source="public_id"),
    "schedule": s.UUIDField(source="schedule.public_id"),
    "period": forms.Period(),
    "trial": s.BooleanField(),
    "state": s.ChoiceField(choices=HandoverState.values),
    "reason": s.CharField(help_text=_("Why it was not handed over, or not yet.")),
    "reply": s.CharField(help_text=_("What the other side said; to whoever may change the schedule.")),
    "tries": s.IntegerField(help_text=_("What went wrong since it was last begun.")),
    "due_at": s.DateTimeField(),
    "next_attempt_at": s.DateTimeField(allow_null=True),
    "finished_at": s.DateTimeField(allow_null=True),
    "complete": s.BooleanField(allow_null=True),
    "late": s.BooleanField(),
    "manifest": s.JSONField(help_text=_("What stands beside the file: names, sizes, SHA-256, rows, period, as-of.")),
    "mails": HandoverMailForm(many=True),
}
HandoverForm = forms.form("Handover", **_HANDOVER)


class ScheduleView(ReaderView):
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

    def own(self, id: UUID) -> access.ShownSchedule:
        try:
            return access.schedule(id, self.author)
        except ExportSchedule.DoesNotExist:
            raise NotFound from None

    def changeable(self, id: UUID) -> ExportSchedule:
        shown = self.own(id)
        if not shown.may_change:
            raise PermissionDenied(_("This schedule is not yours to change."))
        return shown.schedule

    def written(self, shown: access.ShownSchedule) -> Struct:
        return write(ScheduleForm, self.planned(shown))

    def planned(self, shown: access.ShownSchedule) -> Beside:
        """The plan of a schedule; who may not change it sees himself alone among its readers."""
        row = shown.schedule
        plan = plan_of(row)
        return Beside(
            plan,
            id=row.public_id,
            query=dict(plan.query),
            to=list(plan.to) if shown.may_change else [self.author.email],
            next_due=row.next_due,
            suspended_at=row.suspended_at,
            suspended=words.suspended(row),
            created_at=row.created_at,
        )

    def told(self, rows: list[Handover], author: Author) -> list[Beside]:
        """Handovers as they are told; replies and mails to whoever may change the schedule."""
        mails, mine = log.mails(rows), {each.schedule.pk for each in access.schedules(author) if each.may_change}
        return [
            Beside(
                row,
                period=row.period,
                trial=bool(row.press),
                reason=words.reason(row.reason),
                reply=words.reply(row) if row.schedule_id in mine else "",
                mails=mails.get(row.pk, []) if row.schedule_id in mine else [],
            )
            for row in rows
        ]


class ScheduleList(ScheduleView):
    params = PAGING
    page_form = forms.page_of(ScheduleForm)
    http_method_names = ["get", "head", "post"]

    @extend_schema(operation_id="export_schedules_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """The schedules the reader may see, by name."""
        return self.short_list(access.schedules(self.author), together=lambda page: map(self.planned, page))

    @extend_schema(operation_id="export_schedules_make", request=ScheduleWish, **doc.made(ScheduleForm))
    def post(self, request: Request) -> Response:
        """Schedule an export. Its files show what its maker sees, without whole numbers unless they are allowed, and
        come as long as he sees it. Files are mailed to members, or put into a destination by managers and owners.
        """
        author = self.author
        if self.reader.key is not None and not author.manages:
            raise PermissionDenied(_("A key that schedules exports has the role of a manager."))
        try:
            row = acts.create(read_plan(wishes_of(request.data, PLAN_FIELDS, UNSET), author), author)
        except TooMany as error:
            raise RequestRefused(409, str(error)) from error
        address = request.build_absolute_uri(reverse("api:export-schedule", args=[row.public_id]))
        return Response(self.written(self.own(row.public_id)), status=201, headers={"Location": address})


class ScheduleOne(ScheduleView):
    http_method_names = ["get", "head", "patch", "delete"]

    @extend_schema(operation_id="export_schedules_one", **doc.single(ScheduleForm))
    def get(self, request: Request, id: UUID) -> Response:
        """One schedule, and when it is due next."""
        return Response(self.written(self.own(id)))

    @extend_schema(operation_id="export_schedules_change", request=ScheduleWish, **doc.single(ScheduleForm, *doc.TAKES))
    def patch(self, request: Request, id: UUID) -> Response:
        """Change what is named; the rest stays. What is due already is made as it was, but for a pause."""
        row = self.changeable(id)
        acts.change(row, read_plan(wishes_of(request.data, PLAN_FIELDS, UNSET), self.author, before=row), self.author)
        return Response(self.written(self.own(id)))

    @extend_schema(operation_id="export_schedules_remove", **doc.nothing())
    def delete(self, request: Request, id: UUID) -> Response:
        """Hand nothing over any more. What was handed over is kept in the list."""
        acts.remove(self.changeable(id), self.author)
        return Response(status=204)


class ScheduleConfirm(ScheduleView):
    http_method_names = ["post"]

    @extend_schema(
        operation_id="export_schedules_confirm",
        request=ScheduleConfirmation,
        **doc.single(ScheduleForm, 409, *doc.TAKES),
    )
    def post(self, request: Request, id: UUID) -> Response:
        """End the suspension of a schedule whose destination was changed: its files go to the new place from now on."""
        row = self.changeable(id)
        sent = wishes_of(request.data, ("suspended_at",), ())
        since = parse_datetime(str(sent.get("suspended_at", "")))
        if since is None or not acts.confirm(row, since, self.author):
            raise RequestRefused(
                409, _("This suspension is over, or the destination was changed again. Look once more.")
            )
        return Response(self.written(self.own(id)))


class ScheduleTrial(ScheduleView):
    http_method_names = ["post"]

    @extend_schema(operation_id="export_schedules_try", request=None, **doc.accepted(HandoverForm))
    def post(self, request: Request, id: UUID) -> Response:
        """Make the file of the latest period now and hand it over, beside what is scheduled and under another name."""
        row = self.changeable(id)
        try:
            trial = acts.try_now(row, self.author)
        except TooMany as error:
            raise RequestRefused(429, str(error)) from error
        enqueue_handover(trial.tenant_id, trial.pk)
        (told,) = self.told([trial], self.author)
        return Response(write(HandoverForm, told), status=202)


class HandoverList(ScheduleView):
    params = ("schedule", *PAGING)
    page_form = forms.page_of(HandoverForm)

    @extend_schema(operation_id="handovers_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """What was handed over, or is to be, newest first; also of schedules that were removed."""
        author = self.author
        rows = access.handovers(author)
        if wanted := self.ids("schedule"):
            rows = rows.filter(schedule__public_id__in=wanted)
        page = log.page(rows, self.cursor(), self.page_size())
        count = rows.count() if self.wants_count() else None
        return self.listed(self.told(page.rows, author), next=page.next, previous=page.previous, count=count)


class HandoverAgain(ScheduleView):
    http_method_names = ["post"]

    @extend_schema(operation_id="handovers_again", request=None, **doc.accepted(HandoverForm))
    def post(self, request: Request, id: UUID) -> Response:
        """Make the file of a period anew and hand it over once more, under the same names."""
        author = self.author
        row = access.handovers(author).filter(public_id=id).first()
        if row is None:
            raise NotFound
        self.changeable(row.schedule.public_id)
        if not acts.hand_over_again(row, author):
            raise RequestRefused(409, _("It is on its way."))
        enqueue_handover(row.tenant_id, row.pk)
        (told,) = self.told([access.handovers(author).get(pk=row.pk)], author)
        return Response(write(HandoverForm, told), status=202)


def wishes_of(data: Any, known: tuple[str, ...], unset: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise ParameterError({"": _("Send one JSON object.")})
    errors = {name: _("This cannot be set.") for name in unset if name in data}
    errors |= {name: _("This parameter is not known here.") for name in data if name not in (*known, *errors)}
    if errors:
        raise ParameterError(errors)
    return dict(data)
