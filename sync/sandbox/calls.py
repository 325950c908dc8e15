"""Talkover calls of one day, drawn from a seed that names tenant and day.

A day's draw never depends on where a world begins or ends: a sandbox that starts again tomorrow tells the same history.
Outbound contacts are chains: attempts until someone answers, the retries run out, or the contact rings back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import exp, log
from random import Random

from sync.sandbox import brazil
from sync.sandbox.cast import TENANTS, Agent, Campaign, Tenant

DAY = 86_400
_DIALLING = brazil.Hours(brazil.DIALLING)
_RINGING = brazil.Hours(brazil.RINGING)
_OFFSET = int(brazil.OFFSET.total_seconds())
_PER_CHAIN = 1.36  # calls a chain has on average, its return included
_INBOUND = 0.20  # share of calls nobody was dialled for
_TESTING = 0.03
_RETURNS = 0.17  # unreached attempts after which the contact rings back
_LATEST_RETURN = 3 * DAY - 60  # from the start of the attempt: within the hours in which a portal counts it as a return
_RETRIES = 3
_LINGERS = 0.15  # calls of the last hour whose end the vendor has not told yet
_STUCK = 0.0006  # calls whose end it never tells
_STAFF = "+5511900000001"


@dataclass(slots=True)
class Draft:
    """A call as it will have been once it is over. Times are Unix seconds."""

    id: str
    start: int
    agent: Agent
    outbound: bool
    contact: str
    status: str
    ring: int
    talk: int
    luck: float  # 0..1, the same for the same call: decides what is not worth a field of its own
    testing: bool = False
    campaign: str = ""
    attempt: int = 0
    answers: str = ""  # the outbound call this one returns

    def seen_at(self, now: int) -> tuple[str, int]:
        """Status and duration as the vendor tells them at ``now``."""
        elapsed = now - self.start
        if self.luck < _STUCK:
            return "initiated", 0
        if elapsed < 3600:
            over = self.ring + self.talk
            if self.luck > 1 - _LINGERS:
                over = 3600
            if elapsed < over:
                if self.status == "completed" and elapsed >= self.ring:
                    return "answered", min(elapsed - self.ring, max(self.talk, 1))
                return ("initiated", 0) if elapsed < 3 else ("ringing", 0)
        return self.status, self.talk


class Days:
    """The days of one tenant: ``draw(day)`` gives the calls that begin that local day, and their sequels."""

    def __init__(
        self, tenant: Tenant, *, seed: int, per_day: float, campaigns: list[tuple[Campaign, date, date]]
    ) -> None:
        self.tenant = tenant
        self.seed = seed
        self.per_day = per_day
        self._campaigns = campaigns
        live = [agent for agent in tenant.agents if agent.status == "published"]
        self._outbound = [agent for agent in live if agent.direction == "outbound"]
        self._inbound = [agent for agent in live if agent.direction == "inbound" and not agent.sources]
        self._callback = {source: agent for agent in live for source in agent.sources}
        self._catchers = [agent for agent in live if agent.sources]
        # People who ring now and then and are never dialled.
        pool = Random(f"{seed}/{tenant.name}/regulars")  # noqa: S311
        shift = list(TENANTS).index(tenant.name)
        self._regulars = [brazil.mobile(pool, 9_960_000 + 2 * person + shift) for person in range(400)]

    def draw(self, day: date) -> Iterator[Draft]:
        rng = Random(f"{self.seed}/{self.tenant.name}/{day}")  # noqa: S311
        expected = self.per_day * brazil.volume(day) * (0.94 + 0.12 * rng.random())
        midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - _OFFSET
        contacts = _Contacts(rng, self.tenant, day)
        inbound = round(expected * _INBOUND)
        for _ in range(round(expected * (1 - _INBOUND) / _PER_CHAIN)):
            yield from self._chain(rng, day, midnight, contacts)
        for _ in range(inbound):
            yield self._incoming(rng, midnight, contacts)

    def _chain(self, rng: Random, day: date, midnight: int, contacts: "_Contacts") -> Iterator[Draft]:
        agent = _by_share(rng, self._outbound)
        campaign = self._campaign(agent, day, rng.random())
        contact = contacts.fresh()
        testing = rng.random() < _TESTING
        start = midnight + _DIALLING.draw(rng)
        reach = agent.reach * (0.62 if brazil.is_bad(day) else 1.0)
        attempt = 0
        while True:
            call = _outbound(rng, agent, start, reach + 0.05 * attempt)
            call.contact, call.campaign, call.attempt = contact, campaign, attempt
            if testing:
                call.contact, call.campaign, call.testing = _STAFF, "", True
            yield call
            if call.status == "completed" or testing:
                return
            catcher = self._callback.get(agent.id)
            if catcher is not None and rng.random() < _RETURNS:
                yield _returned(rng, call, catcher)
                return
            if attempt >= _RETRIES or rng.random() < 0.48:
                return
            attempt += 1
            start = _later(rng, start)

    def _incoming(self, rng: Random, midnight: int, contacts: "_Contacts") -> Draft:
        start = midnight + _RINGING.draw(rng)
        if self._catchers and rng.random() < 0.05:  # somebody rings the callback line though nobody dialled him
            return _answer(rng, rng.choice(self._catchers), start, contacts.fresh())
        contact = rng.choice(self._regulars) if rng.random() < 0.3 else contacts.fresh()
        return _answer(rng, _by_share(rng, self._inbound), start, contact)

    def _campaign(self, agent: Agent, day: date, luck: float) -> str:
        """The campaign that dials, if one does. The calls themselves do not depend on it."""
        for campaign, first, last in self._campaigns:
            if campaign.agent == agent.id and first <= day <= last and luck < 0.8:
                return campaign.id
        return ""


class _Contacts:
    """Numbers nobody else has: a chain's contact is never met by accident in another chain, nor in another tenant."""

    def __init__(self, rng: Random, tenant: Tenant, day: date) -> None:
        self._rng = rng
        self._tenant = list(TENANTS).index(tenant.name)
        self._next = day.toordinal() % 199 * 25_000

    def fresh(self) -> str:
        self._next += 1
        return brazil.mobile(self._rng, self._next * 2 + self._tenant)


def _outbound(rng: Random, agent: Agent, start: int, reach: float) -> Draft:
    draw = rng.random()
    if draw < reach:
        status, ring, talk = "completed", 4 + int(rng.random() * 18), _talk(rng, agent.talk)
    else:
        rest = (draw - reach) / (1 - reach)
        status = "no-answer" if rest < 0.62 else "busy" if rest < 0.82 else "failed"
        ring, talk = (30 + int(rng.random() * 16), 0) if status == "no-answer" else (2 + int(rng.random() * 5), 0)
    return Draft(_uuid(rng), start, agent, True, "", status, ring, talk, rng.random())


def _answer(rng: Random, agent: Agent, start: int, contact: str) -> Draft:
    draw = rng.random()
    status = "completed" if draw < 0.92 else "no-answer" if draw < 0.965 else "failed" if draw < 0.99 else "busy"
    talk = _talk(rng, agent.talk) if status == "completed" else 0
    return Draft(_uuid(rng), start, agent, False, contact, status, 1 + int(rng.random() * 5), talk, rng.random())


def _returned(rng: Random, missed: Draft, catcher: Agent) -> Draft:
    """The contact rings back: half of those who do within forty minutes, the last after three days, none at night."""
    delay = min(max(rng.lognormvariate(log(2400), 1.5), 45), 2.6 * DAY)
    start = missed.start + missed.ring + int(delay)
    local = (start + _OFFSET) % DAY
    if local < 7 * 3600 or local > 22 * 3600:
        morning = start - local + (DAY if local > 22 * 3600 else 0)
        start = morning + 7 * 3600 + 1200 + int(rng.random() * 7200)
    start = min(start, missed.start + _LATEST_RETURN)  # dialled by day, so this is by day, too
    call = _answer(rng, catcher, start, missed.contact)
    call.answers = missed.id
    return call


def _later(rng: Random, start: int) -> int:
    """When the next attempt is dialled: some hours on, or another working day."""
    again = start + 9000 + int(rng.random() * 9000)
    if rng.random() < 0.5 and (again + _OFFSET) % DAY < 19 * 3600:
        return again
    midnight = (start + _OFFSET) // DAY * DAY
    day = brazil.office_day(datetime.fromtimestamp(midnight, UTC).date() + timedelta(days=1))
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - _OFFSET + _DIALLING.draw(rng)


def _talk(rng: Random, median: float) -> int:
    """Seconds: log-normal, with a share who hang up at once, and an end after an hour."""
    if rng.random() < 0.11:
        return 2 + int(rng.random() * 8)
    return min(max(int(median * exp(rng.gauss(0, 0.75))), 3), 3600)


def _by_share(rng: Random, agents: list[Agent]) -> Agent:
    point = rng.random()
    for agent in agents:
        point -= agent.share
        if point < 0:
            return agent
    return agents[-1]


def _uuid(rng: Random) -> str:
    word = f"{rng.getrandbits(128):032x}"
    return f"{word[:8]}-{word[8:12]}-4{word[13:16]}-a{word[17:20]}-{word[20:]}"
