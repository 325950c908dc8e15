"""Talkover's elements as records. What its pages promise, and where they contradict each other, decides each reader.

Every reader takes an element's text and its digest, and raises Unreadable when no record can be made.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec

from sync.providers import limits
from sync.providers.tolerant import Unreadable, read_element, read_value, set_apart
from sync.providers.values import as_list, clean, identifier, read_count, read_ms, read_number, read_time
from sync.records import (
    AgentRecord,
    CallbackAgentRecord,
    CallbackDayRecord,
    CallRecord,
    CampaignRecord,
    PriceRecord,
)
from sync.taxonomy import Direction, Status

Raw = bytes | msgspec.Raw
_WORDS = {word.value: word.value for word in (*Status, *Direction)}
_PRICE_STEP = Decimal("0.000001")
_DEAREST = Decimal("1000000")


def word(value: object, missing: str, limit: int) -> str:
    """A known word in our spelling, a word no page names as the vendor wrote it, ``missing`` for none."""
    text = clean(value, limit)
    return _WORDS.get(text) or _WORDS.get(text.strip().lower()) or text or missing


def _id(fields: Mapping[str, Any]) -> str:
    external_id = identifier(fields.get("id"))
    if external_id is None:
        raise Unreadable("It has no usable id.")
    return external_id


def _agent(fields: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Id and name of the agent that an element names, as an object, as a bare id, or not at all."""
    value = fields.get("agent")
    if isinstance(value, dict):
        return identifier(value.get("id")) or identifier(fields.get("agent_id")), clean(value.get("name"), 200) or None
    return identifier(value) or identifier(fields.get("agent_id")), None


def call(raw: Raw, mark: bytes) -> CallRecord:
    """A call of a list. An element without status counts as just begun, so that it stays open and shows as unresolved.

    Raises Unreadable without an id or a readable ``created_at``. Calls that are as promised are read by ``promised``.
    """
    fields = read_element(raw)
    get = fields.get
    started, guessed = read_time(get("created_at"))
    if started is None:
        raise Unreadable("Its created_at can't be read as a time.")
    agent, agent_name = _agent(fields)
    return CallRecord(
        external_id=_id(fields),
        digest=mark,
        raw=str(raw, "utf-8"),
        status=word(get("status"), Status.INITIATED.value, 80),
        direction=word(get("direction"), "", 40),
        started_at=started,
        started_guessed=guessed,
        updated_at=read_time(get("updated_at"))[0],
        duration_ms=read_ms(get("duration")),
        is_test=get("is_testing") in (True, 1, "true", "1"),
        agent=agent,
        agent_name=agent_name,
        from_number=clean(get("from"), 80),
        to_number=clean(get("to"), 80),
        sid=clean(get("sid"), 200),
    )


def agent(raw: Raw, mark: bytes) -> AgentRecord:
    """An agent of the list."""
    fields = read_element(raw)
    return AgentRecord(
        external_id=_id(fields),
        digest=mark,
        raw=str(raw, "utf-8"),
        name=clean(fields.get("name"), 200),
        label=clean(fields.get("label"), 200),
        direction=word(fields.get("direction"), "", 40),
        state=clean(fields.get("current_status"), 40),
    )


def callback_agent(raw: Raw, mark: bytes) -> CallbackAgentRecord:
    """A callback agent and the outbound agents whose calls it answers."""
    fields = read_element(raw)
    config = fields.get("callback_config")
    sources = config.get("source_agent_ids") if isinstance(config, dict) else None
    ids = (identifier(source) for source in (sources if isinstance(sources, list) else []))
    return CallbackAgentRecord(
        external_id=_id(fields),
        digest=mark,
        raw=str(raw, "utf-8"),
        name=clean(fields.get("name"), 200),
        sources=tuple(dict.fromkeys(source for source in ids if source)),
    )


def price(raw: Raw, mark: bytes, *, agent_id: str) -> PriceRecord:
    """The list price of the agent asked for."""
    fields = read_element(raw)
    number = read_number(fields.get("estimated_cost_per_minute"))
    if number is None or (amount := Decimal(str(number))) >= _DEAREST:
        raise Unreadable("Its price can't be read as a number.")
    return PriceRecord(
        agent=agent_id,
        digest=mark,
        raw=str(raw, "utf-8"),
        per_minute=amount.quantize(_PRICE_STEP),
        currency=clean(fields.get("currency"), 8),
    )


def campaign(raw: Raw, mark: bytes, *, detail: bool = False) -> CampaignRecord:
    """A campaign of the list, or, with ``detail``, the single one, which alone names its calls."""
    rest, calls = set_apart(raw, "calls") if detail else (raw, ())
    fields = read_element(rest)
    stats = fields.get("stats")
    stats = stats if isinstance(stats, dict) else {}
    rate = read_number(stats.get("success_rate"))
    return CampaignRecord(
        external_id=_id(fields),
        digest=mark,
        raw=str(raw, "utf-8"),
        name=clean(fields.get("name"), 200),
        status=clean(fields.get("status"), 40),
        kind=clean(fields.get("campaign_type"), 40),
        agent=_agent(fields)[0],
        total_calls=read_count(stats.get("total_calls")),
        completed_calls=read_count(stats.get("completed_calls")),
        failed_calls=read_count(stats.get("failed_calls")),
        success_rate=None if rate is None else float(rate),
        detail=detail,
        calls=_named_calls(chain(map(read_value, calls), as_list(fields.get("calls")))) if detail else (),
    )


def _named_calls(elements: Iterable[object]) -> tuple[tuple[str, int], ...]:
    retries: dict[str, int] = {}
    for element in elements:
        if isinstance(element, dict) and (key := identifier(element.get("id"))):
            retries[key] = read_count(element.get("retries")) or 0
            if len(retries) > limits.CAMPAIGN_CALLS:
                raise Unreadable(f"It names more than {limits.CAMPAIGN_CALLS:,} calls.")
    return tuple(retries.items())


def callback_day(raw: Raw, mark: bytes, *, day: date) -> CallbackDayRecord:
    """The totals of one day. Raises Unreadable without a total, or when they are of a time that leaves the day out."""
    fields = read_element(raw)
    received = read_count(fields.get("total_callbacks_received"))
    if received is None:
        raise Unreadable("Its total_callbacks_received can't be read as a count.")
    period = fields.get("period")
    if isinstance(period, dict):
        first, last = (clean(period.get(edge), 40)[:10] for edge in ("start", "end"))
        if first and last and not first <= day.isoformat() <= last:
            raise Unreadable("Its totals are of another period.")
    sources = (
        (identifier(source.get("source_agent_id")), clean(source.get("name"), 200), read_count(source.get("count")))
        for source in as_list(fields.get("callbacks_by_source_agent"))
        if isinstance(source, dict)
    )
    return CallbackDayRecord(
        day=day,
        digest=mark,
        raw=str(raw, "utf-8"),
        received=received,
        answered=read_count(fields.get("callbacks_answered")) or 0,
        unmatched=read_count(fields.get("callbacks_unmatched")) or 0,
        sources=tuple((key, name, count) for key, name, count in sources if key and count is not None),
    )
