"""What members keep of their own: views of the list of calls and questions, and which view a list opens with."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.tenants.base import PublicModel, TenantModel

LONGEST_NAME = 60
LONGEST_QUERY = 4_000


class ViewOf(models.TextChoices):
    """The page whose query is kept."""

    CALLS = "calls", pgettext_lazy("a saved view", "the list of calls")
    REPORT = "report", pgettext_lazy("a saved view", "a report")


class SavedView(PublicModel):
    """A query of a page under a name, its period by name where it has one; its owner's alone, or shared with every
    member, who then sees what he may see of it.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("owner")
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
