"""Every message is a row before it leaves, and stays one: what was sent to whom, and what the server said."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import PublicModel, TenantModel


class State(models.TextChoices):
    """Where a message stands. ``unknown``: it was handed over and no answer came, so it may have arrived or not."""

    PENDING = "pending", _("waiting")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    UNKNOWN = "unknown", _("unknown")
    FAILED = "failed", _("failed")
    SUPPRESSED = "suppressed", _("held back")


class Letter(models.Model):
    """Common to both kinds. ``reference`` says what it is for; a second one with the same reference never exists.

    ``attempts`` grows with every claim and never falls, so it also tells an old sender from the present one. ``rule``
    names who is asked, just before it leaves, whether it still may, and ``about`` holds the ids that the rule looks up.
    The text of one that ``holds_secret`` is blanked as soon as it was sent or has ended. An ``urgent`` one, for which
    somebody waits, leaves before the others.
    """

    reference = models.CharField(_("reference"), max_length=200)
    to = models.EmailField(_("to"), max_length=254)
    subject = models.CharField(_("subject"), max_length=250)
    text = models.TextField(_("text"))
    html = models.TextField(_("HTML"), blank=True)
    headers = models.JSONField(_("headers"), default=dict, blank=True)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, blank=True)
    message_id = models.CharField(_("Message-ID"), max_length=250)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    last_reply = models.CharField(_("last reply"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    rule = models.CharField(_("rule"), max_length=40, blank=True)
    about = models.JSONField(_("about"), default=dict, blank=True)
    holds_secret = models.BooleanField(_("holds a secret"), default=False)
    urgent = models.BooleanField(_("urgent"), default=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.subject


class Message(Letter, PublicModel):
    """One mail to one person, of one tenant."""

    class Meta(PublicModel.Meta):
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ("-id",)
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "reference"), name="outbox_message_reference"),
        )
        indexes = (
            models.Index(
                fields=("next_attempt_at", "id"),
                condition=models.Q(state__in=("pending", "sending")),
                name="outbox_message_open",
            ),
            models.Index(fields=("message_id",), name="outbox_message_message_id"),  # what came back is looked up by it
        )


class PlatformMessage(Letter):
    """One mail to a person as the platform's account holder, who may belong to no tenant or to several."""

    class Meta:
        verbose_name = _("platform message")
        verbose_name_plural = _("platform messages")
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=("reference",), name="outbox_platformmessage_reference"),)
        indexes = (
            models.Index(
                fields=("next_attempt_at", "id"),
                condition=models.Q(state__in=("pending", "sending")),
                name="outbox_platformmessage_open",
            ),
        )


class Enclosure(TenantModel):
    """A file that goes with a message."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="enclosures")
    name = models.CharField(_("name"), max_length=150)
    content_type = models.CharField(_("content type"), max_length=100)
    content = models.BinaryField(_("content"))

    class Meta(TenantModel.Meta):
        verbose_name = _("enclosure")
        verbose_name_plural = _("enclosures")
        constraints = (models.UniqueConstraint(fields=("tenant", "message", "name"), name="outbox_enclosure_name"),)

    def __str__(self) -> str:
        return self.name


class Try(models.Model):
    """One try at sending, with how it ended. ``outcome`` is empty while it lasts, or when its process died."""

    number = models.PositiveIntegerField(_("number"))
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    outcome = models.CharField(_("outcome"), max_length=12, choices=State.choices, blank=True)
    reply = models.CharField(_("reply"), max_length=300, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.number}"


class Attempt(Try, TenantModel):
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="tries")

    class Meta(TenantModel.Meta):
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("tenant", "message", "number"), name="outbox_attempt_number"),)


class PlatformAttempt(Try):
    message = models.ForeignKey(PlatformMessage, on_delete=models.CASCADE, related_name="tries")

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("message", "number"), name="outbox_platformattempt_number"),)


class Cause(models.TextChoices):
    """Why an address is not written to."""

    REFUSED = "refused", _("Its server refused it for good.")
    BOUNCED = "bounced", _("A mail came back: it cannot be delivered.")
    PUT_OFF = "put_off", _("Too many mails came back for the time being.")
    COMPLAINED = "complained", _("Its reader reported a mail as unwanted.")


class Suppression(TenantModel):
    """An address that is not written to any more, and why. Deleting the row lifts it."""

    address = models.EmailField(_("address"), max_length=254)
    cause = models.CharField(_("cause"), max_length=12, choices=Cause.choices, default=Cause.REFUSED)
    reason = models.CharField(_("reason"), max_length=300)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppressed addresses")
        constraints = (models.UniqueConstraint(fields=("tenant", "address"), name="outbox_suppression_address"),)

    def __str__(self) -> str:
        return self.address


class FeedbackKind(models.TextChoices):
    SOFT = "soft", _("could not be delivered for the time being")
    HARD = "hard", _("could not be delivered")
    COMPLAINT = "complaint", _("was reported as unwanted")


class Feedback(TenantModel):
    """What was heard of a message after it was sent, each kind once. What was ``forgiven`` when a pause was lifted
    counts no more, and stays, so that it is not heard again."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="feedback")
    kind = models.CharField(_("kind"), max_length=12, choices=FeedbackKind.choices)
    code = models.CharField(_("code"), max_length=12, blank=True)
    forgiven = models.BooleanField(_("forgiven"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        constraints = (models.UniqueConstraint(fields=("tenant", "message", "kind"), name="outbox_feedback_once"),)

    def __str__(self) -> str:
        return self.kind


class MailDomain(TenantModel):
    """A domain that mails may go to. A company without any has no such rule; its members are written to anyway."""

    domain = models.CharField(_("domain"), max_length=253)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("domain of recipients")
        verbose_name_plural = _("domains of recipients")
        ordering = ("domain",)
        constraints = (models.UniqueConstraint(fields=("tenant", "domain"), name="outbox_maildomain_domain"),)

    def __str__(self) -> str:
        return self.domain


class Telling(TenantModel):
    """What owners were told of, so that nothing is told twice: the table and the key of a row."""

    what = models.CharField(_("what"), max_length=60)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("telling")
        verbose_name_plural = _("tellings")
        constraints = (models.UniqueConstraint(fields=("tenant", "what"), name="outbox_telling_once"),)

    def __str__(self) -> str:
        return self.what
