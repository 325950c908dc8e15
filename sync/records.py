"""What a vendor said, in our words: immutable, with the raw text and its digest.

Providers make records, the mirror takes them; neither knows the other. Durations are milliseconds, times are aware
UTC datetimes, ids are opaque text, and text holds neither NUL nor lone surrogates.
"""

from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct


class CallRecord(Struct, frozen=True, kw_only=True, gc=False):  # holds no cycle, and there are millions
    external_id: str
    digest: bytes  # 16 bytes over what the vendor said; equal digests mean nothing to write
    raw: str  # the element as it came, JSON text
    status: str
    direction: str
    started_at: datetime | None  # None: no readable time; the mirror then uses the time first seen, marked as guessed
    started_guessed: bool = False
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    updated_at: datetime | None = None  # the vendor's own claim; proves nothing, orders versions
    duration_ms: int | None = None
    billed_ms: int | None = None
    is_test: bool = False
    agent: str | None = None  # the vendor's agent id
    agent_name: str | None = None
    from_number: str = ""  # as the vendor wrote it
    to_number: str = ""
    sid: str = ""
    hangup_cause: str = ""
    hangup_source: str = ""
    latencies: dict[str, list[float]] | None = None  # {"stt": [...], "llm": [...], "tts": [...]}: milliseconds a turn


class AgentRecord(Struct, frozen=True, kw_only=True):
    external_id: str
    digest: bytes
    raw: str
    name: str
    label: str = ""
    direction: str = ""
    state: str = ""  # the vendor's word: draft, published


class CallbackAgentRecord(Struct, frozen=True, kw_only=True):
    """An inbound agent that takes return calls, and the outbound agents whose calls it answers."""

    external_id: str
    digest: bytes
    raw: str
    name: str
    sources: tuple[str, ...] = ()


class PriceRecord(Struct, frozen=True, kw_only=True):
    """A list price, not what a call cost."""

    agent: str
    digest: bytes
    raw: str
    per_minute: Decimal
    currency: str


class CampaignRecord(Struct, frozen=True, kw_only=True):
    external_id: str
    digest: bytes
    raw: str
    name: str
    status: str
    kind: str = ""
    agent: str | None = None
    total_calls: int | None = None
    completed_calls: int | None = None
    failed_calls: int | None = None
    success_rate: float | None = None  # percent, the vendor's figure
    detail: bool = False  # True: from the single-campaign answer, which alone names its calls
    calls: tuple[tuple[str, int], ...] = ()  # (call id, retries); only with detail


class CallbackDayRecord(Struct, frozen=True, kw_only=True):
    """The vendor's totals of one UTC day. No identity holds between them."""

    day: date
    digest: bytes
    raw: str
    received: int
    answered: int
    unmatched: int
    sources: tuple[tuple[str, str, int], ...] = ()  # (agent id, name, count)


class UnplacedRecord(Struct, frozen=True, kw_only=True):
    """An element without a call id: a call not placed yet. Held apart and shown as a count."""

    agent: str
    digest: bytes
    raw: str


Mark = tuple[str, bytes]  # kind and digest: what tells broken elements of a window apart


class BrokenRecord(Struct, frozen=True, kw_only=True):
    """An element that can't be read: it goes to quarantine with its raw text and the reason.

    ``stream`` and ``part`` name the window in which it came; the provider leaves them empty, the reader knows.
    """

    kind: str  # call, agent, callback-agent, campaign, campaign-detail, callback-day, price
    external_id: str
    digest: bytes
    raw: str
    reason: str
    started_at: datetime | None = None  # of a call, where that much can still be read
    stream: str = ""
    part: str = ""
    day: date | None = None  # the UTC day it belongs to; None when it can't be known, or of a list


Record = (
    CallRecord
    | AgentRecord
    | CallbackAgentRecord
    | PriceRecord
    | CampaignRecord
    | CallbackDayRecord
    | UnplacedRecord
    | BrokenRecord
)
