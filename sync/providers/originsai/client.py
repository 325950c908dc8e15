"""OriginsAI: one bare array for each agent, its whole history each time, read as a stream."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from sys import getsizeof

from sync.providers import limits
from sync.providers.access import Access
from sync.providers.base import NOTHING, Ask, FormField, Page, Part
from sync.providers.http import Http
from sync.providers.limits import Expected
from sync.providers.originsai import normalise
from sync.providers.originsai.settings import FIELDS, Settings
from sync.providers.tolerant import Unreadable, alone, elements
from sync.records import BrokenRecord, Record
from sync.taxonomy import Fact, Stream

_PAGE_KEYS = 500
_PAGE_BYTES = 512 * 1024  # a page ends here too: a queue of pages with long transcripts must stay small


class OriginsAI:
    key = "originsai"
    label = "OriginsAI"
    base_url = ""
    base_path = "/api"
    credential_hint = "Ask OriginsAI's support for the token of your host. Leave it empty if your host needs none."
    fields: tuple[FormField, ...] = FIELDS
    streams: tuple[Stream, ...] = (Stream.AGENTS, Stream.CALLS)
    daily: frozenset[Stream] = frozenset()
    facts: frozenset[Fact] = frozenset(
        {
            Fact.PICK_UP,
            Fact.END,
            Fact.BILLED_TIME,
            Fact.HANG_UP,
            Fact.TIMELINE,
            Fact.TRANSCRIPT,
            Fact.LATENCIES,
            Fact.RECORDING,
        }
    )
    needs_token = False  # its pages name no way to authenticate
    settles_hours: int | None = None

    def check_settings(self, settings: Mapping[str, str]) -> dict[str, str]:
        return Settings.read(settings).as_text()

    def session(self, access: Access) -> Http:
        settings = Settings.read(access.settings)
        value = f"{settings.prefix} {access.token}".strip()
        return Http(access, headers={settings.header: value} if access.token else {})

    def check(self, http: Http) -> None:
        settings = Settings.read(http.access.settings)
        with http.open(_path(next(iter(settings.agents))), expected=_history(settings)) as answer:
            next(elements(answer.chunks()), None)  # the rest of the history is not needed to know that it is one

    def parts(self, stream: Stream, settings: Mapping[str, str], days: Sequence[date]) -> list[Part]:
        if stream == Stream.CALLS:
            return [Part(stream, f"agent:{number}") for number in Settings.read(settings).agents]
        return [Part(stream, "all")]

    def asks(self, part: Part, settings: Mapping[str, str]) -> list[Ask]:
        if part.stream == Stream.CALLS:
            return [Ask("calls", _path(int(part.key.removeprefix("agent:"))))]
        return [Ask("settings", "", local=True)]

    def follow(self, part: Part, ask: Ask, page: Page) -> list[Ask]:
        return []

    def read(self, ask: Ask, http: Http, known: Mapping[bytes, str] = NOTHING) -> Iterator[Page]:
        settings = Settings.read(http.access.settings)
        if ask.kind == "settings":
            agents = [normalise.agent(number, name) for number, name in settings.agents.items()]
            yield Page([*agents], [agent.external_id for agent in agents])
        else:
            yield from _calls(ask, http, settings, known)

    def reread(self, element: BrokenRecord, settings: Mapping[str, str]) -> Record:
        reader = _reader(element.part.removeprefix("agent:"), Settings.read(settings), NOTHING)
        if normalise.is_foreign(element.raw):
            raise Unreadable("Its content was not kept: it belonged to another organisation.")
        _key, record = reader.read(element.raw.encode())
        if record is None or isinstance(record, BrokenRecord):
            raise Unreadable(record.reason if record else "It is mirrored.")
        return record

    def count(self, day: date, http: Http) -> int | None:
        return None


ORIGINSAI = OriginsAI()


def _path(number: int) -> str:
    return f"/agents/{number}/call_stats"


def _reader(agent: str, settings: Settings, known: Mapping[bytes, str]) -> normalise.ElementReader:
    return normalise.ElementReader(agent, settings.agents.get(int(agent)), settings.org_id, known)


def _history(settings: Settings) -> Expected:
    return replace(limits.HISTORY, most_bytes=settings.max_bytes)


def _calls(ask: Ask, http: Http, settings: Settings, known: Mapping[bytes, str]) -> Iterator[Page]:
    reader = _reader(ask.path.split("/")[2], settings, known)
    page, size = Page([], []), 0
    with http.open(ask.path, expected=_history(settings)) as answer:
        for raw in elements(answer.chunks()):
            with alone(raw):
                key, record = reader.read(raw)
            page.keys.append(key)
            if record is not None:
                page.records.append(record)
                size += getsizeof(record.raw)
            if len(page.keys) >= _PAGE_KEYS or size >= _PAGE_BYTES:
                yield page
                page, size = Page([], []), 0
    yield page
