"""What members keep: views of the list of calls and questions, boards of questions, and links to their answers."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.tenants.base import PublicModel, TenantModel
from portal.tenants.models.grants import Grant

LONGEST_NAME = 60
LONGEST_QUERY = 4_000


def shared_stays(collector: Any, field: Any, rows: Any, using: str) -> None:
    """What becomes of what a person keeps when he is deleted: the shared is the company's, his own goes."""
    own = rows.filter(shared=False)
    if own:
        collector.collect(own, source=field.remote_field.model, source_attr=field.name, nullable=field.null)
    collector.add_field_update(field, None, rows.filter(shared=True))


class ViewOf(models.TextChoices):
    """The page whose query is kept."""

    CALLS = "calls", pgettext_lazy("a saved view", "the list of calls")
    REPORT = "report", pgettext_lazy("a saved view", "a report")


class SavedView(PublicModel):
    """A query of a page under a name, its period by name where it has one; its owner's alone, or shared with every
    member, who then sees what he may see of it. A shared one stays when its owner leaves, and is the company's.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=shared_stays, related_name="+", verbose_name=_("owner")
    )
    page = models.CharField(_("page"), max_length=10, choices=ViewOf.choices, default=ViewOf.CALLS)
    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    query = models.CharField(_("query"), max_length=LONGEST_QUERY, blank=True)
    shared = models.BooleanField(_("shared"), default=False)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "owner", "page", "name"), name="reports_saved_view_name"),
        )

    def __str__(self) -> str:
        return self.name


class DefaultView(TenantModel):
    """The view that a member's list of calls opens with: his own, or a shared one."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("member")
    )
    view = models.ForeignKey(SavedView, on_delete=models.CASCADE, related_name="defaults", verbose_name=_("view"))

    class Meta(TenantModel.Meta):
        verbose_name = _("default view")
        verbose_name_plural = _("default views")
        constraints = (models.UniqueConstraint(fields=("tenant", "member"), name="reports_saved_default_once"),)

    def __str__(self) -> str:
        return str(self.pk)


class Board(PublicModel):
    """Saved reports on one page, in an order of its own; its owner's alone, or shared with every member. A shared one
    may be what the company's pages open with, and stays when its owner leaves.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=shared_stays, related_name="+", verbose_name=_("owner")
    )
    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    shared = models.BooleanField(_("shared"), default=False)
    opens = models.BooleanField(_("start page"), default=False)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("board")
        verbose_name_plural = _("boards")
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "owner", "name"), name="reports_saved_board_name"),
            models.UniqueConstraint(
                fields=("tenant",), condition=models.Q(opens=True), name="reports_saved_board_opens"
            ),
        )

    def __str__(self) -> str:
        return self.name


class BoardPlace(TenantModel):
    """That a saved report stands on a board. ``place`` orders; numbers may be left out."""

    board = models.ForeignKey(Board, on_delete=models.CASCADE, related_name="places", verbose_name=_("board"))
    view = models.ForeignKey(SavedView, on_delete=models.CASCADE, related_name="+", verbose_name=_("saved view"))
    place = models.PositiveIntegerField(_("place"))

    class Meta(TenantModel.Meta):
        verbose_name = _("place on a board")
        verbose_name_plural = _("places on boards")
        ordering = ("place", "id")
        constraints = (models.UniqueConstraint(fields=("tenant", "board", "view"), name="reports_saved_place_once"),)

    def __str__(self) -> str:
        return str(self.pk)


class ShareLink(PublicModel):
    """That whoever has an address reads a saved report or a board without an account. What it shows at most is
    ``grant``, fixed when it was made, without numbers; of the address the digest alone is kept.
    """

    digest = models.CharField(max_length=64, editable=False, db_index=True)
    view = models.ForeignKey(
        SavedView, null=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("saved view")
    )
    board = models.ForeignKey(Board, null=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("board"))
    grant = models.OneToOneField(Grant, on_delete=models.PROTECT, related_name="+", verbose_name=_("what may be seen"))
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("made by")
    )
    password = models.CharField(max_length=128, blank=True, editable=False)
    embeds = models.BooleanField(_("may stand in pages of others"), default=False)
    any_period = models.BooleanField(_("its reader chooses the period"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("share link")
        verbose_name_plural = _("share links")
        ordering = ("-id",)
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "digest"), name="reports_saved_link_digest"),
        )

    def __str__(self) -> str:
        return str(self.public_id)


class FrameHost(TenantModel):
    """A host whose pages may hold a frame with an answer, by https."""

    host = models.CharField(_("host"), max_length=253)

    class Meta(TenantModel.Meta):
        verbose_name = _("host of frames")
        verbose_name_plural = _("hosts of frames")
        ordering = ("host",)
        constraints = (models.UniqueConstraint(fields=("tenant", "host"), name="reports_saved_host_once"),)

    def __str__(self) -> str:
        return self.host
