"""Five weeks of a company, mirrored from a sandbox up to a Monday, and what the vendors' own data say of them when they
are counted afresh.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client, override_settings

from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.people import Role, User
from portal.tenants.models.tenants import Tenant
from reports.mail.models import Subscription
from reports.mail.subscriptions import create_weekly
from sync.models.agents import Agent
from sync.sandbox.server import Sandbox
from tests.browser.town import AT_ONCE
from tests.conftest import member
from tests.journeys import faces, truth
from tests.journeys.acts import add_key, connect, pull, report_of

SAO_PAULO, KATHMANDU, NEW_YORK = "America/Sao_Paulo", "Asia/Kathmandu", "America/New_York"
ZONES = (SAO_PAULO, "UTC", KATHMANDU, NEW_YORK)
# Mondays on which the week before is reported: in each the clocks of New York changed on Sunday.
AUTUMN = datetime(2025, 11, 3, 13, 30, tzinfo=UTC)
SPRING = datetime(2026, 3, 9, 13, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAYS = 36  # the week, the four before it, and the whole month before the Monday
VENDORS_TOTALS = ("callbacks_received", "callbacks_answered", "callbacks_unmatched")
ORIGINSAI_ONLY = {"billed_minutes", "time_to_answer", "service_level"}
TURNS = tuple(f"{stage}_latency_p{n}" for stage in ("stt", "llm", "tts") for n in (50, 95))
CALLS = tuple(truth.figures(()))
HEADLINES = ("attempts", "connect_rate", "average_duration", "callbacks_received", "callbacks_answered")
BY_AGENT = ("attempts", "connect_rate", "average_duration", "talk_minutes")


@dataclass
class World:
    """A tenant filled from a sandbox, and ways for a reader to look at it."""

    tenant: Tenant
    box: Sandbox
    client: Any
    now: datetime
    environments: dict[str, str]  # vendor: public id
    key: str
    agents: dict[str, str] = field(default_factory=dict)  # vendor's id: public id

    def calls(self, at: datetime | None = None) -> list[truth.VendorCall]:
        at = at or self.now
        told = [truth.of_talkover(element, at) for element in self.box.world.calls.values()]
        for number in self.box.originsai_agents:
            told += [truth.of_originsai(element, at) for element in self.box.history.elements(number)]
        return [call for call in told if call is not None]

    def callbacks(self, first: date, last: date) -> dict[str, int]:
        catchers = {agent.id for agent in self.box.world.callback_agents}
        return truth.callbacks(self.box.world.calls.values(), catchers, set(self.box.world.returns), first, last)

    def set_zone(self, zone: str) -> None:
        self.tenant.zone = zone
        self.tenant.save()

    def api(self, **params: str) -> dict[str, Any]:
        answer = self.client.get("/api/v1/reports/query/", params, headers={"Authorization": f"Bearer {self.key}"})
        assert answer.status_code == 200, answer.content
        return json.loads(answer.content)

    def csv(self, **params: str) -> tuple[list[truth.VendorCall], Any]:
        answer = self.client.get("/api/v1/calls/csv/", params, headers={"Authorization": f"Bearer {self.key}"})
        assert answer.status_code == 200
        body = answer.getvalue().decode()
        return faces.csv_calls(body, {public_id: vendor for vendor, public_id in self.environments.items()}), answer

    def page(self, path: str = "", **params: str) -> faces.Sheet:
        answer = self.client.get(f"/t/{self.tenant.slug}/{path}", params, headers={"Accept-Language": "en"})
        assert answer.status_code == 200
        return faces.Sheet(answer.content.decode())

    def mail(self, filters: str = "", name: str = "Week") -> tuple[faces.Mail, faces.Mail]:
        """The weekly report that is due now, from its text and from its HTML."""
        message = self.message(filters=filters, name=name)
        parts = (message.subject, message.text, message.html)
        return faces.mail_of_text(*parts), faces.mail_of_html(*parts)

    def message(self, *, name: str = "Week", **wishes: Any) -> Message:
        """The weekly report that is due now, as it was put into the outbox."""
        self.subscribe(since=self.now - timedelta(days=1), name=name, **wishes)
        return self.next_message(self.now)

    def subscribe(self, *, since: datetime, name: str = "Week", **wishes: Any) -> None:
        """A weekly report to the owner, which waits for nothing."""
        subscription = create_weekly(self.tenant, "ana@acme.example", "en", name=name, since=since)
        with wall.tenant(self.tenant):
            Subscription.objects.filter(pk=subscription.pk).update(hold_hours=0, **wishes)

    def next_message(self, at: datetime) -> Message:
        """What is due at a time, and is one mail."""
        with wall.tenant(self.tenant):
            before = set(Message.objects.values_list("pk", flat=True))
        said = report_of("send_reports", "--at", at.isoformat())
        assert (said["sent"], said["failed"]) == (1, 0)
        with wall.tenant(self.tenant):
            return Message.objects.exclude(pk__in=before).get()


@contextmanager
def mirrored_by(now: datetime) -> Iterator[World]:
    """Five weeks, up to a Monday, with calls at the edges of days in every zone and some that are not over."""
    end = now - timedelta(minutes=10)
    first = (end - timedelta(days=DAYS)).date()
    box = Sandbox(days=DAYS, calls_per_day=18, seed=5, end=end, originsai_per_day=8)
    with box:
        # Mirrored at its own time: readings of a later one would be taken for those of a clock that was ahead.
        with override_settings(**AT_ONCE), pytest.MonkeyPatch.context() as patch, time_machine.travel(now, tick=False):
            filled = fill(box, patch, now, first=first, end=end)
        yield filled


def fill(box: Sandbox, patch: pytest.MonkeyPatch, now: datetime, *, first: date, end: datetime) -> World:
    tenant = Tenant.objects.create(slug="acme", name="Acme", zone=SAO_PAULO, language="pt-br")
    member(tenant, "ana@acme.example", Role.OWNER, numbers=True)
    put_on_edges(box, now)
    leave_open(box, now)
    environments = connect(patch, box, first)
    for public_id in environments.values():
        assert pull(public_id, first, end.date())[0] == 0
    filled = World(tenant, box, Client(), now, environments, add_key("faces"))
    with wall.tenant(tenant):
        rows = Agent.objects.values_list("external_id", "public_id")
        filled.agents = {external_id: str(public_id) for external_id, public_id in rows}
    return filled


@contextmanager
def seen(filled: World) -> Iterator[World]:
    """The world as one test finds it: its vendors answer, its owner is signed in, its clock stands."""
    with override_settings(**AT_ONCE), time_machine.travel(filled.now, tick=False):
        tenant, client = Tenant.objects.get(slug="acme"), Client()
        client.force_login(User.objects.get(email="ana@acme.example"))
        yield replace(filled, tenant=tenant, client=client)
    filled.box.set_faults()


def put_on_edges(box: Sandbox, now: datetime) -> None:
    """Calls in the last and first second of the week and its Sunday in each zone, and where a clock changes."""
    sunday = now.date() - timedelta(days=1)
    instants = set()
    for zone in ZONES:
        for day in (sunday - timedelta(days=6), sunday, sunday + timedelta(days=1)):
            midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
            instants |= {midnight - timedelta(seconds=1), midnight}
    instants |= {datetime(sunday.year, sunday.month, sunday.day, hour, 30, tzinfo=UTC) for hour in (4, 5, 6, 7, 8)}
    for at in sorted(instants):
        if at < now:
            box.world.insert(created_at=at.strftime("%Y-%m-%dT%H:%M:%SZ"), is_testing=False)
            times = {"initiation_time": at, "answer_time": at + timedelta(seconds=20), "end_time": at + HOUR}
            stamps = {name: moment.isoformat() for name, moment in times.items()}
            box.history.insert(8, call_status="ANSWERED", call_duration=60.25, billed_duration=66, **stamps)


def leave_open(box: Sandbox, now: datetime) -> None:
    """Calls whose end is not told: of this hour, of this morning, and of days ago."""
    for hours, status in ((1, "ringing"), (1, "answered"), (3, "answered"), (50, "initiated"), (72, "queued")):
        at = now - timedelta(hours=hours, minutes=1)
        box.world.insert(created_at=at.strftime("%Y-%m-%dT%H:%M:%SZ"), status=status, is_testing=False)
    for hours, status in ((1, "INITIATED"), (3, "ANSWERED"), (50, "ANSWERED"), (72, "QUEUED")):
        at = now - timedelta(hours=hours, minutes=1)
        box.history.insert(8, initiation_time=at.isoformat(), answer_time=None, end_time=None, call_status=status)


def expected(world: World, first: date, last: date, zone: str, **only: str) -> dict[str, float | None]:
    """All figures of local days, over one vendor's or one agent's calls if that is asked."""
    chosen = select(world.calls(), **only)
    vendors = {only["vendor"]} if "vendor" in only else {"talkover", "originsai"}
    if "agent" in only:
        vendors = {call.vendor for call in chosen}
    here = truth.within(chosen, first, last, zone)
    found = truth.figures(here) | truth.latencies(here)
    if "agent" in only or "talkover" not in vendors:
        found |= dict.fromkeys(VENDORS_TOTALS)
    else:
        found |= world.callbacks(first, last)
    if "originsai" not in vendors:
        found |= dict.fromkeys((*ORIGINSAI_ONLY, *TURNS))
    return found


def select(calls: list[truth.VendorCall], vendor: str = "", agent: str = "") -> list[truth.VendorCall]:
    return [call for call in calls if vendor in ("", call.vendor) and agent in ("", call.agent)]


def params_of(world: World, first: date, last: date, **only: str) -> dict[str, str]:
    params = {"date_from": first.isoformat(), "date_to": last.isoformat()}
    if "vendor" in only:
        params["environment"] = world.environments[only["vendor"]]
    if "agent" in only:
        params["agent"] = world.agents[only["agent"]]
    return params


def close(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)


def week_of(world: World) -> tuple[date, date]:
    monday = world.now.date() - timedelta(days=7)
    return monday, monday + timedelta(days=6)


def by_hour(calls: list[truth.VendorCall], zone: str) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for call in calls:
        local = call.start.astimezone(ZoneInfo(zone))
        place = (local.isoweekday(), local.hour)
        found[place] = found.get(place, 0) + 1
    return found
