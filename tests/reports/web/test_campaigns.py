"""Campaigns: the vendor's figures, the course of the days kept, and what the named calls show."""

import json
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.tenants import wall
from portal.tenants.models.people import Membership, User
from reports.queries.campaigns.calls import ages, campaign_calls
from reports.queries.campaigns.lists import campaigns, detail, histories, siblings
from reports.queries.campaigns.progress import during, progress
from reports.queries.scope import Scope
from reports.web.campaigns.views import Course, course
from sync.models.campaigns import Campaign, CampaignCall, CampaignDay
from tests import factories

NOON = datetime(2026, 7, 13, 15, 0, tzinfo=UTC)  # a Monday noon in Sao Paulo
SCOPE_ZONE = "America/Sao_Paulo"


@pytest.fixture(autouse=True)
def _on_monday():
    with time_machine.travel(NOON, tick=False):
        yield


def campaign(environment, key: str = "k-1", **fields) -> Campaign:
    fields = {"name": key.title(), "status": "active", "changed_at": NOON, "payload": "{}"} | fields
    return Campaign.objects.create(tenant_id=environment.tenant_id, environment=environment, external_id=key, **fields)


def name(row: Campaign, *keys: str) -> None:
    for key in keys:
        CampaignCall.objects.create(
            tenant_id=row.tenant_id, environment_id=row.environment_id, campaign=row, call_key=key
        )


def kept(row: Campaign, day: date, total: int) -> None:
    CampaignDay.objects.create(
        tenant_id=row.tenant_id, environment_id=row.environment_id, campaign=row, day=day, total_calls=total
    )


def dial(environment, plan: str, *, start: datetime = NOON - timedelta(days=5)) -> list[str]:
    """Calls as ``A- A+ B-``: contact A unreached, then connected, B unreached; an hour apart. Their ids."""
    keys = []
    for place, (contact, result) in enumerate(plan.split()):
        key = f"{environment.name}-{start:%d}-{place}"
        factories.call(
            environment,
            key,
            status="completed" if result == "+" else "no-answer",
            started_at=start + timedelta(hours=place),
            to_number="" if contact == "?" else f"+551198765{ord(contact):04}",
        )
        keys.append(key)
    return keys


@pytest.fixture
def scope(acme, sales, care):
    return Scope(acme.pk, SCOPE_ZONE, frozenset({sales.pk, care.pk}), sees_numbers=True)


@pytest.mark.usefixtures("behind_acme")
class TestCallsOfACampaign:
    def test_attempts_are_numbered_contact_by_contact(self, sales, scope) -> None:
        row = campaign(sales)
        name(row, *dial(sales, "A- B- A+ C+ A+ B- ?-"), "never-mirrored")
        found = campaign_calls(row, scope, now=NOON)
        assert (found.named.calls, found.named.mirrored, found.total) == (8, 7, 7)
        assert found.effort.attempts == {1: 1, 2: 1, 3: 1}  # C, B, A; the withheld number is nobody's
        assert found.effort.first_connect == {1: 1, 2: 1}  # C at once, A at the second attempt, B never
        assert (found.effort.mean_attempts, found.effort.mean_first_connect) == (2.0, 1.5)

    def test_test_calls_and_unnamed_calls_do_not_count(self, sales, scope) -> None:
        row = campaign(sales)
        keys = dial(sales, "A- A+ B+")
        factories.call(sales, "trial", is_test=True, started_at=NOON)
        name(row, keys[0], "trial")
        found = campaign_calls(row, scope, now=NOON)
        assert (found.named.mirrored, found.named.tests, found.total) == (2, 1, 1)
        assert found.effort.attempts == {1: 1}

    def test_a_call_of_the_same_id_elsewhere_is_another(self, sales, care, scope) -> None:
        row = campaign(sales)
        factories.call(care, "twin", started_at=NOON - timedelta(days=1))
        name(row, "twin")
        assert campaign_calls(row, scope, now=NOON).named.mirrored == 0

    def test_ages_are_counted_from_the_first_call(self, sales, scope) -> None:
        old, young = campaign(sales, "old"), campaign(sales, "young")
        name(
            old,
            *dial(sales, "A- B+", start=NOON - timedelta(days=9)),
            *dial(sales, "C+", start=NOON - timedelta(days=7)),
        )
        name(young, *dial(sales, "D- E- F+ G+", start=NOON - timedelta(days=2)))
        found = ages([young, old], scope, now=NOON)
        assert [(age.number, age.calls, age.connected) for age in found[old.pk]] == [(1, 2, 1), (2, 2, 1), (3, 3, 2)]
        assert [(age.number, age.day, age.connect_rate) for age in found[young.pk]] == [(1, date(2026, 7, 11), 50.0)]

    def test_a_campaign_that_is_mirrored_in_part_is_not_compared(self, sales, scope) -> None:
        whole, part = campaign(sales, "whole"), campaign(sales, "part")
        name(whole, *dial(sales, "A- B+"))
        name(part, *dial(sales, "C-", start=NOON - timedelta(days=3)), "lost-1", "lost-2")
        assert set(ages([whole, part], scope, now=NOON)) == {whole.pk}

    def test_queries_do_not_grow_with_the_calls(self, sales, scope) -> None:
        row = campaign(sales)
        name(row, *dial(sales, "A- B+"))
        with CaptureQueriesContext(
            connection,
        ) as few:
            campaign_calls(row, scope, now=NOON)
        name(row, *dial(sales, "C- D+ " * 20, start=NOON - timedelta(days=2)))
        with CaptureQueriesContext(connection) as many:
            campaign_calls(row, scope, now=NOON)
        assert len(many) == len(few) <= 12


@pytest.mark.usefixtures("behind_acme")
class TestWhatTheVendorTells:
    def test_readers_of_some_agents_see_their_campaigns_alone(self, acme, sales, scope) -> None:
        mine, other = factories.agent(sales, "mine"), factories.agent(sales, "other")
        seen = campaign(sales, "seen", agent=mine)
        campaign(sales, "hidden", agent=other)
        campaign(sales, "nobody's")
        narrow = Scope(acme.pk, SCOPE_ZONE, scope.environment_ids, frozenset({mine.pk}))
        assert list(campaigns(narrow)) == [seen]
        assert list(siblings(seen, narrow, 5)) == []

    def test_files_tell_how_far_the_list_is_worked(self, sales) -> None:
        files = '{"files": [{"total_records": 40, "processed_records": 30}, {"total_records": 10}, 7, null]}'
        found = detail(campaign(sales, detail_payload=files))
        assert (found.records, found.worked) == (50, 30)

    @pytest.mark.parametrize(
        "payload", ["", "[]", '{"files": 7, "stats": []}', '{"files": [{"total_records": "x"}]}', "{"]
    )
    def test_an_unknown_form_is_not_told(self, sales, payload) -> None:
        assert detail(campaign(sales, detail_payload=payload)).records is None

    def test_the_course_is_what_the_period_added(self, sales, scope) -> None:
        row = campaign(sales)
        for day, total in ((1, 10), (5, 40), (8, 60), (12, 60), (13, 55)):
            kept(row, date(2026, 7, day), total)

        def drawn(first: int, last: int) -> Course:
            period = during(date(2026, 7, first), date(2026, 7, last), SCOPE_ZONE, now=NOON)
            (found,) = progress(histories([row], scope), scope, period, None)
            return course(found.growth, NOON.date())

        week = drawn(6, 12)
        assert (week.text, week.since) == ("20 calls more", "5 Jul")
        assert [height for _x, _y, _width, height in week.columns] == ["22", "0"]
        assert (drawn(9, 12).text, drawn(9, 12).columns) == ("no calls more", ())
        assert (drawn(1, 12).text, drawn(1, 12).unknown) == ("", "not read before the period")
        assert drawn(9, 10).unknown == "not read in the period"


class TestPages:
    @pytest.mark.parametrize("language", ["en", "pt-br"])
    def test_the_list_answers_the_period_it_shows(self, client, ana, sales, acme, language) -> None:
        words = {
            "en": (
                "since each campaign began, as last read by the end of 12 Jul 2026.",
                '20 calls more<small class="quiet">than read on 5 Jul</small>',
                '<small class="quiet">read on 11 Jul</small>',
                'not known</span><small class="quiet">first read after the period</small>',
            ),
            "pt-br": (
                "desde o início de cada campanha, como lidos pela última vez até o fim de 12 jul 2026.",
                '20 chamadas a mais<small class="quiet">que na leitura de 5 jul</small>',
                '<small class="quiet">lido em 11 jul</small>',
                'não se sabe</span><small class="quiet">lida pela primeira vez depois do período</small>',
            ),
        }[language]
        User.objects.filter(pk=ana.pk).update(language=language)
        client.cookies["django_language"] = language
        with wall.tenant(acme):
            row = campaign(sales, "old", total_calls=90)
            campaign(sales, "young", total_calls=7)
            for day, total in ((5, 50), (11, 70), (13, 90)):
                kept(row, date(2026, 7, day), total)
            name(row, *dial(sales, "A- A+ B-", start=NOON - timedelta(days=4)))
            name(row, *dial(sales, "C- C+", start=NOON - timedelta(days=1)))
            name(row, *dial(sales, "D+", start=NOON - timedelta(days=9)))
        client.force_login(ana)
        page = client.get("/t/acme/campaigns/?period=last_week")
        text = " ".join(page.content.decode().split())
        for sentence in words:
            assert sentence in text
        assert {each.history.row.external_id: each.progress.calls for each in page.context["rows"]} == {
            "old": 5,
            "young": None,
        }
        days = "date_from=2026-07-06&amp;date_to=2026-07-12"
        assert f'<a href="/t/acme/calls/?campaign={row.public_id}&amp;{days}"><data value="5">5</data></a>' in text
        linked = client.get(
            f"/api/v1/calls/?campaign={row.public_id}&date_from=2026-07-06&date_to=2026-07-12&count=true"
        )
        assert linked.json()["count"] == 5
        assert '<data value="70">70</data>' in text
        assert '<data value="90">90</data>' not in text
        today = " ".join(client.get("/t/acme/campaigns/").content.decode().split())
        assert '<data value="90">90</data>' in today
        assert words[2] not in today

    def test_a_period_up_to_now_shows_the_last_reading(self, client, ana, sales, acme) -> None:
        with wall.tenant(acme):
            row = campaign(sales, "k", total_calls=14)
            for day, total in ((12, 20), (13, 14)):
                kept(row, date(2026, 7, day), total)
        client.force_login(ana)
        text = " ".join(client.get("/t/acme/campaigns/?period=this_week").content.decode().split())
        assert "since each campaign began, as last read." in text
        assert "6 calls fewer" in text  # the vendor took some back

    def test_the_list_and_the_page_say_what_is_known(self, client, ana, sales, care, acme) -> None:
        with wall.tenant(acme):
            row = campaign(
                sales, "spring", total_calls=10, completed_calls=4, failed_calls=5, success_rate=40.0, kind="sales"
            )
            name(row, *dial(sales, "A- A+ B-"))
        client.force_login(ana)
        listed = client.get("/t/acme/campaigns/").content.decode()
        assert f'href="/t/acme/campaigns/{row.public_id}/"' in listed
        assert "40.0\N{NO-BREAK SPACE}%" in listed
        assert "90.0\N{NO-BREAK SPACE}%" in listed
        assert "Not told by the vendor of: Care" in " ".join(listed.split())
        page = client.get(f"/t/acme/campaigns/{row.public_id}/")
        assert page.context["calls"].effort.attempts == {1: 1, 2: 1}
        text = page.content.decode()
        assert "<dd>3 of 3</dd>" in text
        assert "as read each day" not in text
        assert f"campaign={row.public_id}" in text

    def test_a_campaign_that_begins_after_the_period_is_not_listed(self, client, ana, sales, acme) -> None:
        with wall.tenant(acme):
            for day in ("2026-06-01", "2026-06-20"):
                campaign(sales, day, payload=json.dumps({"start_date": day}))
        client.force_login(ana)
        listed = client.get("/t/acme/campaigns/?date_from=2026-06-01&date_to=2026-06-07")
        assert [row.history.row.external_id for row in listed.context["rows"]] == ["2026-06-01"]
        assert "1 campaign that begins after the period is not listed." in listed.content.decode()
        assert len(client.get("/t/acme/campaigns/").context["rows"]) == 2

    def test_an_environment_without_campaigns_says_so(self, client, ana, sales, care) -> None:
        client.force_login(ana)
        assert (
            "Not told by this vendor."
            in client.get(f"/t/acme/campaigns/?environment={care.public_id}").content.decode()
        )

    def test_states_and_pages_of_the_list(self, client, ana, sales, acme) -> None:
        with wall.tenant(acme):
            for n in range(52):
                campaign(sales, f"k-{n}", status="paused" if n else "draft")
        client.force_login(ana)
        first = client.get("/t/acme/campaigns/").context
        assert (len(first["rows"]), first["later_page"], first["earlier_page"]) == (50, "?page=2", "")
        assert len(client.get("/t/acme/campaigns/?page=2").context["rows"]) == 2
        assert [row.state for row in client.get("/t/acme/campaigns/?status=draft").context["rows"]] == ["draft"]

    def test_foreign_absent_and_hidden_campaigns_read_alike(
        self, client, ana, bruno, acme, globex, sales, care, foreign
    ) -> None:
        with wall.tenant(globex):
            theirs = campaign(foreign).public_id
        with wall.tenant(acme):
            grant = Membership.objects.get(user=bruno).grant
            grant.agent_keys = ["mine"]
            grant.save()
            hidden = campaign(sales, agent=factories.agent(sales, "other")).public_id
        client.force_login(ana)
        assert {client.get(f"/t/acme/campaigns/{key}/").status_code for key in (theirs, uuid4())} == {404}
        client.force_login(bruno)
        assert client.get(f"/t/acme/campaigns/{hidden}/").status_code == 404
        assert client.get("/t/acme/campaigns/").context["rows"] == []
