"""On which days rules about the data would have fired: the preview afterwards against looks taken while it happened."""

from datetime import UTC, date, datetime, timedelta

import pytest

from portal.tenants import wall
from reports.alerts import acts
from reports.alerts.models import Alert
from reports.alerts.preview import preview
from reports.alerts.wishes import plan_of, subject_of
from sync.models.connections import Connection
from sync.models.runs import Gap, Run, Window
from tests.reports.alerts.conftest import author, events, look, standing
from tests.reports.mail.conftest import HOUR

pytestmark = pytest.mark.django_db
QUARTER = timedelta(minutes=15)
BEGIN = datetime(2026, 7, 6, 3, tzinfo=UTC)  # midnight of São Paulo
END = BEGIN + timedelta(days=4)
# When nothing was read, when something was missing, when the token was refused: (from, until), in hours.
SILENCE = [(10, 19.5), (40, 41), (70, 77)]
GAPS = [(5, 7), (20, 31), (50, 52.5), (60, 96)]
REFUSED = [(12, 14), (80, 90)]


@pytest.fixture
def connection(acme, mirrored):
    with wall.tenant(acme):
        Run.objects.all().delete()
        Gap.objects.all().delete()
        Connection.objects.update(created_at=BEGIN - 300 * HOUR)
        return Connection.objects.get(environment=mirrored)


def at(hours: float) -> datetime:
    return BEGIN + hours * HOUR


def within(spans, moment) -> bool:
    return any(at(first) <= moment < at(last) for first, last in spans)


def run(connection, started, **more) -> Run:
    values = {"stream": "calls", "state": "complete", "finished_at": started, "windows_complete": 1} | more
    ours = {"tenant_id": connection.tenant_id, "environment_id": connection.environment_id, "connection": connection}
    return Run.objects.create(**ours, started_at=started, **values)


def fired_on(tenant, user, alert, moment=END) -> list[date]:
    with wall.tenant(tenant):
        by, row = author(tenant, user), Alert.objects.get(pk=alert.pk)
        plan = plan_of(row)
        return preview(subject_of(plan, by.scope), by.scope, moment, silence=acts.silence(plan))


def local(moment: datetime) -> date:
    return (moment - 3 * HOUR).date()


@pytest.mark.parametrize(
    ("when", "value", "cool_down"),
    [("stale", 6, 0), ("stale", 0.5, 600), ("gap", 3, 0), ("gap", 1, 900), ("rejected", None, 0)],
)
def test_the_preview_tells_the_days_on_which_it_did_fire(acme, mirrored, ana, connection, when, value, cool_down):
    rule = {"when": when, "cool_down": cool_down, "webhook": "", "to": [ana.email]}
    alert = standing(acme, ana, **rule, **({"value": value} if value else {}))
    moment = BEGIN
    with wall.tenant(acme):
        run(connection, BEGIN - QUARTER)
        Window.objects.update(read_at=BEGIN - QUARTER)
        ours = {"tenant": acme, "environment": mirrored, "stream": "calls", "fault": "server_error"}
        opened: dict[int, Gap] = {}
        refused = False
        while moment < END:
            if not within(SILENCE, moment) and not within(REFUSED, moment):
                run(connection, moment)
                Window.objects.update(read_at=moment)
            for number, (first, last) in enumerate(GAPS):
                if moment == at(first):
                    opened[number] = Gap.objects.create(**ours, part=f"p{number}", opened_at=moment)
                if moment == at(last):
                    Gap.objects.filter(pk=opened[number].pk).update(closed_at=moment)
            if within(REFUSED, moment) != refused:
                refused = not refused
                if refused:
                    run(connection, moment, state="failed", fault="rejected", windows_complete=0)
                state = "rejected" if refused else "ok"
                Connection.objects.filter(pk=connection.pk).update(state=state, state_since=moment)
            look(acme, moment)
            moment += QUARTER
    seen = fired_on(acme, ana, alert)
    lived = [(event.at, event.places) for event in events(acme) if event.kind == "fired"]
    assert len(lived) >= 2
    expected = sorted({local(each) for each, _ in lived})
    assert [day for day in seen.fired_on if day >= local(BEGIN)] == expected
    told = [firing for firing in seen.firings if firing.at >= BEGIN]
    assert len(told) == len(lived)
    for firing, (moment, places) in zip(told, lived, strict=True):
        assert abs(firing.at - moment) <= QUARTER
        assert list(firing.seen.places) == places == ["Sales"]
    assert not set(seen.unknown) & {local(BEGIN + number * 24 * HOUR) for number in range(4)}


def test_days_before_the_connection_was_made_are_unknown(acme, mirrored, ana, connection):
    alert = standing(acme, ana, when="rejected", to=[ana.email])
    with wall.tenant(acme):
        Connection.objects.update(created_at=END - timedelta(days=5))
    seen = fired_on(acme, ana, alert)
    assert len(seen.unknown) == 23
    assert max(seen.unknown) < local(END) - timedelta(days=5)


def test_where_some_days_were_read_and_others_not_nothing_is_said_of_old_data(acme, mirrored, ana, connection):
    """A run that read but a part of what was due may have read the newest day, or not."""
    alert = standing(acme, ana, when="stale", value=6, to=[ana.email])
    with wall.tenant(acme):
        run(connection, END - 50 * HOUR)
        for hours in range(1, 49):
            run(connection, END - hours * HOUR, state="partial", windows_incomplete=1)
        Run.objects.filter(started_at=END - 50 * HOUR).update(finished_at=END - 49 * HOUR)
    seen = fired_on(acme, ana, alert)
    last = local(END) - timedelta(days=1)
    assert last in seen.unknown
    assert last not in seen.fired_on


def test_a_token_that_a_person_found_refused_counts_from_then(acme, mirrored, ana, connection):
    alert = standing(acme, ana, when="rejected", to=[ana.email])
    with wall.tenant(acme):
        run(connection, END - 40 * HOUR)
        Connection.objects.update(state="rejected", state_since=END - 30 * HOUR)
    seen = fired_on(acme, ana, alert)
    assert [firing.at for firing in seen.firings] == [END - 30 * HOUR]


def test_a_paused_connection_is_no_news(acme, mirrored, ana, connection):
    alert = standing(acme, ana, when="stale", value=6, to=[ana.email])
    with wall.tenant(acme):
        Connection.objects.update(state="paused", state_since=BEGIN)
    seen = fired_on(acme, ana, alert)
    assert seen.firings == ()
    assert len(seen.unknown) == 28
