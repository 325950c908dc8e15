"""Notes and flags, each of one member about one call. They go with the call, and stay without the member."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import PublicModel, TenantModel

MOST_TEXT = 4_000


class Flag(models.TextChoices):
    """The words there are. A further one is a line here, and a translation."""

    REVIEW = "review", _("review")
    FOLLOW_UP = "follow-up", _("follow up")
    PROBLEM = "problem", _("problem")
    GOOD = "good", _("good example")


class CallNote(PublicModel):
    call = models.ForeignKey("sync.Call", on_delete=models.CASCADE, related_name="notes", verbose_name=_("call"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("author")
    )
    text = models.TextField(_("text"), max_length=MOST_TEXT)
    created_at = models.DateTimeField(_("written"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed"), null=True, editable=False)

    class Meta(PublicModel.Meta):
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self) -> str:
        return str(self.public_id)


class CallFlag(TenantModel):
    """That a member holds a flag up. Several may hold up the same one."""

    call = models.ForeignKey(
        "sync.Call", on_delete=models.CASCADE, related_name="flags", verbose_name=_("call"), db_index=False
    )
    flag = models.CharField(_("flag"), max_length=20, choices=Flag.choices)
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("member")
    )
    set_at = models.DateTimeField(_("set"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("flag")
        verbose_name_plural = _("flags")
        constraints = (
            models.UniqueConstraint(fields=("tenant", "call", "flag", "member"), name="remarks_callflag_once"),
        )
        indexes = (models.Index(fields=("call", "flag"), name="remarks_callflag_call"),)

    def __str__(self) -> str:
        return str(self.get_flag_display())
