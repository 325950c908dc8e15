"""What people are told for the words of the mirror and of an address, once for page, mail, file and API."""

from collections.abc import Mapping
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from sync.taxonomy import Direction, Fault, Outcome, Status, Stream

Words = str | Promise
Labels = Mapping[str, Words]


class Unknown(StrEnum):
    """Why a figure of a campaign cannot be told for a period."""

    FIRST_READ_LATER = "first_read_later"
    NOT_READ_BEFORE = "not_read_before"
    NOT_READ_WITHIN = "not_read_within"
    NOT_TOLD = "not_told"
    NOT_BEGUN = "not_begun"
    CALLS_NOT_NAMED = "calls_not_named"
    CALLS_NOT_READ = "calls_not_read"


STATUS_LABELS: Labels = {
    Status.INITIATED: _("initiated"),
    Status.RINGING: _("ringing"),
    Status.QUEUED: _("queued"),
    Status.ANSWERED: _("answered"),
    Status.COMPLETED: _("completed"),
    Status.FAILED: _("failed"),
    Status.BUSY: _("busy"),
    Status.NO_ANSWER: _("no answer"),
    "voicemail": _("voicemail"),
    "in-progress": _("in progress"),
}
DIRECTION_LABELS: Labels = {Direction.INBOUND: _("inbound"), Direction.OUTBOUND: _("outbound")}
OUTCOME_LABELS: Labels = {
    Outcome.CONNECTED: _("connected"),
    Outcome.UNREACHED: _("unreached"),
    Outcome.OPEN: _("open"),
    Outcome.UNRESOLVED: _("unresolved"),
}
# Of a single call, in languages whose adjectives follow the noun.
CALL_OUTCOME_LABELS: Labels = {
    Outcome.CONNECTED: pgettext_lazy("one call", "connected"),
    Outcome.UNREACHED: pgettext_lazy("one call", "unreached"),
    Outcome.OPEN: pgettext_lazy("one call", "open"),
    Outcome.UNRESOLVED: pgettext_lazy("one call", "unresolved"),
}
STREAM_LABELS: Labels = {
    Stream.AGENTS: _("agents"),
    Stream.CALLS: _("calls"),
    Stream.CALLBACKS: _("callbacks"),
    Stream.CAMPAIGNS: _("campaigns"),
}
NOT_COUNTED = "not-counted"  # beside the faults of readings: no column file answers for these days
FAULT_LABELS: Labels = {
    Fault.REJECTED: _("the vendor rejected the token"),
    Fault.FORBIDDEN: _("the token may not read this"),
    Fault.NOT_FOUND: _("the vendor does not know it"),
    Fault.REFUSED: _("the vendor refused the question"),
    Fault.THROTTLED: _("the vendor asked to wait"),
    Fault.SERVER: _("the vendor had an error"),
    Fault.TIMEOUT: _("the vendor did not answer in time"),
    Fault.NETWORK: _("the connection broke"),
    Fault.TRUNCATED: _("the answer was cut off"),
    Fault.NOT_JSON: _("the answer was not data"),
    Fault.FORM: _("the answer had an unknown form"),
    Fault.TOO_LARGE: _("the answer was too large"),
    Fault.ADDRESS: _("the vendor's address is not allowed"),
    Fault.DRIFT: _("the list moved while it was read"),
    Fault.EMPTY_PAGE: _("a page of the list was empty"),
    Fault.VANISHED: _("most of what was there is gone"),
    Fault.UNREADABLE: _("elements could not be understood"),
    Fault.LOST_LEASE: _("the reading was interrupted"),
    Fault.CLOCK: _("it was read by a clock that was ahead"),
    NOT_COUNTED: _("mirrored, but not in the figures yet"),
}
MATCH_LABELS: Labels = {
    "contains": _("contains"),
    "begins": _("begins with"),
    "ends": _("ends with"),
    "exact": _("is exactly"),
}
TESTING_LABELS: Labels = {"exclude": _("left out"), "include": _("counted too"), "only": _("only these")}
CAMPAIGN_STATE_LABELS: Labels = {
    "active": pgettext_lazy("campaign", "active"),
    "paused": pgettext_lazy("campaign", "paused"),
    "completed": pgettext_lazy("campaign", "completed"),
    "cancelled": pgettext_lazy("campaign", "cancelled"),
    "draft": pgettext_lazy("campaign", "draft"),
}
CAMPAIGN_KIND_LABELS: Labels = {
    "sales": _("sales"),
    "follow_up": _("follow-up"),
    "reminder": _("reminder"),
    "custom": _("custom"),
}
# Why a figure of a campaign is not known for a period.
CAMPAIGN_UNKNOWN_LABELS: Labels = {
    Unknown.FIRST_READ_LATER: _("first read after the period"),
    Unknown.NOT_READ_BEFORE: _("not read before the period"),
    Unknown.NOT_READ_WITHIN: _("not read in the period"),
    Unknown.NOT_TOLD: _("not told by the vendor"),
    Unknown.NOT_BEGUN: _("this period is still to come"),
    Unknown.CALLS_NOT_NAMED: _("the vendor names none of its calls"),
    Unknown.CALLS_NOT_READ: _("not all calls of the period were read"),
}
METRIC_GROUPS: Labels = {
    "volume": _("Volume"),
    "outcome": _("Outcome"),
    "conversation": _("Conversation"),
    "contacts": _("Contacts"),
    "callbacks": _("Callbacks"),
    "cost": _("Cost and campaigns"),
    "answering": _("Answering and latency"),
}
