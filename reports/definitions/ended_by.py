"""On whose side a call ended: the words vendors use for causes, and the side each points to.

Causes are free text. Some are written in the manner of Plivo (https://docs.plivo.com/docs/voice/troubleshooting/
hangup-causes), others in that of ITU-T Q.850, as FreeSWITCH spells it. Both lists are read by keywords, the
first that occurs decides. What says nothing, such as “Unknown”, “Forbidden” or “NORMAL_UNSPECIFIED”, stays unknown.
Where a vendor gives no cause the status speaks, and ``failed`` says of nobody that it was his fault.

To teach a word, add it to the side it belongs to: lower case, ASCII only, with blanks for underscores.
"""

from collections.abc import Callable
from enum import StrEnum

from django.db.models import F
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from reports.definitions.written import Written, listed
from sync.taxonomy import CONNECTED_STATUSES, OPEN_STATUSES, Status


class Side(StrEnum):
    NORMAL = "normal"  # the call took place and ended; nobody failed
    PERSON = "person"
    NETWORK = "network"
    OURS = "ours"
    VENDOR = "vendor"
    UNKNOWN = "unknown"


SIDE_LABELS: dict[str, str | Promise] = {
    Side.NORMAL: _("ended normally"),
    Side.PERSON: _("the person"),
    Side.NETWORK: _("the network"),
    Side.OURS: _("our side"),
    Side.VENDOR: _("the vendor"),
    Side.UNKNOWN: _("not known"),
}

# In this order, because a busy network is no busy person and a carrier's internal error is the network's.
KEYWORDS: tuple[tuple[Side, tuple[str, ...]], ...] = (
    (Side.UNKNOWN, ("originator cancel",)),  # whoever called gave up: a person or our agent
    (Side.NORMAL, ("normal hangup", "normal clearing", "normal call clearing", "end of xml", "multiparty call ended")),
    (Side.NORMAL, ("blind transfer", "attended transfer")),
    # The account, its limits and permissions, what our side ended on purpose, and numbers of our lists that are none.
    (Side.OURS, ("out of credits", "insufficient balance", "dial limit", "barred", "max duration", "time limit")),
    (Side.OURS, ("cancel", "scheduled hangup", "lost race", "lose race", "manager request")),
    (Side.OURS, ("invalid destination", "invalid number", "unallocated", "number changed", "misdialled")),
    (Side.NETWORK, ("network", "carrier", "congestion", "circuit", "rout", "gateway", "interworking", "chan unavail")),
    (Side.NETWORK, ("temporary failure", "timer expire", "media timeout", "rtp timeout", "request timeout")),
    (Side.NETWORK, ("service unavailable", "destination out of order")),
    (Side.VENDOR, ("internal error", "server error", "answer url", "answer xml", "invalid xml", "hangup url")),
    (Side.VENDOR, ("system shutdown", "crash", "protocol error")),
    (Side.PERSON, ("busy", "no answer", "no user response", "ring timeout", "reject", "declin", "refused")),
    (Side.PERSON, ("absent", "out of service", "not registered", "switched off", "machine detected", "voicemail")),
)
_OF_STATUS: dict[str, Side] = {
    **dict.fromkeys(CONNECTED_STATUSES, Side.NORMAL),
    **dict.fromkeys((Status.NO_ANSWER, Status.BUSY, "voicemail"), Side.PERSON),
}


def side_of(cause: str, status: str) -> str:
    """The side of one call; "" while it is not over and nothing is known."""
    if not cause:
        return "" if status in OPEN_STATUSES else _OF_STATUS.get(status, Side.UNKNOWN)
    text = cause.lower().replace("_", " ")
    return next((side for side, words in KEYWORDS if any(word in text for word in words)), Side.UNKNOWN)


def _side_sql(cause: str, status: str, has: Callable[[tuple[str, ...]], str]) -> str:
    """``has`` says that the cause holds one of some keywords."""
    words = [f"WHEN {has(words)} THEN '{side.value}'" for side, words in KEYWORDS]
    statuses = [f"WHEN {status} = '{word}' THEN '{side.value}'" for word, side in _OF_STATUS.items()]
    silent = f"CASE WHEN {status} IN ({listed(sorted(OPEN_STATUSES))}) THEN '' {' '.join(statuses)}"
    return (
        f"CASE WHEN {cause} = '' THEN {silent} ELSE '{Side.UNKNOWN.value}' END {' '.join(words)}"
        f" ELSE '{Side.UNKNOWN.value}' END"
    )


def side_column(cause: str, status: str, text: str) -> str:
    """As :func:`side_of`, as SQL for column files; ``text`` is the cause in lower case with blanks for underscores."""
    return _side_sql(cause, status, lambda words: f"regexp_matches({text}, '{'|'.join(words)}')")


def side_in_sql() -> Written:
    """As :func:`side_of`, of rows of the database."""

    def has(words: tuple[str, ...]) -> str:
        return " OR ".join(f"LOWER(REPLACE({{cause}}, '_', ' ')) LIKE '%%{word}%%'" for word in words)

    return Written(_side_sql("{cause}", "{status}", has), cause=F("hangup_cause"), status=F("status"))
