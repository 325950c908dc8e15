"""Calls as Talkover's pages promise them, read in a fraction of the time that an element of any form takes.

A first load reads millions, and hardly any of them has a key that no page names, a value of another type, or one that
is longer than what is kept of it. Those that have go to :func:`sync.providers.talkover.normalise.call`, which makes the
same record of every element that can be read here.
"""

from typing import Annotated

import msgspec

from sync.providers import limits
from sync.providers.talkover import normalise
from sync.providers.talkover.normalise import Raw, word
from sync.providers.values import ID_LENGTH, LONGEST_CALL_MS, read_time
from sync.records import CallRecord
from sync.taxonomy import Direction, Status

_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=ID_LENGTH)]
_Name = Annotated[str, msgspec.Meta(max_length=200)]
_Short = Annotated[str, msgspec.Meta(max_length=80)]
_WORDS = {word.value: word.value for word in (*Status, *Direction)}  # so that millions of records share them


# Unknown fields are refused because what is only skipped is not looked at: it might not be sound.
class _Agent(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: _Key
    name: _Name | None = None
    label: str | None = None


class _Call(msgspec.Struct, forbid_unknown_fields=True, gc=False, rename={"from_": "from"}):
    """The bounds are those within which the readers of ``values`` leave a value as it is."""

    id: _Key
    created_at: str
    sid: _Name | None = None
    to: _Short | None = None
    to_formatted: str | None = None
    from_: _Short | None = None
    from_formatted: str | None = None
    is_testing: bool | None = None
    direction: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    status: _Short | None = None
    duration: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_CALL_MS // 1000)] | None = None
    agent: _Agent | None = None
    updated_at: str | None = None


_decoder = msgspec.json.Decoder(_Call)


def call(raw: Raw, mark: bytes) -> CallRecord:
    """A call of a list, whatever its form; raises Unreadable as :func:`sync.providers.talkover.normalise.call` does."""
    small = len(raw) <= limits.SMALL_ELEMENT_BYTES  # the others are looked at first, whether they are too large
    return (promised(raw, mark) if small else None) or normalise.call(raw, mark)


def promised(raw: Raw, mark: bytes) -> CallRecord | None:
    """A call that is as promised; None for any other element."""
    try:
        text = str(raw, "utf-8")
        element = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    started, guessed = read_time(element.created_at)
    agent = element.agent
    if started is None or "\\u0000" in text or element.id.isspace() or (agent and agent.id.isspace()):
        return None
    return CallRecord(
        external_id=element.id,
        digest=mark,
        raw=text,
        status=_WORDS.get(element.status or "") or word(element.status, Status.INITIATED.value, 80),
        direction=_WORDS.get(element.direction or "") or word(element.direction, "", 40),
        started_at=started,
        started_guessed=guessed,
        updated_at=read_time(element.updated_at)[0],
        duration_ms=None if element.duration is None else element.duration * 1000,
        is_test=element.is_testing is True,
        agent=agent.id if agent else None,
        agent_name=(agent.name or None) if agent else None,
        from_number=element.from_ or "",
        to_number=element.to or "",
        sid=element.sid or "",
    )
