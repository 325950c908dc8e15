"""Alerts: set up, changed, paused, removed, tried, previewed; and what they told.

A member sees the alerts he set up and those that tell him; a manager, and a key of that role, all that look at no more
than they see. Viewers set alerts up for themselves alone. Alerts tell members of the company, people without an account
who agreed to it, and a webhook.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
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
from reports.alerts import access, acts, history, words
from reports.alerts.looking import OVERS, QUIET_OVERS
from reports.alerts.models import Alert, PostState, Watcher, WebhookForm
from reports.alerts.preview import preview
from reports.alerts.rules import Happening, When
from reports.alerts.tasks import enqueue_post
from reports.alerts.wishes import FIELDS, plan_of, read_plan, shown_webhook, subject_of
from reports.api import documented as doc
from reports.api import forms
from reports.api.base import ReaderView
from reports.api.parameters import PAGING
from reports.api.problems import ParameterError, RequestRefused
from reports.api.writer import Beside, Form, write
from reports.definitions.metrics import METRICS
from reports.mail.preview import TooMany
from reports.mail.readers import AddedBy
from reports.mail.rights import Author

READ_ONLY = ("id", "created_at", "state", "since", "silent_until", "doubt", "rule", "readers", "webhook_secret")
ALL_OVERS = tuple(dict.fromkeys((*OVERS, *QUIET_OVERS)))

_HOURS: dict[str, Any] = {
    "weekdays": s.ListField(child=s.IntegerField(min_value=1, max_value=7), help_text=_("1 is Monday.")),
    "from": s.IntegerField(min_value=0, max_value=23),
    "until": s.IntegerField(min_value=1, max_value=24),
    "holidays": s.ChoiceField(choices=("skip", "count"), help_text=_("Those of Brazil.")),
}
OfficeHoursForm = forms.form("AlertOfficeHours", **_HOURS)


def _form(name: str, first: dict[str, Any], *, whole: bool, **more: Any) -> type[Form]:
    """``whole`` where every field is there."""
    some: dict[str, Any] = {"required": whole}
    return forms.form(
        name,
        **first,
        name=s.CharField(**some),
        when=s.ChoiceField(choices=tuple(When), **some),
        metric=s.ChoiceField(choices=tuple(METRICS), allow_blank=True, help_text=_("Of rules about a figure."), **some),
        filters=s.DictField(child=s.CharField(), help_text=_("As a report's address has them."), **some),
        value=s.FloatField(
            allow_null=True, help_text=_("The threshold in the figure's unit; hours, of stale data and gaps."), **some
        ),
        over=s.ChoiceField(choices=ALL_OVERS, allow_blank=True, **some),
        minimum_n=s.IntegerField(min_value=0, help_text=_("Below so many calls nothing is said."), **some),
        cool_down=s.IntegerField(min_value=0, help_text=_("Minutes of silence after it fired."), **some),
        to=s.ListField(child=s.EmailField(), help_text=_("People without an account are asked first."), **some),
        webhook=s.CharField(allow_blank=True, help_text=_("Of Slack and Teams only the host is told."), **some),
        webhook_form=s.ChoiceField(choices=WebhookForm.values, **some),
        zone=s.CharField(**some),
        office_hours=OfficeHoursForm(**some),
        paused=s.BooleanField(**some),
        **more,
    )


AlertReaderForm = forms.form(
    "AlertReader",
    email=s.EmailField(),
    as_member=s.BooleanField(),
    added_as=s.ChoiceField(choices=AddedBy.values, help_text=_("Who put the address on the list.")),
    added_by=s.CharField(help_text=_("Address of the member, or name of the key; empty once gone.")),
    added_at=s.DateTimeField(source="created_at"),
    confirmed_at=s.DateTimeField(allow_null=True),
    left_at=s.DateTimeField(allow_null=True),
)
_STANDS: dict[str, Any] = {
    "rule": s.CharField(help_text=_("The rule in words.")),
    "state": s.ChoiceField(choices=("ok", "firing")),
    "since": s.DateTimeField(allow_null=True),
    "silent_until": s.DateTimeField(allow_null=True),
    "doubt": s.CharField(help_text=_("Why nothing can be said at the moment; empty where it can.")),
    "readers": AlertReaderForm(many=True, help_text=_("Those of “to”: who added them, and whether they agreed.")),
    "created_at": s.DateTimeField(),
}
AlertForm = _form(
    "Alert",
    {"id": s.UUIDField()},
    whole=True,
    **_STANDS,
    webhook_secret=s.CharField(required=False, help_text=_("Once, when the webhook was set up.")),
)
AlertWish = _form("AlertWish", {}, whole=False)
WebhookPostForm = forms.form(
    "AlertWebhookPost",
    host=s.CharField(),
    state=s.ChoiceField(choices=PostState.values),
    attempts=s.IntegerField(),
    status=s.IntegerField(allow_null=True),
    reply=s.CharField(help_text=_("What the endpoint answered, or why nothing was answered.")),
    sent_at=s.DateTimeField(allow_null=True),
)
AlertNoticeForm = forms.form(
    "AlertNotice",
    to=s.EmailField(source="message.to"),
    state=s.CharField(source="message.state"),
    at=s.DateTimeField(source="message.sent_at", allow_null=True),
)
_EVENT: dict[str, Any] = {
    "id": s.UUIDField(source="public_id"),
    "event": s.ChoiceField(source="kind", choices=tuple(Happening)),
    "at": s.DateTimeField(),
    "value": s.FloatField(allow_null=True),
    "n": s.IntegerField(allow_null=True),
    "from": s.DateTimeField(source="begins", allow_null=True),
    "until": s.DateTimeField(source="ends", allow_null=True),
    "environments": s.ListField(source="places", child=s.CharField()),
    "text": s.CharField(),
    "mails": AlertNoticeForm(many=True),
    "webhooks": WebhookPostForm(many=True),
}
AlertEventForm = forms.form("AlertEvent", **_EVENT)
FiringForm = forms.form(
    "AlertFiring",
    at=s.DateTimeField(),
    day=s.DateField(),
    value=s.FloatField(source="seen.value", allow_null=True),
    n=s.IntegerField(source="seen.n", allow_null=True),
)
AlertPreviewForm = forms.form(
    "AlertPreview",
    days=s.ListField(source="fired_on", child=s.DateField(), help_text=_("On which it would have fired.")),
    firings=FiringForm(many=True),
    unknown=s.ListField(child=s.DateField(), help_text=_("Of which nothing can be said.")),
    looked_at=s.ListField(source="days", child=s.DateField()),
)


class AlertView(ReaderView):
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

    def own(self, id: UUID) -> access.ShownAlert:
        try:
            return access.alert(id, self.author)
        except Alert.DoesNotExist:
            raise NotFound from None

    def changeable(self, id: UUID) -> Alert:
        shown = self.own(id)
        if not shown.may_change:
            raise PermissionDenied(_("This alert is not yours to change."))
        return shown.alert

    def may_make(self) -> None:
        if self.reader.key is not None and not self.author.manages:
            raise PermissionDenied(_("A key that sets alerts up has the role of a manager."))

    def written(self, shown: access.ShownAlert, secret: str | None = None) -> Struct:
        return write(AlertForm, self.planned(shown, secret))

    def planned(self, shown: access.ShownAlert, secret: str | None = None) -> Beside:
        """The plan of an alert and how it stands; who may not change it sees himself alone among its readers."""
        row = shown.alert
        plan = plan_of(row)
        return Beside(
            plan,
            id=row.public_id,
            to=list(plan.to) if shown.may_change else [self.author.email],
            webhook=shown_webhook(plan) if shown.may_change else "",
            rule=words.sentence(row),
            state="firing" if row.firing else "ok",
            since=row.since,
            silent_until=row.quiet_until,
            doubt=str(words.DOUBTS[row.doubt]) if row.doubt in words.DOUBTS else "",
            readers=[_reader(each) for each in row.readers if shown.may_change or each == shown.place],
            created_at=row.created_at,
            webhook_secret=secret,
        )


class AlertList(AlertView):
    params = PAGING
    page_form = forms.page_of(AlertForm)
    http_method_names = ["get", "head", "post"]

    @extend_schema(operation_id="alerts_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """The alerts the reader may see, by name."""
        return self.short_list(access.alerts(self.author), together=lambda page: map(self.planned, page))

    @extend_schema(operation_id="alerts_make", request=AlertWish, **doc.made(AlertForm))
    def post(self, request: Request) -> Response:
        """Set an alert up. It looks at what its maker sees, and goes on as long as he does. Addresses that are no
        member's are asked first, by mail. The answer holds the secret
        of its webhook, this once: ``Ringbook-Signature: t=<unix>,v1=<hex>`` is the HMAC-SHA256 of ``t.body`` under it.
        """
        self.may_make()
        try:
            row = acts.create(read_plan(_wishes(request.data), self.author), self.author)
        except TooMany as error:
            raise RequestRefused(409, str(error)) from error
        address = request.build_absolute_uri(reverse("api:alert", args=[row.public_id]))
        made = self.written(self.own(row.public_id), acts.secret_of(row) or None)
        return Response(made, status=201, headers={"Location": address})


class AlertOne(AlertView):
    http_method_names = ["get", "head", "patch", "delete"]

    @extend_schema(operation_id="alerts_one", **doc.single(AlertForm))
    def get(self, request: Request, id: UUID) -> Response:
        """One alert, and whether its rule holds."""
        return Response(self.written(self.own(id)))

    @extend_schema(operation_id="alerts_change", request=AlertWish, **doc.single(AlertForm, *doc.TAKES))
    def patch(self, request: Request, id: UUID) -> Response:
        """Change what is named; the rest stays. Another rule begins anew. The answer holds the secret of a webhook that
        this change set up, once."""
        row = self.changeable(id)
        had = bool(row.webhook_host)
        acts.change(row, read_plan(_wishes(request.data), self.author, before=row), self.author)
        shown = self.own(id)
        secret = acts.secret_of(shown.alert) if shown.alert.webhook_host and not had else ""
        return Response(self.written(shown, secret or None))

    @extend_schema(operation_id="alerts_remove", **doc.nothing())
    def delete(self, request: Request, id: UUID) -> Response:
        """Look no more. What was told is kept."""
        acts.remove(self.changeable(id), self.author)
        return Response(status=204)


class AlertHistory(AlertView):
    params = PAGING
    page_form = forms.page_of(AlertEventForm)

    @extend_schema(operation_id="alerts_history", **doc.single(page_form))
    def get(self, request: Request, id: UUID) -> Response:
        """What the alert told, newest first: each time its rule began to hold, and when it was over, with the figure
        seen. Mails and webhooks stand beside it for whoever may change the alert."""
        shown = self.own(id)
        page = history.page(history.events(shown.alert), self.cursor(), self.page_size())
        count = history.events(shown.alert).count() if self.wants_count() else None
        rows = [self._told(event, whole=shown.may_change) for event in page.rows]
        return self.listed(rows, next=page.next, previous=page.previous, count=count)

    def _told(self, event: Any, *, whole: bool) -> Beside:
        beside = {"mails": event.notices.all(), "webhooks": _posts(event)} if whole else {}
        return Beside(event, text=words.told(event), **({"mails": [], "webhooks": []} | beside))


class AlertTest(AlertView):
    http_method_names = ["post"]

    @extend_schema(operation_id="alerts_test", request=None, **doc.accepted(AlertEventForm))
    def post(self, request: Request, id: UUID) -> Response:
        """Tell a test now: by mail to the asking member, and to the webhook. How the alert stands does not change."""
        try:
            event = acts.test(self.changeable(id), self.author, enqueue_post)
        except TooMany as error:
            raise RequestRefused(429, str(error)) from error
        told = Beside(event, text=words.told(event), mails=event.notices.all(), webhooks=_posts(event))
        return Response(write(AlertEventForm, told), status=202)


class AlertPreview(AlertView):
    http_method_names = ["post"]

    @extend_schema(operation_id="alerts_preview", request=AlertWish, **doc.single(AlertPreviewForm, *doc.TAKES))
    def post(self, request: Request) -> Response:
        """On which of the last 28 days such an alert would have fired: by the data as they are mirrored today, and for
        rules about the data by the gaps and runs that reading left behind. Nothing is set up."""
        self.may_make()
        given = _wishes(request.data)
        own = {"to": [self.author.email]} if self.author.email else {"to": [], "webhook": "https://example.com/"}
        plan = read_plan({"name": _("Preview"), **given, **own}, self.author)
        subject = subject_of(plan, self.scope)
        made = preview(subject, self.scope, timezone.now(), silence=acts.silence(plan))
        return Response(write(AlertPreviewForm, made))


def _reader(row: Watcher) -> Beside:
    by = {AddedBy.MEMBER: row.added_by and row.added_by.email, AddedBy.KEY: row.added_key and row.added_key.name}
    return Beside(row, added_by=by.get(AddedBy(row.added_as)) or "")


def _wishes(data: Any) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise ParameterError({"": _("Send one JSON object.")})
    errors = {name: _("This cannot be set.") for name in READ_ONLY if name in data}
    errors |= {name: _("This parameter is not known here.") for name in data if name not in (*FIELDS, *errors)}
    if errors:
        raise ParameterError(errors)
    given = dict(data)
    if given.get("webhook", "") is None:
        given["webhook"] = ""
    return given


def _posts(event: Any) -> list[Beside]:
    return [Beside(row, reply=words.reply(row)) for row in event.posts.all()]
