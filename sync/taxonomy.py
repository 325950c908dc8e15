"""The words of a call, ours and the field's. A word no vendor page names stays the word the vendor wrote."""

from enum import StrEnum


class Status(StrEnum):
    INITIATED = "initiated"
    RINGING = "ringing"
    QUEUED = "queued"
    ANSWERED = "answered"
    COMPLETED = "completed"
    FAILED = "failed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Outcome(StrEnum):
    """What a call counts as (METRICS, base rules). Rates have connected and unreached calls as their base."""

    CONNECTED = "connected"
    UNREACHED = "unreached"
    OPEN = "open"
    UNRESOLVED = "unresolved"  # open for longer than UNRESOLVED_HOURS: counted and listed, never dropped


# Not over yet whatever their age. "in-progress" is the word of an old vendor schema.
OPEN_STATUSES = frozenset({Status.INITIATED, Status.RINGING, Status.QUEUED, "in-progress"})
CONNECTED_STATUSES = frozenset({Status.ANSWERED, Status.COMPLETED})

UNRESOLVED_HOURS = 48


class Stream(StrEnum):
    """What a connection reads. Each stream has runs, windows and gaps of its own."""

    AGENTS = "agents"
    CALLS = "calls"
    CALLBACKS = "callbacks"
    CAMPAIGNS = "campaigns"


class Fact(StrEnum):
    """What a vendor may or may not tell. Who called whom, when, for how long and with which status tells every one."""

    PICK_UP = "pick-up"  # when a call was answered
    END = "end"
    BILLED_TIME = "billed-time"
    HANG_UP = "hang-up"  # who hung up, and why
    TIMELINE = "timeline"
    TRANSCRIPT = "transcript"
    LATENCIES = "latencies"
    RECORDING = "recording"
    CALLBACK_TOTALS = "callback-totals"  # its own counts of callbacks by UTC day
    CALLBACK_ROUTES = "callback-routes"  # which agents take the callbacks of which
    CAMPAIGNS = "campaigns"
    LIST_PRICE = "list-price"  # of a connected minute, by agent


class Fault(StrEnum):
    """Why a request, an element or a window did not come in whole."""

    REJECTED = "rejected"  # 401: the token is not valid
    FORBIDDEN = "forbidden"  # 403
    NOT_FOUND = "not-found"  # 404
    REFUSED = "refused"  # 422 and other 4xx: the question was refused
    THROTTLED = "throttled"  # 429
    SERVER = "server"  # 5xx
    TIMEOUT = "timeout"  # connect, read or total deadline
    NETWORK = "network"  # reset, DNS, TLS
    TRUNCATED = "truncated"  # fewer bytes than announced, or a document that ends early
    NOT_JSON = "not-json"  # HTML, an empty body, or broken JSON
    FORM = "form"  # JSON of another form than documented
    TOO_LARGE = "too-large"  # over the byte cap
    ADDRESS = "address"  # the host is not allowed or resolves to a private network
    DRIFT = "drift"  # pages moved under every walk
    EMPTY_PAGE = "empty-page"  # nothing where the total promised more
    VANISHED = "vanished"  # most of what was there is suddenly gone; nobody believes that at once
    UNREADABLE = "unreadable"  # read to its end, with elements in it that could not be understood
    LOST_LEASE = "lost-lease"  # another process took over
    CLOCK = "clock"  # read at a time that has not come yet: the clock was ahead, so nobody knows as of when it holds


# Asking again later may help; the others need a person or are facts.
PASSING = frozenset(
    {
        Fault.THROTTLED,
        Fault.SERVER,
        Fault.TIMEOUT,
        Fault.NETWORK,
        Fault.TRUNCATED,
        Fault.NOT_JSON,
        Fault.FORM,
        Fault.EMPTY_PAGE,
        Fault.DRIFT,
        Fault.VANISHED,
    }
)
