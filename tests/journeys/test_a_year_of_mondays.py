"""A year of Mondays in eight zones: each reader of each weekly mail gets each week once, whatever happens meanwhile.

Two beats tick, four workers make and send, hints are lost, doubled and late, processes die at random points, hosts are
down for hours and for weeks, and the mail server refuses, stalls and drops at every verb. What is then in the readers'
boxes is compared with a calendar of this file's own, made of the rules of the zones alone.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db.models.functions import Now

from portal.outbox import post
from portal.outbox import tasks as outbox_tasks
from portal.outbox.models import Message
from portal.outbox.smtp import SmtpBackend
from portal.tenants import wall
from reports.columns.refresh import refresh_tenant
from reports.mail import send
from reports.mail import tasks as mail_tasks
from reports.mail.models import Delivery, MissedPeriods, Subscription
from reports.mail.subscriptions import add_recipient, create_weekly
from sync.models.connections import Connection
from sync.models.runs import Window
from tests import factories
from tests.conftest import member
from tests.portal.outbox.sink import Sink

ZONES = (
    "UTC",
    "America/Sao_Paulo",
    "America/New_York",  # clocks change in March and November
    "Europe/Berlin",  # clocks change in March and October
    "Asia/Kolkata",  # half an hour beside the others
    "Australia/Lord_Howe",  # clocks change by half an hour, the other way round
    "Pacific/Auckland",
    "Asia/Tokyo",
)
READERS = ("ana", "bruno")
HOUR = 8
WEEK = timedelta(days=7)
PAST = timedelta(days=70)  # that a mail compares with: the mirror begins so long before


@dataclass(frozen=True)
class Stretch:
    """The Mondays on which mails are due, and those on which every host was down."""

    first: date
    weeks: int
    down: frozenset[int] = frozenset()

    @property
    def mondays(self) -> list[date]:
        return [self.first + number * WEEK for number in range(self.weeks)]


SPRING = Stretch(date(2026, 3, 2), 6, frozenset({3}))  # clocks change on 8 and 29 March and on 5 April
AUTUMN = Stretch(date(2026, 9, 21), 7, frozenset({2, 3}))  # the others': 27 September, 4 and 25 October, 1 November
YEAR = Stretch(date(2026, 1, 5), 53, frozenset({5, 20, 21, 22, 40, 41}))


class Killed(BaseException):
    """Stands for a process that ends on the spot: nothing catches it."""


SPARED = 10  # visits of a verb after which chance has spared it for long enough


class Moods(dict[str, str]):
    """What the mail server answers: in one of its moods anew at each verb, by chance, but sooner or later at each."""

    BAD = {
        "CONNECT": ("421 too busy", "drop"),
        "EHLO": ("421 closing", "drop"),
        "MAIL": ("451 later", "550 not you", "drop"),
        "RCPT": ("450 later", "421 closing", "drop"),
        "DATA": ("451 later", "421 closing", "drop"),
        "END": ("451 later", "452 full", "drop", "hang"),
    }

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.chance = chance
        self.share = 0.0
        self.moods: Counter[str] = Counter()
        self.visits: Counter[str] = Counter()

    def get(self, verb: str, good: str = "") -> str:  # type: ignore[override]
        if verb not in self.BAD or not self.share:
            return good
        self.visits[verb] += 1
        often = 4 if verb == "END" else 1  # what comes after the message is the hardest to bear
        is_spared = self.visits[verb] == SPARED and not any(mood.startswith(verb) for mood in self.moods)
        if self.chance.random() >= self.share * often and not is_spared:
            return good
        answer = self.chance.choice(self.BAD[verb])
        self.moods[f"{verb} {answer}"] += 1
        return answer


def local(day: date, zone: str, hour: int = 0) -> datetime:
    return datetime.combine(day, time(hour), ZoneInfo(zone)).astimezone(UTC)


@pytest.fixture
def chance() -> random.Random:
    return random.Random(20260112)


@pytest.fixture
def server(settings, chance) -> Iterator[Sink]:
    with Sink() as sink:
        sink.answers = Moods(chance)
        settings.EMAIL_BACKEND = "portal.outbox.smtp.SmtpBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
        settings.EMAIL_TIMEOUT = 0.2
        yield sink


@pytest.fixture
def mirrored(acme, sales, stretch) -> list[datetime]:
    """Months that were read whole, with a call at each side of the edges of each zone's weeks; when they began."""
    edges = [stretch.first - WEEK, *stretch.mondays]
    begun = [local(day, zone) + timedelta(seconds=beside) for day in edges for zone in ZONES for beside in (-1, 0)]
    start = stretch.first - PAST
    with wall.tenant(acme):
        ours = {"tenant": acme, "environment": sales}
        Connection.objects.create(
            **ours, provider=sales.provider, base_url="https://vendor.example/api/v1", token="secret", since=start
        )
        with factories.at_once():
            for number, at in enumerate(begun):
                factories.call(sales, f"c{number}", started_at=at)
        days = [start + timedelta(days=n) for n in range((stretch.mondays[-1] - start).days + 2)]
        read = {"state": "complete", "vendor_total": 0, "mirrored": 0, "read_at": datetime(2027, 2, 1, tzinfo=UTC)}
        Window.objects.bulk_create(
            Window(**ours, stream=stream, part=day.isoformat(), day=day, **read)
            for day in days
            for stream in ("calls", "callbacks")
        )
        refresh_tenant()
    return begun


@pytest.fixture
def subscribed(acme, mirrored, ana, stretch) -> dict[int, str]:
    """The zones of a weekly mail each, for two readers. Every second one makes up for what it missed."""
    bruno = member(acme, "bruno@acme.example", "viewer")
    zones = {}
    for place, zone in enumerate(ZONES):
        row = create_weekly(acme, ana.email, "en", name=f"Week of {zone}", since=local(stretch.first, "UTC"))
        missed = MissedPeriods.EACH if place % 2 else MissedPeriods.LATEST
        due = local(stretch.first, zone, HOUR)
        with wall.tenant(acme):
            Subscription.objects.filter(pk=row.pk).update(
                zone=zone, hour=HOUR, hold_hours=0, next_due=due, missed=missed
            )
            add_recipient(row, bruno.email, language="pt-br")
        zones[row.pk] = zone
    return zones


class Hosts:
    """Two beats and the workers that take their hints in any order. At any step one of them may die."""

    DEADLY = (
        (send.deliveries, "open_due"),
        (send.deliveries, "claim"),
        (send.deliveries, "settle"),
        (send, "make"),
        (post, "put"),
        (SmtpBackend, "open"),
        (SmtpBackend, "hand_over"),
        (post, "_settle"),
    )

    def __init__(self, tenant: int, chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tenant, self.chance = tenant, chance
        self.hints: list[tuple[Callable[..., object], tuple[int, ...]]] = []
        self.risk, self.deaths = 0.0, 0
        for tasks in (mail_tasks, outbox_tasks):
            monkeypatch.setattr(tasks, "hint", self.hint)
        for place, name in self.DEADLY:
            monkeypatch.setattr(place, name, self._deadly(getattr(place, name)))

    def _deadly(self, real: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object, **kwargs: object) -> object:
            if self.chance.random() < self.risk / 2:
                raise Killed
            answer = real(*args, **kwargs)
            if self.chance.random() < self.risk / 2:
                raise Killed
            return answer

        return step

    def hint(self, task: Callable[..., object], *ids: int, **_: object) -> bool:
        """Some hints are lost, and some come more than once."""
        self.hints += [(task, ids)] * self.chance.choice((0, 1, 1, 1, 1, 1, 2, 3))
        return True

    def minute(self) -> None:
        for tick in (mail_tasks.send_reports, mail_tasks.send_reports, outbox_tasks.sweep_outbox):
            self._run(tick)
            while self.hints:
                task, ids = self.hints.pop(self.chance.randrange(len(self.hints)))
                self._run(task, *ids)

    def _run(self, task: Callable[..., object], *ids: int) -> None:
        try:
            task(*ids)
        except Killed:
            self.deaths += 1

    def later(self) -> None:
        """Hours pass: the claims of the dead run out, and what was put off is due."""
        with wall.tenant(self.tenant):
            past = Now() - timedelta(seconds=1)
            Delivery.objects.exclude(claimed_until=None).update(claimed_until=past)
            Message.objects.exclude(claimed_until=None).update(claimed_until=past)
            Message.objects.exclude(next_attempt_at=None).update(next_attempt_at=past)


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "stretch",
    [
        pytest.param(SPRING, id="spring"),
        pytest.param(AUTUMN, id="autumn", marks=pytest.mark.long),
        pytest.param(YEAR, id="year", marks=pytest.mark.long),
    ],
)
def test_each_week_is_in_each_readers_box_once(acme, mirrored, subscribed, stretch, server, chance, monkeypatch):
    moods, hosts = server.answers, Hosts(acme.pk, chance, monkeypatch)
    for number, monday in enumerate(stretch.mondays):
        if number in stretch.down:
            continue
        for due in sorted(local(monday, zone, HOUR) for zone in ZONES):
            with time_machine.travel(due - timedelta(seconds=1), tick=False):
                hosts.minute()
            moods.share, hosts.risk, server.keep = 0.04, 0.02, chance.random() < 0.5
            with time_machine.travel(due + timedelta(seconds=chance.randrange(3000)), tick=False):
                hosts.minute()
            moods.share = hosts.risk = 0.0
        for hours in (30, 36, 42, 48):
            hosts.later()
            with time_machine.travel(local(monday, "UTC", 0) + timedelta(hours=hours), tick=False):
                hosts.minute()

    received = Counter(mail["Message-ID"] for mail in server.mails)
    assert max(received.values()) == 1
    with wall.tenant(acme):
        rows = list(Delivery.objects.select_related("recipient", "message", "subscription"))
    weeks = Counter((subscribed[row.subscription_id], row.period_start, row.period_end) for row in rows)
    assert weeks == Counter(dict.fromkeys(expected(stretch), len(READERS)))
    assert len({(row.subscription_id, row.period_start, row.recipient_id) for row in rows}) == len(rows)
    for row in rows:
        zone = row.zone
        start, end = local(row.period_start, zone), local(row.period_end, zone)
        assert row.snapshot["figures"]["totals"]["attempts"][0] == sum(start <= at < end for at in mirrored), zone
        assert row.late or (row.period_end - stretch.first) // WEEK not in stretch.down, (zone, row.period_end)
        assert row.message.state in ("sent", "unknown"), row.message.last_reply
        if row.message.state == "sent":
            assert received[row.message.message_id] == 1
    assert sum(row.late for row in rows) < len(rows) / 2  # who made it died, or all were down
    assert Counter(row.message.state for row in rows)["sent"] > 0.75 * len(rows)
    assert {mood.split()[0] for mood in moods.moods} == set(Moods.BAD)  # it was in a bad mood at every verb
    kept = {bool(received[row.message.message_id]) for row in rows if row.message.state == "unknown"}
    assert kept == {True, False}  # and of what got no answer it took some and some not
    assert hosts.deaths > len(rows) / 20


def expected(stretch: Stretch) -> Iterator[tuple[str, date, date]]:
    """Zone, first day and day after the last of each week that is to be mailed: of those that ended while all hosts
    were down, every one where that is asked for, and elsewhere the latest."""
    for place, zone in enumerate(ZONES):
        for number, monday in enumerate(stretch.mondays):
            if place % 2 or not {number, number + 1} <= stretch.down:
                yield zone, monday - WEEK, monday
