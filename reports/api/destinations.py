"""Folders and buckets that scheduled exports are put into. Secrets are written, and never read."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from reports.api import documented as doc
from reports.api import forms
from reports.api.handover import ScheduleView, wishes_of
from reports.api.parameters import PAGING
from reports.api.problems import ParameterError, RequestRefused
from reports.api.writer import Beside, Form, write
from reports.handover import access, destinations
from reports.handover.destinations import KEPT, PLACE_FIELDS, SECRETS, fingerprint
from reports.handover.handing import NotTaken
from reports.handover.models import Destination, PlaceKind
from reports.handover.words import failure
from reports.mail.preview import TooMany

UNSET = ("id", "created_at", "ready", "fingerprint", "offered", "may_change")


def _form(name: str, first: dict[str, Any], *, whole: bool, **more: Any) -> type[Form]:
    """``whole`` where every field is there."""
    some: dict[str, Any] = {"required": whole}
    return forms.form(
        name,
        **first,
        name=s.CharField(**some),
        kind=s.ChoiceField(choices=PlaceKind.values, **some),
        host=s.CharField(help_text=_("The name of an SFTP server, or the address of an S3 endpoint."), **some),
        port=s.IntegerField(min_value=1, max_value=65535, help_text=_("Of SFTP."), **some),
        bucket=s.CharField(allow_blank=True, **some),
        region=s.CharField(allow_blank=True, **some),
        folder=s.CharField(allow_blank=True, help_text=_("In a bucket, the prefix."), **some),
        login=s.CharField(help_text=_("A user, or the id of an access key."), **some),
        **more,
    )


DestinationForm = _form(
    "Destination",
    {"id": s.UUIDField(source="public_id")},
    whole=True,
    ready=s.BooleanField(help_text=_("Whether files may be put there: the server's key is confirmed.")),
    fingerprint=s.CharField(help_text=_("Of the server's key that was confirmed.")),
    offered=s.CharField(help_text=_("The fingerprint of a key that the server showed and that waits to be confirmed.")),
    created_at=s.DateTimeField(),
    may_change=s.BooleanField(
        help_text=_("Whether you may change, try or remove it: not if something that uses it shows more than you see.")
    ),
)
_SECRETS: dict[str, Any] = {
    "secret": s.CharField(
        required=False, help_text=_("A password, or that of the private key; the secret of an access key.")
    ),
    "private_key": s.CharField(required=False, help_text=_("As OpenSSH writes it.")),
}
DestinationWish = _form("DestinationWish", {}, whole=False, **_SECRETS)
ConfirmForm = forms.form(
    "DestinationConfirmation", fingerprint=s.CharField(help_text=_("As ``offered`` tells it, compared by a person."))
)


class DestinationView(ScheduleView):
    def place(self, id: UUID) -> Destination:
        self.demand_manager()
        try:
            return access.destination(id, self.author)
        except Destination.DoesNotExist:
            raise NotFound from None

    def demand_manager(self) -> None:
        if not self.author.manages:
            raise PermissionDenied(_("Destinations of files are for managers and owners."))

    def answer(self, row: Destination, status: int = 200, **headers: str) -> Response:
        (told,) = self.lines([row])
        return Response(write(DestinationForm, told), status=status, headers=headers)

    def lines(self, rows: Sequence[Destination]) -> Iterator[Beside]:
        changeable = access.changeable_places(rows, self.author)
        for row in rows:
            known, offered = fingerprint(row.host_key), fingerprint(row.seen_key)
            yield Beside(row, fingerprint=known, offered=offered, may_change=row.pk in changeable)

    def wished(self, data: Any) -> dict[str, Any]:
        """What is wished; dots for a secret are none here."""
        given = wishes_of(data, PLACE_FIELDS, UNSET)
        if errors := {name: _("This is no secret.") for name in SECRETS if given.get(name) == KEPT}:
            raise ParameterError(errors)
        return given


class DestinationList(DestinationView):
    params = PAGING
    page_form = forms.page_of(DestinationForm)
    http_method_names = ["get", "head", "post"]

    @extend_schema(operation_id="destinations_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """The destinations, by name; to managers and owners."""
        self.demand_manager()
        return self.short_list(access.destinations(self.author), together=self.lines)

    @extend_schema(operation_id="destinations_make", request=DestinationWish, **doc.made(DestinationForm))
    def post(self, request: Request) -> Response:
        """Add one. An SFTP server is asked for its key, whose fingerprint is ``offered``: nothing is sent there before
        it is confirmed."""
        self.demand_manager()
        try:
            row = destinations.create_place(destinations.read_place(self.wished(request.data)), self.author)
        except NotTaken as error:
            raise ParameterError({"host": failure(error)}) from error
        except TooMany as error:
            raise RequestRefused(409, str(error)) from error
        return self.answer(row, 201, Location=request.build_absolute_uri(_address(row)))


class DestinationOne(DestinationView):
    http_method_names = ["get", "head", "patch", "delete"]

    @extend_schema(operation_id="destinations_one", **doc.single(DestinationForm))
    def get(self, request: Request, id: UUID) -> Response:
        """One destination, without its secrets."""
        return self.answer(self.place(id))

    @extend_schema(
        operation_id="destinations_change", request=DestinationWish, **doc.single(DestinationForm, *doc.TAKES)
    )
    def patch(self, request: Request, id: UUID) -> Response:
        """Change what is named; the rest stays, also secrets, but for another server or user. Another server has to be
        confirmed anew. Each schedule that uses it is suspended, and has to be confirmed, where files go elsewhere now.
        """
        row = self.place(id)
        plan = destinations.read_place(self.wished(request.data), before=row)
        try:
            destinations.change_place(row, plan, self.author)
        except NotTaken as error:
            raise ParameterError({"host": failure(error)}) from error
        return self.answer(row)

    @extend_schema(operation_id="destinations_remove", **doc.nothing(409))
    def delete(self, request: Request, id: UUID) -> Response:
        """Forget it and its secrets; refused as long as a schedule puts its files there."""
        try:
            destinations.remove_place(self.place(id), self.author)
        except destinations.InUse as error:
            raise RequestRefused(409, str(error)) from error
        return Response(status=204)


class DestinationConfirm(DestinationView):
    http_method_names = ["post"]

    @extend_schema(
        operation_id="destinations_confirm",
        request=ConfirmForm,
        **doc.single(DestinationForm, 409, *doc.TAKES),
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Take the key that is ``offered`` as the server's. Without a ``fingerprint`` the server is asked for its key
        anew, and nothing is confirmed."""
        row = self.place(id)
        given = wishes_of(request.data, ("fingerprint",), ())
        try:
            if not given:
                destinations.look_again(row, self.author)
            elif not destinations.confirm(row, str(given["fingerprint"]), self.author):
                raise ParameterError({"fingerprint": _("This is not the key that the server showed.")})
        except NotTaken as error:
            raise RequestRefused(409, failure(error)) from error
        return self.answer(row)


class DestinationTrial(DestinationView):
    http_method_names = ["post"]

    @extend_schema(operation_id="destinations_try", request=None, **doc.single(DestinationForm, 409, *doc.TAKES))
    def post(self, request: Request, id: UUID) -> Response:
        """Write a small file there and take it away again."""
        row = self.place(id)
        try:
            destinations.try_place(row, self.author)
        except NotTaken as error:
            raise RequestRefused(409, failure(error)) from error
        return self.answer(row)


def _address(row: Destination) -> str:
    return reverse("api:destination", args=[row.public_id])
