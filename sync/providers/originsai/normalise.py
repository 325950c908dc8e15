"""OriginsAI's elements as records. One page documents their outer form, none their inner one, so nothing is demanded.

Times, latencies and lists are read as ``values`` reads them. What an element lacks is empty; what it has besides stays
in its raw text.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from sync.providers.tolerant import Unreadable, broken, digest, key_of, read_element
from sync.providers.values import clean, identifier, read_latencies, read_ms, read_time
from sync.records import AgentRecord, BrokenRecord, CallRecord, UnplacedRecord
from sync.taxonomy import Direction, Status

_STATUSES = {
    "FAILED": Status.FAILED.value,
    "INITIATED": Status.INITIATED.value,
    "QUEUED": Status.QUEUED.value,
}
_BEGINNINGS = ("initiation_time", "answer_time", "end_time")  # what tells when a call began, the best first
_STAGES = {"stt": "stt_data", "llm": "llm_data", "tts": "tts_data"}
_canonical = msgspec.json.Encoder(order="deterministic")


def agent(number: int, name: str) -> AgentRecord:
    """An agent as entered in the settings; the vendor lists none."""
    raw = msgspec.json.encode({"agent_id": number, "name": name})
    return AgentRecord(external_id=str(number), digest=digest(raw), raw=raw.decode(), name=clean(name, 200))


@dataclass(frozen=True, slots=True)
class ElementReader:
    """Reads the elements of one agent's answer. ``known`` holds the ids of calls that need no record, by digest."""

    agent: str
    agent_name: str | None
    organisation: str
    known: Mapping[bytes, str]

    def read(self, raw: bytes) -> tuple[str, CallRecord | UnplacedRecord | BrokenRecord | None]:
        """The element's key for ``Page.keys``, and its record: a call, an unplaced one without ``call_id``, or broken.

        None when the call is known.
        """
        try:
            fields = read_element(raw)
            mark = _digest(fields)
        except Unreadable as error:
            return _broken(raw, str(error))
        if mark in self.known:
            return self.known[mark], None
        if self.organisation and str(fields.get("org_id") or self.organisation) != self.organisation:
            return _foreign(fields)
        value = fields.get("call_id")
        if value is None or value == "":
            return key_of(mark), UnplacedRecord(agent=self.agent, digest=mark, raw=str(raw, "utf-8"))
        call_id = identifier(value)
        if call_id is None:
            return _broken(raw, "Its call_id is no usable id.", mark)
        return call_id, self._call(fields, raw, call_id, mark)

    def _call(self, fields: Mapping[str, Any], raw: bytes, call_id: str, mark: bytes) -> CallRecord:
        started, guessed = _started(fields)
        return CallRecord(
            external_id=call_id,
            digest=mark,
            raw=str(raw, "utf-8"),
            status=_status(fields),
            direction=_direction(fields),
            started_at=started,
            started_guessed=guessed,
            answered_at=read_time(fields.get("answer_time"))[0],
            ended_at=read_time(fields.get("end_time"))[0],
            duration_ms=read_ms(fields.get("call_duration")),
            billed_ms=read_ms(fields.get("billed_duration")),
            agent=self.agent,
            agent_name=self.agent_name,
            from_number=clean(fields.get("from_number"), 80),
            to_number=clean(fields.get("to_number"), 80),
            hangup_cause=clean(fields.get("hangup_cause_name"), 200),
            hangup_source=clean(fields.get("hangup_source"), 80),
            latencies=read_latencies({stage: fields.get(key) for stage, key in _STAGES.items()}),
        )


def _digest(fields: Mapping[str, Any]) -> bytes:
    """Equal for elements that say the same, in any order of keys; a recording's link may be signed anew each time."""
    link = fields.get("call_recording_url")
    if isinstance(link, str) and "?" in link:
        fields = {**fields, "call_recording_url": link.partition("?")[0]}
    try:
        return digest(_canonical.encode(fields))
    except (OverflowError, RecursionError):
        raise Unreadable("It holds a number or a depth beyond all bounds.") from None


def _broken(raw: bytes, reason: str, mark: bytes = b"") -> tuple[str, BrokenRecord]:
    record = broken("call", raw, reason, id_key="call_id", time_keys=_BEGINNINGS)
    if mark:
        record = replace(record, digest=mark)  # one that a link signed anew does not change
    return record.external_id or key_of(record.digest), record


def _foreign(fields: Mapping[str, Any]) -> tuple[str, BrokenRecord]:
    """An element of another organisation: only that it came, and when it began, is kept, since its content is not this
    tenant's to hold.
    """
    shown = msgspec.json.encode({"call_id": fields.get("call_id"), "org_id": fields["org_id"]})
    key, record = _broken(shown, "It belongs to another organisation.")
    return key, replace(record, started_at=_started(fields)[0])


def is_foreign(raw: str) -> bool:
    """Whether this is what was kept of another organisation's element."""
    with suppress(msgspec.DecodeError):
        return set(msgspec.json.decode(raw, type=dict[str, Any])) == {"call_id", "org_id"}
    return False


def _status(fields: Mapping[str, Any]) -> str:
    """Our word. The vendor has none for "over": an answered call is when its end is filled, readable or not.

    No status at all counts as initiated, so that the call stays open and in time shows as unresolved.
    """
    text = clean(fields.get("call_status"), 80)
    word = text.strip().upper()
    if word == "ANSWERED":
        over = bool(clean(fields.get("end_time"), 80).strip())
        return Status.COMPLETED.value if over else Status.ANSWERED.value
    return _STATUSES.get(word) or text or Status.INITIATED.value


def _direction(fields: Mapping[str, Any]) -> str:
    text = clean(fields.get("call_direction"), 40)
    word = text.strip().lower()
    return word if word in set(Direction) else text or Direction.INBOUND.value


def _started(fields: Mapping[str, Any]) -> tuple[datetime | None, bool]:
    """The start, and whether it was guessed: its zone, or all of it from a later time."""
    for key in _BEGINNINGS:
        started, guessed = read_time(fields.get(key))
        if started:
            return started, guessed or key != "initiation_time"
    return None, True
