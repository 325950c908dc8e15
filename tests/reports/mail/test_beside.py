"""What a report tells beside its answers, from a mirror of five weeks."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail

from portal.tenants import wall
from reports.definitions.periods import Period
from reports.mail.beside import campaigns_in_progress, seal
from reports.mail.models import Delivery, Subscription
from reports.mail.send import SendSummary, send_due
from reports.queries.question import Filters
from reports.queries.scope import Scope
from sync.models.calls import Call
from sync.models.campaigns import Campaign, CampaignDay
from tests.reports.mail.conftest import DUE

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


def send_next(acme) -> str:
    """The mail of the week after the one that was mirrored whole."""
    with wall.tenant(acme):
        Subscription.objects.update(hold_hours=0)
    mail.outbox.clear()
    assert send_due(DUE + WEEK) == SendSummary(due=1, sent=1)
    return mail.outbox[0].body


@pytest.mark.parametrize("changed", [False, True])
def test_a_mail_says_what_of_the_last_one_reads_otherwise(acme, weekly, changed):
    assert send_due(DUE) == SendSummary(due=1, sent=1)
    assert "No report of a period before was sent" in mail.outbox[0].body
    if changed:
        with wall.tenant(acme):
            calls = Call.objects.filter(started_at__gte=datetime(2026, 7, 8, tzinfo=UTC), status="no-answer")
            first = calls.order_by("started_at").first()
            Call.objects.filter(pk=first.pk).update(status="completed", duration_ms=60_000)
    said = send_next(acme)
    if changed:
        assert "- Of 6–12 Jul, reported last, these read otherwise today.\n- Connect rate: 72.7 % → 74.0 %\n" in said
    else:
        assert "- The main figures of 6–12 Jul stand as they were reported.\n" in said


def test_figures_made_of_other_filters_are_no_corrections(acme, weekly):
    send_due(DUE)
    with wall.tenant(acme):
        Subscription.objects.update(filters="direction=outbound")
    assert "No report of a period before was sent" in send_next(acme)


def test_a_report_that_was_not_sent_told_nobody_anything(acme, weekly):
    send_due(DUE)
    with wall.tenant(acme):
        Delivery.objects.update(state="suppressed")
    assert "No report of a period before was sent" in send_next(acme)


def test_a_seal_is_that_of_filters_and_rights():
    scope = Scope(1, "UTC", frozenset({3, 1, 2}), frozenset({9, 8}))
    same = Scope(1, "UTC", frozenset({2, 3, 1}), frozenset({8, 9}))
    assert seal(Filters(), scope) == seal(Filters(), same)
    others = [
        (Filters(direction="inbound"), scope),
        (Filters(), Scope(1, "UTC", frozenset({3, 1}), frozenset({9, 8}))),
        (Filters(), Scope(1, "UTC", frozenset({3, 1, 2}))),
        (Filters(), Scope(2, "UTC", frozenset({3, 1, 2}), frozenset({9, 8}))),
    ]
    assert len({seal(*each) for each in [(Filters(), scope), *others]}) == 5


def test_campaigns_in_progress_are_those_within_sight_that_began(acme, sales, care, mirrored):
    def campaign(environment, key, status, starts="2026-07-01"):
        row = Campaign.objects.create(
            tenant_id=environment.tenant_id,
            environment=environment,
            external_id=key,
            name=key,
            status=status,
            payload=f'{{"start_date": "{starts}"}}',
            digest=b"." * 16,
            total_calls=40,
            completed_calls=30,
            failed_calls=4,
            success_rate=75.0,
            first_seen_at=DUE,
            changed_at=DUE,
        )
        CampaignDay.objects.create(
            tenant_id=environment.tenant_id,
            environment=environment,
            campaign=row,
            day=date(2026, 7, 12),
            total_calls=40,
            completed_calls=30,
            failed_calls=4,
            success_rate=75.0,
        )

    with wall.tenant(acme):
        campaign(sales, "runs", "active")
        campaign(sales, "rests", "paused")
        campaign(sales, "over", "completed")
        campaign(sales, "later", "active", "2026-07-20")
        campaign(care, "elsewhere", "active")
        scope = Scope(acme.pk, acme.zone, frozenset({sales.pk}))
        week = Period(date(2026, 7, 6), date(2026, 7, 13), acme.zone)
        found = campaigns_in_progress(Filters(), week, scope, now=DUE)
        assert {each.history.row.name for each in found} == {"runs", "rests"}
        assert {each.totals.total for each in found} == {40}
