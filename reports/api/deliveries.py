"""What was sent of scheduled mails, and sending one again."""

from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from portal.outbox.tasks import enqueue
from reports.api import documented as doc
from reports.api import forms
from reports.api.parameters import PAGING
from reports.api.problems import ParameterError, RequestRefused
from reports.api.subscriptions import SubscriptionView
from reports.api.writer import Beside, write
from reports.mail import access, log
from reports.mail.models import Delivery

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
)
ResendForm = forms.form("SubscriptionResend", delivery=s.UUIDField())


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
        try:
            page = log.page(rows, self.cursor(), self.page_size())
        except log.NoCursor:
            raise ParameterError({"cursor": _("This is no cursor of a page.")}) from None
        count = rows.count() if self.wants_count() else None
        return self.listed(map(_with_state, page.rows), next=page.next, previous=page.previous, count=count)


class SubscriptionResend(SubscriptionView):
    http_method_names = ["post"]

    @extend_schema(operation_id="subscriptions_resend", request=ResendForm, **doc.accepted(DeliveryForm))
    def post(self, request: Request, id: UUID) -> Response:
        """One more try for a delivery that failed, or of which nobody knows whether it arrived: the same mail, byte by
        byte, if it was made."""
        row = self.changeable(id)
        try:
            wanted = UUID(str(request.data.get("delivery"))) if isinstance(request.data, dict) else None
        except ValueError:
            wanted = None
        if wanted is None:
            raise ParameterError({"delivery": _("Name the delivery that is sent again.")})
        rows = access.deliveries(self.author).filter(subscription=row)
        delivery = rows.filter(public_id=wanted).first()
        if delivery is None:
            raise NotFound
        try:
            log.send_again(delivery, self.author, enqueue)
        except log.NotAgain as error:
            raise RequestRefused(409, str(error)) from error
        return Response(write(DeliveryForm, _with_state(rows.get(pk=delivery.pk))), status=202)


def _with_state(row: Delivery) -> Beside:
    """A delivery with what became of it."""
    return Beside(row, state=log.outcome(row), reply=log.reply(row))
