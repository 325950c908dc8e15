"""What the mail of an alert says: the figure with its n, the time it is of, which calls, the hours of the rule."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.people import User
from reports.alerts.models import Alert, AlertEvent
from reports.alerts.rules import OfficeHours
from reports.alerts.words import office, span
from sync.models.agents import Agent
from sync.models.calls import Call
from tests.reports.alerts.conftest import events, look, read_until, standing
from tests.reports.mail.conftest import DUE, HOUR

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english(acme, mirrored, ana):
    User.objects.filter(pk=ana.pk).update(language="en")
    read_until(acme, DUE)


def text_of(tenant) -> str:
    with wall.tenant(tenant):
        return Message.objects.order_by("-id")[0].text.replace("\xa0", " ")


def test_it_names_the_figure_the_days_and_the_calls_it_is_about(acme, mirrored, ana):
    filters = {"environment": str(mirrored.public_id), "direction": "outbound"}
    rule = {"when": "above", "metric": "attempts", "value": 1, "over": "last_week", "minimum_n": 5}
    standing(acme, ana, to=[ana.email], filters=filters, **rule)
    assert look(acme, DUE) == 1
    (event,) = events(acme)
    with wall.tenant(acme):
        week = (datetime(2026, 7, 6, 3, tzinfo=UTC), datetime(2026, 7, 13, 3, tzinfo=UTC))
        n = Call.objects.filter(started_at__gte=week[0], started_at__lt=week[1], direction="outbound").count()
    assert (event.begins, event.ends, event.n) == (*week, n)
    for line in (
        f"It is {n} (n = {n}).",
        "Period: 6–12 Jul 2026\n",
        "Looked at: 13 Jul, 08:00, São Paulo\n",
        "Environment: Sales\n",
        "Direction: outbound\n",
        "Test calls: left out\n",
        "At least so many calls: 5\n",
    ):
        assert line in text_of(acme), line
    with wall.tenant(acme):
        html = Message.objects.get().html
    assert "6–12 Jul 2026" in html
    assert "Sales" in html


def test_agents_are_named_and_who_chose_none_reads_the_environments(acme, mirrored, ana):
    with wall.tenant(acme):
        agent = Agent.objects.filter(environment=mirrored).order_by("id")[0]
    rule = {"when": "below", "metric": "attempts", "value": 1000, "over": "today"}
    standing(acme, ana, to=[ana.email], filters={"agent": str(agent.public_id)}, **rule)
    assert look(acme, DUE) == 1
    assert f"Agent: {agent}\n" in text_of(acme)
    assert "Environment: Sales\n" in text_of(acme)


def test_office_hours_stand_in_the_mail_with_the_hours_that_were_quiet(acme, mirrored, ana):
    at = datetime(2026, 7, 10, 16, 5, tzinfo=UTC)  # Friday, 13:05
    with wall.tenant(acme):
        Call.objects.all().delete()
    read_until(acme, at)
    standing(acme, ana, to=[ana.email], when="no_calls", over="last_2_hours")
    assert look(acme, at) == 1
    text = text_of(acme)
    assert "There were 0 calls." in text
    assert "Period: Fri 10 Jul 2026, 11:00–13:00\n" in text
    assert "Office hours: Mon–Fri · 9 to 18 h · not on Brazilian holidays\n" in text


def test_stale_data_tell_since_when_and_nothing_of_test_calls(acme, mirrored, ana):
    standing(acme, ana, to=[ana.email], when="stale", value=6)
    assert look(acme, DUE + 7 * HOUR) == 1
    text = text_of(acme)
    assert "Environments: Sales. The oldest was read 7.0 h ago." in text
    assert "Test calls" not in text


@pytest.mark.parametrize(
    ("begins", "ends", "told"),
    [
        ("2026-07-13T03:00", "2026-07-14T03:00", "Mon 13 Jul 2026"),
        ("2026-07-13T03:00", "2026-07-13T11:00", "Mon 13 Jul 2026, 00:00–08:00"),
        ("2026-07-14T02:00", "2026-07-14T03:00", "Mon 13 Jul 2026, 23:00–00:00"),
        ("2026-07-01T03:00", "2026-07-13T11:00", "1–13 Jul 2026, until 08:00"),
        ("2026-06-01T03:00", "2026-07-01T03:00", "1–30 Jun 2026"),
        ("2018-11-04T03:00", "2018-11-05T02:00", "Sun 4 Nov 2018"),  # a day that begins at one o'clock
    ],
)
def test_the_time_is_told_by_its_days(begins, ends, told):
    first, last = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (begins, ends))
    event = AlertEvent(alert=Alert(zone="America/Sao_Paulo"), begins=first, ends=last)
    assert span(event) == told


@pytest.mark.parametrize(
    ("days", "told"),
    [((1, 2, 3, 4, 5), "Mon–Fri"), ((1, 3, 5), "Mon, Wed, Fri"), ((1, 2, 6, 7), "Mon–Tue, Sat–Sun"), ((7,), "Sun")],
)
def test_weekdays_that_follow_one_another_are_a_span(days, told):
    assert office(OfficeHours("UTC", days, 9, 18, skips_holidays=False)) == f"{told} · 9 to 18 h"


def test_recovery_tells_what_is_so_now(acme, mirrored, ana):
    rule = {"when": "above", "metric": "attempts", "value": 1, "over": "last_week"}
    standing(acme, ana, to=[ana.email], **rule)
    look(acme, DUE)
    with wall.tenant(acme):
        Call.objects.all().delete()
    look(acme, DUE + timedelta(minutes=1))
    assert "This no longer holds: Attempts is above 1 · Last week. It is 0 (n = 0)." in text_of(acme)
