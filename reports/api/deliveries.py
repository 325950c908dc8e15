"""What was sent of scheduled mails, what would be, and sending it again."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers as s
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from portal.lib.ids import uuid7
from portal.outbox.tasks import enqueue
from portal.outbox.text import one_line
from reports.api import documented as doc
from reports.api import forms
from reports.api.parameters import PAGING
from reports.api.problems import ParameterError, RequestRefused
from reports.api.subscriptions import SubscriptionView
from reports.api.writer import Beside, write
from reports.mail import access, again, log
from reports.mail.models import Delivery, Edition, Recipient, Subscription
from reports.mail.plans import readers_of
from reports.mail.preview import NoPeriod, TooMany, as_reader, period_named, preview
from reports.mail.rights import NotAllowed

DeliveryForm = forms.form(
    "Delivery",
    id=s.UUIDField(source="public_id"),
    subscription=s.UUIDField(source="subscription.public_id"),
    name=s.CharField(source="subscription.name", help_text=_("Of the scheduled mail.")),
    period=forms.Period(),
    recipient=s.EmailField(source="recipient.email"),
    state=s.ChoiceField(choices=log.Outcome.values),
    due_at=s.DateTimeField(),
    at=s.DateTimeField(source="message.sent_at", allow_null=True, help_text=_("When it left.")),
    reply=s.CharField(help_text=_("What the mail server answered, or why nothing was sent.")),
    complete=s.BooleanField(allow_null=True, help_text=_("Whether the data behind it were complete.")),
    late=s.BooleanField(),
    edition=s.ChoiceField(choices=Edition.values),
    passed_over=s.IntegerField(help_text=_("Periods right before it, due in a time of silence, that are not sent.")),
)
ResendForm = forms.form(
    "SubscriptionResend",
    delivery=s.UUIDField(required=False, help_text=_("One that is meant. Alone: one more try, where it failed.")),
    day=s.DateField(required=False, help_text=_("A day of the period that is meant, where no delivery is.")),
    edition=s.ChoiceField(
        choices=(Edition.SAME.value, Edition.CORRECTED.value),
        required=False,
        help_text=_("The mail as it was sent, or computed anew."),
    ),
    to=s.ListField(child=s.EmailField(), required=False, help_text=_("Readers of the mail; all by default.")),
    idempotency_key=s.CharField(
        required=False,
        max_length=again.LONGEST_PRESS,
        help_text=_("The same one a second time sends nothing more, and answers with what was sent."),
    ),
)
ResentForm = forms.form("SubscriptionResent", results=DeliveryForm(many=True))
PreviewForm = forms.form(
    "SubscriptionPreview",
    period=forms.Period(),
    subject=s.CharField(),
    text=s.CharField(),
    html=s.CharField(),
    complete=s.BooleanField(help_text=_("Whether the data behind it are complete.")),
)


class DeliveryList(SubscriptionView):
    params = ("subscription", *PAGING)
    page_form = forms.page_of(DeliveryForm)

    @extend_schema(operation_id="deliveries_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """Deliveries, newest first: of mails the reader may change all, also once they are removed; of others those
        that went to him. ``state`` is ``unknown`` where the mail server gave no answer: such a mail may have arrived.
        """
        rows = access.deliveries(self.author)
        if wanted := self.ids("subscription"):
            rows = rows.filter(subscription__public_id__in=wanted)
        page = log.page(rows, self.cursor(), self.page_size())
        count = rows.count() if self.wants_count() else None
        return self.listed(map(_with_state, page.rows), next=page.next, previous=page.previous, count=count)


class SubscriptionPreview(SubscriptionView):
    params = ("day",)

    @extend_schema(operation_id="subscriptions_preview", **doc.single(PreviewForm))
    def get(self, request: Request, id: UUID) -> Response:
        """A period as it would be mailed now to the asking member; to a key, as to the first reader."""
        row, now = self.own(id).subscription, timezone.now()
        try:
            period = period_named(row, self.asked.get("day", ""), now)
            made = preview(row, self._reader_of(row), now, period, eyes=self.scope)
        except NoPeriod as error:
            raise ParameterError({"day": str(error)}) from error
        except NotAllowed as reason:
            raise RequestRefused(403, str(log.REASONS[str(reason)])) from reason
        parts = {name: getattr(made.rendered, name) + "" for name in ("subject", "text", "html")}  # plain, not marked
        told = Beside(made, period=period, **parts)
        return Response(write(PreviewForm, told))

    def _reader_of(self, row: Subscription) -> Recipient:
        user = self.author.user
        if user is not None:
            return as_reader(row, user)
        readers = readers_of(row)
        if not readers:
            raise NotFound
        return readers[0]


class SubscriptionResend(SubscriptionView):
    http_method_names = ["post"]

    @extend_schema(
        operation_id="subscriptions_resend",
        request=ResendForm,
        **doc.accepted(
            PolymorphicProxySerializer("SubscriptionResendAnswer", [DeliveryForm, ResentForm], None)  # type: ignore[arg-type]
        ),
    )
    def post(self, request: Request, id: UUID) -> Response:
        """With an ``edition``, the report of a past period once more to chosen readers: the ``same`` mail byte by byte,
        or ``corrected``, which is computed anew. With a ``delivery`` alone, one more try for one that failed, or of
        which nobody knows whether it arrived; it alone is the answer then.
        """
        row, data = self.changeable(id), self._body(request.data)
        delivery = self._delivery(row, data)
        if "edition" in data:
            return self._period_again(row, data, delivery)
        if delivery is None:
            raise ParameterError({"delivery": _("Name the delivery that is sent again.")})
        try:
            log.send_again(delivery, self.author, enqueue)
        except log.NotAgain as error:
            raise RequestRefused(409, str(error)) from error
        fresh = access.deliveries(self.author).get(pk=delivery.pk)
        return Response(write(DeliveryForm, _with_state(fresh)), status=202)

    def _body(self, data: Any) -> dict[str, Any]:
        given = dict(data) if isinstance(data, Mapping) else {}
        unknown = {name: _("This parameter is not known here.") for name in given if name not in ResendForm.names}
        if unknown:
            raise ParameterError(unknown)
        return given

    def _delivery(self, row: Subscription, data: Mapping[str, Any]) -> Delivery | None:
        if data.get("delivery") is None:
            return None
        try:
            wanted = UUID(str(data["delivery"]))
        except ValueError:
            raise ParameterError({"delivery": _("Name the delivery that is sent again.")}) from None
        found = access.deliveries(self.author).filter(subscription=row, public_id=wanted).first()
        if found is None:
            raise NotFound
        return found

    def _period_again(self, row: Subscription, data: Mapping[str, Any], delivery: Delivery | None) -> Response:
        edition, key, to = data["edition"], str(data.get("idempotency_key") or uuid7()), data.get("to")
        errors = {}
        if edition not in (Edition.SAME, Edition.CORRECTED):
            errors["edition"] = _("“%(word)s” is none of %(choices)s.") % {
                "word": one_line(str(edition), limit=40),
                "choices": f"{Edition.SAME}, {Edition.CORRECTED}",
            }
        if len(key) > again.LONGEST_PRESS:
            errors["idempotency_key"] = _("This has at most %(most)s characters.") % {"most": again.LONGEST_PRESS}
        if to is not None and not isinstance(to, list):
            errors["to"] = _("This is a list.")
        if delivery is None and not data.get("day"):
            errors["day"] = _("Name a delivery, or a day of the period that is meant.")
        if errors:
            raise ParameterError(errors)
        try:
            period = delivery.period if delivery else period_named(row, str(data["day"]), timezone.now())
            wanted = [delivery.recipient.email] if delivery and to is None else to
            readers = again.chosen_readers(row, wanted)
            sent = again.send_period(row, again.Press(period, Edition(edition), readers, key), self.author, enqueue)
        except NoPeriod as error:
            raise ParameterError({"day": str(error)}) from error
        except TooMany as error:
            raise RequestRefused(429, str(error)) from error
        return Response(write(ResentForm, {"results": [_with_state(each) for each in sent]}), status=202)


def _with_state(row: Delivery) -> Beside:
    """A delivery with what became of it."""
    return Beside(row, state=log.outcome(row), reply=log.reply(row))
