"""Share links: addresses by which people without an account read a saved report or a board. For managers.

A member makes a link, and answers for it; an API key of a manager's role lists and revokes them. Owners name the hosts
whose pages may hold frames.
"""

from collections.abc import Mapping
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from portal.tenants.brand import address_of
from portal.tenants.models.people import Role
from reports.api import documented as doc
from reports.api import forms
from reports.api.keeping import KeepingView
from reports.api.parameters import PAGING
from reports.api.problems import ParameterError
from reports.api.writer import Beside, write
from reports.saved import boards, keeping, share_links
from reports.saved.models import ShareLink, ViewOf
from reports.saved.share_links import LASTS, LinkWish

ShareLinkForm = forms.form(
    "ShareLink",
    id=s.UUIDField(source="public_id"),
    opens=s.ChoiceField(choices=("report", "board")),
    title=s.CharField(help_text=_("The name of what it opens.")),
    state=s.ChoiceField(choices=("open", "over", "revoked")),
    has_password=s.BooleanField(),
    frame=s.BooleanField(source="embeds", help_text=_("Whether it is made for a frame in pages of the hosts named.")),
    any_period=s.BooleanField(help_text=_("Whether its reader may choose the period.")),
    maker=s.CharField(help_text=_("Who made it, by name; empty once he is gone.")),
    created_at=s.DateTimeField(),
    expires_at=s.DateTimeField(),
    revoked_at=s.DateTimeField(allow_null=True),
    address=s.URLField(required=False, help_text=_("Once, when the link was made.")),
)
ShareLinkWish = forms.form(
    "ShareLinkWish",
    report=s.UUIDField(required=False, help_text=_("The saved report that it opens; or “board”.")),
    board=s.UUIDField(required=False),
    days=s.IntegerField(help_text=_("For how many days it opens: 7, 30, 90 or 365.")),
    password=s.CharField(required=False, min_length=share_links.LEAST_PASSWORD),
    frame=s.BooleanField(required=False, help_text=_("For a frame; such a link has no password.")),
    any_period=s.BooleanField(required=False, help_text=_("Let its reader choose the period.")),
)
FrameHostsForm = forms.form(
    "FrameHosts", hosts=s.ListField(child=s.CharField(), help_text=_("Whose pages may hold frames, by https."))
)


class ShareLinkView(KeepingView):
    not_yours = gettext_lazy("Share links are for managers.")

    def managing(self) -> keeping.Keeper:
        """Who asks, if he manages. Raises PermissionDenied."""
        keeper = self.keeper
        if not keeper.manages:
            raise PermissionDenied(str(self.not_yours))
        return keeper

    def told(self, row: ShareLink, address: str | None = None) -> Beside:
        return Beside(
            row,
            opens="board" if row.board_id else "report",
            title=share_links.title_of(row, self.keeper),
            state=share_links.state_of(row, timezone.now()),
            has_password=bool(row.password),
            maker=str(row.maker or ""),
            address=address,
        )


class ShareLinkList(ShareLinkView):
    params = PAGING
    page_form = forms.page_of(ShareLinkForm)
    http_method_names = ["get", "head", "post"]
    fields: Mapping[str, type] = {
        "report": str,
        "board": str,
        "days": int,
        "password": str,
        "frame": bool,
        "any_period": bool,
    }

    @extend_schema(operation_id="share_links_list", **doc.single(page_form))
    def get(self, request: Request) -> Response:
        """The company's links, newest first, open or not."""
        return self.short_list(share_links.links(self.managing()), together=lambda page: map(self.told, page))

    @extend_schema(operation_id="share_links_make", request=ShareLinkWish, **doc.made(ShareLinkForm))
    def post(self, request: Request) -> Response:
        """Make a link. It shows at most what its maker sees now, without numbers, and opens nothing once he no longer
        manages. The answer holds its address, this once."""
        keeper = self.managing()
        if keeper.user is None:
            raise PermissionDenied(_("A key makes no links: a member answers for each."))
        wish = self._read(keeper)
        link, token = self.act("", lambda: share_links.make(keeper, self.reader.grant, wish))
        path = reverse("shared_frame" if link.embeds else "shared_answer", args=[token])
        made = self.told(link, address=address_of(self.reader.tenant) + path)
        location = request.build_absolute_uri(reverse("api:share-link", args=[link.public_id]))
        return Response(write(ShareLinkForm, made), status=201, headers={"Location": location})

    def _read(self, keeper: keeping.Keeper) -> LinkWish:
        wishes = self.wishes()
        if ("report" in wishes) == ("board" in wishes):
            raise ParameterError({"report": _("Name one saved report or one board.")})
        if wishes.get("days") not in LASTS:
            told = ", ".join(map(str, LASTS))
            raise ParameterError({"days": _("This is one of %(names)s.") % {"names": told}})
        view = board = None
        try:
            if "report" in wishes:
                view = keeping.kept_for(keeper, ViewOf.REPORT).filter(public_id=UUID(wishes["report"])).first()
            else:
                board = boards.boards_for(keeper).filter(public_id=UUID(wishes["board"])).first()
        except ValueError:
            pass
        if view is None and board is None:
            raise NotFound
        return LinkWish(
            wishes["days"],
            view,
            board,
            password=wishes.get("password", ""),
            embeds=wishes.get("frame", False),
            any_period=wishes.get("any_period", False),
        )


class ShareLinkOne(ShareLinkView):
    http_method_names = ["get", "head", "delete"]

    def one(self, id: UUID) -> ShareLink:
        row = share_links.links(self.managing()).filter(public_id=id).first()
        if row is None:
            raise NotFound
        return row

    @extend_schema(operation_id="share_links_one", **doc.single(ShareLinkForm))
    def get(self, request: Request, id: UUID) -> Response:
        """One link, and whether it opens."""
        return Response(write(ShareLinkForm, self.told(self.one(id))))

    @extend_schema(operation_id="share_links_revoke", **doc.nothing())
    def delete(self, request: Request, id: UUID) -> Response:
        """Revoke it: it opens nothing from now on, and stays in the list."""
        row = self.one(id)
        self.act("", lambda: share_links.revoke(self.keeper, row))
        return Response(status=204)


class FrameHosts(ShareLinkView):
    http_method_names = ["get", "head", "put"]
    fields: Mapping[str, type] = {"hosts": list}

    @extend_schema(operation_id="frame_hosts", **doc.single(FrameHostsForm))
    def get(self, request: Request) -> Response:
        """The hosts whose pages may hold frames with answers."""
        self.managing()
        return self._told()

    @extend_schema(operation_id="frame_hosts_name", request=FrameHostsForm, **doc.single(FrameHostsForm, *doc.TAKES))
    def put(self, request: Request) -> Response:
        """Name them anew, in the place of all others. For owners."""
        keeper = self.keeper
        if keeper.role != Role.OWNER:
            raise PermissionDenied(_("Owners name the hosts of frames."))
        wishes = self.wishes()
        if "hosts" not in wishes:
            raise ParameterError({"hosts": _("This is needed.")})
        self.act("hosts", lambda: share_links.name_hosts(keeper, "\n".join(wishes["hosts"])))
        return self._told()

    @staticmethod
    def _told() -> Response:
        return Response(write(FrameHostsForm, {"hosts": share_links.hosts()}))
