"""Every column of a tenant's table that may hold something of a person who called or was called, declared once.

Whoever erases, exports or looks for leaks asks here. A column of text, JSON or bytes is either of a :class:`Kind` or
among those that hold nothing of such people: a test fails for one that is neither. Columns are said as
``app.Model.field``, so that this stays below the apps whose tables these are. Members of a tenant are not meant: their
names and addresses go with their accounts.
"""

from enum import Enum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(Enum):
    NUMBER = "number"  # somebody's number, alone
    RAW = "raw"  # what a vendor said, as it came: numbers, transcripts and links of recordings among it
    MAIL = "mail"  # of a message
    WRITTEN = "written"  # by a member, or asked for by one
    ID = "id"  # a vendor's, of a call: some are made of the number
    WORD = "word"  # short, from a vendor, which may say anything in it


PERSONAL: dict[Kind, tuple[str, ...]] = {
    Kind.NUMBER: (
        "sync.Call.contact",
        "sync.Call.from_number",
        "sync.Call.to_number",
        "sync.Line.digits",  # our own numbers, unless somebody of ours calls from his
        "sync.Line.number",
    ),
    Kind.RAW: (
        "sync.Agent.callback_payload",
        "sync.Agent.payload",
        "sync.Agent.price_payload",
        "sync.CallbackDay.payload",
        "sync.Campaign.detail_payload",
        "sync.Campaign.payload",
        "sync.Payload.raw",
        "sync.Quarantine.raw",
        "sync.Unplaced.raw",
    ),
    Kind.MAIL: (
        "outbox.Enclosure.content",
        "outbox.Message.html",
        "outbox.Message.subject",
        "outbox.Message.text",
    ),
    Kind.WRITTEN: (
        "audit.Visit.reason",
        "privacy.Reveal.reason",
        "reports_alerts.Alert.filters",
        "reports_alerts.Alert.name",
        "reports_files.Export.facts",
        "reports_files.Export.query",
        "reports_files.Export.subject",  # sealed
        "reports_files.Export.title",
        "reports_handover.Destination.name",
        "reports_handover.ExportSchedule.name",
        "reports_handover.ExportSchedule.query",
        "reports_handover.Handover.manifest",
        "reports_mail.Delivery.snapshot",
        "reports_mail.Subscription.filters",
        "reports_mail.Subscription.name",
        "reports_mail.Subscription.note",
        "reports_mail.Subscription.subject",
        "reports_remarks.CallNote.text",
        "reports_saved.Board.name",
        "reports_saved.SavedView.name",
        "reports_saved.SavedView.query",
        "sync.Quarantine.note",
        "tenants.ApiKey.name",
        "tenants.Environment.name",
    ),
    Kind.ID: (
        "sync.Call.external_id",
        "sync.CampaignCall.call_key",
        "sync.Quarantine.external_id",
    ),
    Kind.WORD: (
        "sync.Agent.label",
        "sync.Agent.name",
        "sync.Call.hangup_cause",
        "sync.Call.hangup_source",
        "sync.Call.sid",
        "sync.CallbackDay.sources",
        "sync.Campaign.name",
        "sync.Gap.detail",
        "sync.Quarantine.reason",
        "sync.Run.detail",
    ),
}


class DataClass(models.TextChoices):
    """What a tenant may keep for so many days only, in the order in which it is looked through."""

    RECORDINGS = "recordings", _("Links of recordings")
    TRANSCRIPTS = "transcripts", _("Transcripts")
    NUMBERS = "numbers", _("Numbers")
    PAYLOADS = "payloads", _("What the vendor sent")
    MAILS = "mails", _("Texts of mails")
    CHANGES = "changes", _("History of changes")


_UNREADABLE = ("sync.Quarantine.raw", "sync.Unplaced.raw")  # nobody knows what is in it: it goes with the first
RETAINED: dict[DataClass, tuple[str, ...]] = {
    DataClass.RECORDINGS: ("sync.Payload.raw", *_UNREADABLE),
    DataClass.TRANSCRIPTS: ("sync.Payload.raw", *_UNREADABLE),
    DataClass.NUMBERS: (
        "reports_remarks.CallNote.text",
        "sync.Call.contact",
        "sync.Call.from_number",
        "sync.Call.hangup_cause",
        "sync.Call.hangup_source",
        "sync.Call.sid",
        "sync.Call.to_number",
        "sync.Campaign.detail_payload",
        "sync.Payload.raw",
        *_UNREADABLE,
    ),
    DataClass.PAYLOADS: ("sync.Payload.raw", *_UNREADABLE),
    DataClass.MAILS: ("outbox.Enclosure.content", "outbox.Message.html", "outbox.Message.text"),
    DataClass.CHANGES: ("sync.CallChange.now_status", "sync.CallChange.was_status"),
}
# Numbers, raw texts and mails that no class takes: of our own side, and a subject, by which a mail is found again.
STAYING = (
    "outbox.Message.subject",
    "sync.Agent.callback_payload",
    "sync.Agent.payload",
    "sync.Agent.price_payload",
    "sync.CallbackDay.payload",
    "sync.Campaign.payload",
    "sync.Line.digits",
    "sync.Line.number",
)

# Words of our own, ids, digests, and what is about our side alone: agents, campaigns, members, keys, connections.
IMPERSONAL: dict[str, tuple[str, ...]] = {
    "audit.Entry": ("about", "action", "address", "changes", "digest", "previous"),
    "audit.EntryHead": ("digest",),
    "accounts.Invitation": ("digest", "email", "role"),  # of members, whose addresses go with their accounts
    "accounts.Identity": ("subject",),  # of members, as their own company numbers them
    "accounts.IdentityProvider": ("client_id", "client_secret", "domains", "factor_acr", "issuer"),
    "outbox.Attempt": ("outcome", "reply"),
    "outbox.Enclosure": ("content_type", "name"),
    "outbox.Message": (
        "about",
        "headers",
        "language",
        "last_reply",
        "message_id",
        "reference",
        "rule",
        "state",
        "to",
    ),
    "outbox.Feedback": ("code", "kind"),
    "outbox.MailDomain": ("domain",),
    "outbox.Suppression": ("address", "cause", "reason"),
    "outbox.Telling": ("what",),
    "privacy.Erasure": ("numbers", "place", "reason"),
    "privacy.LookUps": ("numbers",),  # keyed hashes, of today
    "privacy.Removal": ("what",),
    "privacy.Retention": ("what",),
    "reports_alerts.Alert": (
        "doubt",
        "metric",
        "office",
        "over",
        "webhook",
        "webhook_form",
        "webhook_host",
        "webhook_secret",
        "when",
        "zone",
    ),
    "reports_alerts.AlertEvent": ("kind", "places"),
    "reports_alerts.Watcher": ("added_as", "email", "language", "name"),
    "reports_alerts.WebhookPost": ("host", "reply", "state"),
    "reports_columns.ColumnFile": ("digest", "rules", "words"),
    "reports_columns.ColumnLedger": ("rules",),
    "reports_files.Export": (
        "dialect",
        "error",
        "file",
        "format",
        "language",
        "name",
        "owner",
        "rights",
        "sha256",
        "state",
        "what",
    ),
    "reports_handover.Destination": (
        "bucket",
        "folder",
        "host",
        "host_key",
        "kind",
        "login",
        "private_key",
        "region",
        "secret",
        "seen_key",
    ),
    "reports_handover.ExportSchedule": (
        "dialect",
        "format",
        "kind",
        "language",
        "missed",
        "span",
        "way",
        "what",
        "zone",
    ),
    "reports_handover.Handover": ("press", "reason", "reply", "state", "zone"),
    "reports_mail.Delivery": ("edition", "press", "reason", "rights", "state", "zone"),
    "reports_mail.Recipient": ("added_as", "email", "language", "name"),
    "reports_mail.Subscription": (
        "attachments",
        "kind",
        "language",
        "missed",
        "rests",
        "sections",
        "shows",
        "zone",
    ),
    "reports_remarks.CallFlag": ("flag",),
    "reports_saved.FrameHost": ("host",),
    "reports_saved.SavedView": ("page",),
    "reports_saved.ShareLink": ("digest", "password"),
    "sync.Agent": ("callback_sources", "currency", "digest", "direction", "external_id", "state"),
    "sync.Call": ("digest", "direction", "latencies", "status"),
    "sync.CallChange": ("now_status", "was_status"),
    "sync.CallbackDay": ("digest",),
    "sync.Campaign": ("detail_digest", "digest", "external_id", "kind", "status"),
    "sync.Connection": ("base_url", "day_filter", "provider", "settings", "state", "token", "token_fingerprint"),
    "sync.Gap": ("fault", "part", "stream"),
    "sync.Quarantine": ("digest", "kind", "part", "stream"),
    "sync.Run": ("fault", "owner", "state", "stream"),
    "sync.Unplaced": ("agent_key", "digest"),
    "sync.Window": ("fault", "part", "state", "stream"),
    "tenants.ApiKey": ("digest", "hint", "role"),
    "tenants.Environment": ("provider",),
    "tenants.Grant": ("agent_keys",),
    "tenants.Logo": ("content", "content_type"),
    "tenants.Membership": ("role",),
}


def columns(*kinds: Kind) -> dict[str, list[str]]:
    """The personal columns of some kinds, all by default: model label → names of its fields."""
    found: dict[str, list[str]] = {}
    for kind in kinds or tuple(Kind):
        for column in PERSONAL[kind]:
            label, _, name = column.rpartition(".")
            found.setdefault(label, []).append(name)
    return found
