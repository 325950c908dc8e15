"""The synthetic truth of one tenant: Talkover calls as the dicts and bytes that are served, and what they mean.

Whatever changes it goes through ``insert``, ``change`` and ``drop``: the world is what a mirror must end up with.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from threading import RLock
from typing import Any

from sync.sandbox import brazil
from sync.sandbox.calls import DAY, Days, Draft
from sync.sandbox.cast import Agent, Tenant, agent_element, campaign_element, identity
from sync.sandbox.rows import CallStore, Element, Row, Selection, agent_id

FINAL = frozenset({"completed", "failed", "busy", "no-answer"})


class World:
    """One tenant's Talkover environment. Reading and changing it is safe from any thread."""

    def __init__(self, tenant: Tenant, *, days: int, calls_per_day: float, seed: int, now: datetime) -> None:
        self.tenant = tenant
        self.now = now
        self.last = now.date()
        self.first = self.last - timedelta(days=days - 1)
        self.lock = RLock()
        self.calls: dict[str, Element] = {}  # by id, exactly as served
        self.dropped: dict[str, Element] = {}  # calls the vendor no longer shows, as last served
        self.returns: dict[str, str] = {}  # the call that returns: the outbound call it answers
        self.campaign_calls: dict[str, dict[str, int]] = {}  # campaign id: call id: retries
        self.agents = [agent_element(agent, self.first) for agent in tenant.agents]
        self.campaigns = self._campaigns()
        self._agents = {agent.id: agent for agent in tenant.agents}
        self._store = CallStore()
        self._sources: dict[str, str] = {}  # the call that returns: the agent whose call it answers
        self._rng = Random(f"{seed}/{tenant.name}/changes")  # noqa: S311
        spans = [
            (campaign, self.last - timedelta(days=campaign.first),
             self.last - timedelta(days=campaign.last) if campaign.last is not None else self.last)
            for campaign in tenant.campaigns
            if campaign.status not in ("draft", "cancelled")
        ]  # fmt: skip
        self._source = Days(tenant, seed=seed, per_day=calls_per_day * tenant.scale, campaigns=spans)
        self._fill(self.first - timedelta(days=4), None)

    # Reading

    def agent(self, agent_id: str) -> Agent | None:
        return self._agents.get(agent_id)

    @property
    def callback_agents(self) -> list[Agent]:
        return [agent for agent in self.tenant.agents if agent.sources]

    @property
    def version(self) -> int:
        """Grows with every change."""
        return self._store.version

    def rows(self, selection: Selection) -> Sequence[Row]:
        """The calls asked for, newest first."""
        with self.lock:
            return self._store.rows(selection)

    def calls_of_day(self, day: date) -> list[Element]:
        """The calls created on a UTC day, newest first."""
        with self.lock:
            return [row.element for row in self._store.day(day.isoformat())]

    def callbacks(self, first: date, last: date) -> tuple[int, int, Counter[str]]:
        """Calls to callback agents on these UTC days: how many, how many answered, and how many by source agent.

        What the sources do not account for matched no outbound call. Test calls are left out.
        """
        received = answered = 0
        sources: Counter[str] = Counter()
        catchers = {agent.id for agent in self.callback_agents}
        with self.lock:
            for row in self.rows(Selection(since=first.isoformat(), before=(last + timedelta(days=1)).isoformat())):
                element = row.element
                if agent_id(element) not in catchers or element.get("is_testing"):
                    continue
                received += 1
                answered += element.get("status") in ("answered", "completed")
                source = self._sources.get(row.key[1])
                if source:
                    sources[source] += 1
        return received, answered, sources

    def campaign_rows(self, campaign: str) -> list[tuple[Row, int]]:
        """The calls of a campaign the vendor still has, with their retries, oldest first."""
        with self.lock:
            named = [
                (self._store.by_id[key], retries)
                for key, retries in self.campaign_calls.get(campaign, {}).items()
                if key in self._store.by_id
            ]
            return sorted(named, key=lambda pair: pair[0].key)

    # Changing

    def insert(self, call: Mapping[str, Any] | None = None, **fields: Any) -> str:
        """Add a call, return its id. What is not given is taken from a call of that day, with a number of its own."""
        with self.lock:
            given = {**(call or {}), **fields}
            element = {**self._template(given), **given}
            self._put(element)
            return str(element["id"])

    def change(self, call_id: str, **fields: Any) -> None:
        """Change fields of a call; ``updated_at`` is left alone unless given, as the vendor's proves nothing either."""
        with self.lock:
            element = {**self.calls[call_id], **fields}
            self._take(call_id)
            self._put(element)

    def drop(self, call_id: str) -> None:
        """Remove a call as the vendor does, without a trace; ``dropped`` remembers it."""
        with self.lock:
            self.dropped[call_id] = self._take(call_id)
            self.returns.pop(call_id, None)
            self._sources.pop(call_id, None)

    def advance(self, now: datetime) -> int:
        """Let time pass: calls of the meantime appear and open ones end. Returns how many appeared or changed."""
        with self.lock:
            before, self.now = self.now, now
            self.last = max(self.last, now.date())
            return self._fill(before.date() - timedelta(days=6), before)

    # Within

    def _campaigns(self) -> list[Element]:
        agents = {agent.id: agent for agent in self.tenant.agents}
        return [campaign_element(campaign, agents[campaign.agent], self.last) for campaign in self.tenant.campaigns]

    def _fill(self, since: date, before: datetime | None) -> int:
        """Draw the days from ``since`` to now; with ``before``, only what has happened since that moment."""
        first = _midnight(self.first)
        now = int(self.now.timestamp())
        then = int(before.timestamp()) if before else 0
        stamps = _Stamps()
        touched = 0
        for offset in range((self.last - since).days + 1):
            for draft in self._source.draw(since + timedelta(days=offset)):
                if not first <= draft.start <= now:
                    continue
                if before and (draft.start <= then - 3600 or draft.id in self.dropped):
                    continue
                element = _element(draft, now, stamps)
                if before and draft.id in self.calls:
                    if self.calls[draft.id]["status"] in FINAL:
                        continue
                    self._take(draft.id)
                self._put(element)
                touched += 1
                if draft.campaign:
                    self.campaign_calls.setdefault(draft.campaign, {})[draft.id] = draft.attempt
                if draft.answers in self.calls:
                    self.returns[draft.id] = draft.answers
                    self._sources[draft.id] = agent_id(self.calls[draft.answers])
        return touched

    def _put(self, element: Element) -> None:
        self._store.put(element)
        self.calls[str(element["id"])] = element

    def _take(self, call_id: str) -> Element:
        del self.calls[call_id]
        return self._store.take(call_id)

    def _template(self, given: Mapping[str, Any]) -> Element:
        """A final call near the one wanted, under a new id, number and moment."""
        day = str(given.get("created_at") or self.last.isoformat())[:10]
        days = self._store.busy_days()
        base = self._store.day(days[min(bisect_left(days, day), len(days) - 1)]) if days else []
        alike = [row for row in base if row.element.get("direction") == given.get("direction")] or base
        sample = self._rng.choice(alike).element if alike else _element(self._spare(), 0, _Stamps())
        word = identity(self.tenant.name, "inserted", self.version, self._rng.random().hex())
        number = brazil.mobile(self._rng, 9_970_000 + self.version % 29_000)
        contact = "from" if sample.get("direction") == "inbound" else "to"
        moment = f"{day}T{self._rng.randrange(24):02}:{self._rng.randrange(60):02}:{self._rng.randrange(60):02}Z"
        return {
            **sample,
            "id": word,
            "sid": f"CA{word.replace('-', '')}",
            contact: number,
            f"{contact}_formatted": brazil.formatted(number),
            "status": sample["status"] if sample["status"] in FINAL else "failed",
            "created_at": moment,
            "updated_at": moment,
        }

    def _spare(self) -> Draft:
        agent = self.tenant.agents[0]
        return Draft("", _midnight(self.last), agent, True, "", "failed", 3, 0, 0.5)


class _Stamps:
    """Unix seconds as the vendor writes times."""

    def __init__(self) -> None:
        self._days: dict[int, str] = {}

    def __call__(self, moment: int) -> str:
        number, second = divmod(moment, DAY)
        day = self._days.get(number)
        if day is None:
            day = self._days[number] = datetime.fromtimestamp(moment, UTC).date().isoformat()
        return f"{day}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"


def _element(draft: Draft, now: int, stamps: _Stamps) -> Element:
    status, duration = draft.seen_at(now)
    here, there = draft.agent.number, draft.contact
    sender, receiver = (here, there) if draft.outbound else (there, here)
    ended = draft.start if draft.luck < 0.1 or status == "initiated" else draft.start + draft.ring + duration
    return {
        "id": draft.id,
        "sid": "CA" + draft.id.replace("-", "") if status != "initiated" else None,
        "to": receiver,
        "to_formatted": brazil.formatted(receiver),
        "from": sender,
        "from_formatted": brazil.formatted(sender),
        "is_testing": draft.testing,
        "direction": "outbound" if draft.outbound else "inbound",
        "status": status,
        "duration": duration,
        "agent": draft.agent.reference,
        "created_at": stamps(draft.start),
        "updated_at": stamps(ended),
    }


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
