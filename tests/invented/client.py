"""Pabx: tells when a call was picked up, reads calls by UTC day, and knows neither callbacks nor prices.

It answers from its settings, so that no server stands behind it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b

from sync.providers.access import Access
from sync.providers.base import NOTHING, Ask, FormField, Page, Part
from sync.providers.http import Http
from sync.records import AgentRecord, BrokenRecord, CallRecord, Record
from sync.taxonomy import Fact, Status, Stream

PER_DAY = (Status.COMPLETED, Status.COMPLETED, Status.BUSY)  # one call an hour from 13 h UTC on


class Pabx:
    key = "pabx"
    label = "Pabx"
    base_url = "https://pabx.example/api"
    base_path = "/api"
    credential_hint = ""
    fields: tuple[FormField, ...] = ()
    streams: tuple[Stream, ...] = (Stream.AGENTS, Stream.CALLS)
    daily: frozenset[Stream] = frozenset({Stream.CALLS})
    facts: frozenset[Fact] = frozenset({Fact.PICK_UP, Fact.END})
    needs_token = True
    settles_hours: int | None = None

    def check_settings(self, settings: Mapping[str, str]) -> dict[str, str]:
        return dict(settings)

    def session(self, access: Access) -> Http:
        return Http(access, headers={"X-Pabx": access.token})

    def check(self, http: Http) -> None:
        return None

    def parts(self, stream: Stream, settings: Mapping[str, str], days: Sequence[date]) -> list[Part]:
        return [Part(stream, day.isoformat(), day) for day in days] if stream in self.daily else [Part(stream, "all")]

    def asks(self, part: Part, settings: Mapping[str, str]) -> list[Ask]:
        return [Ask(part.key, "", local=True)]

    def follow(self, part: Part, ask: Ask, page: Page) -> list[Ask]:
        return []

    def read(self, ask: Ask, http: Http, known: Mapping[bytes, str] = NOTHING) -> Iterator[Page]:
        if ask.kind == "all":
            yield Page([AgentRecord(external_id="desk", digest=_digest("desk"), raw="{}", name="Front desk")], ["desk"])
            return
        calls = [_call(date.fromisoformat(ask.kind), number) for number in range(len(PER_DAY))]
        fresh = [call for call in calls if call.digest not in known]
        yield Page([*fresh], [call.external_id for call in calls], total=len(calls), last_page=1)

    def reread(self, element: BrokenRecord, settings: Mapping[str, str]) -> Record:
        raise NotImplementedError

    def count(self, day: date, http: Http) -> int | None:
        return len(PER_DAY)


PABX = Pabx()


def _call(day: date, number: int) -> CallRecord:
    key, status = f"{day}-{number}", PER_DAY[number]
    start = datetime(day.year, day.month, day.day, 13 + number, tzinfo=UTC)
    connected = status == Status.COMPLETED
    return CallRecord(
        external_id=key,
        digest=_digest(key),
        raw=f'{{"id":"{key}"}}',
        status=status,
        direction="outbound",
        started_at=start,
        answered_at=start + timedelta(seconds=6) if connected else None,
        ended_at=start + timedelta(seconds=66),
        duration_ms=60_000 if connected else 0,
        agent="desk",
        agent_name="Front desk",
        from_number="+551130000000",
        to_number=f"+55119876543{number:02}",
    )


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()
