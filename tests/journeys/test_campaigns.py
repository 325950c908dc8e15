"""Campaigns against what the sandbox itself knows: which calls they placed, and which attempt each of them was."""

from collections import Counter, defaultdict
from datetime import date

import pytest

from reports.queries.campaigns.calls import ages, campaign_calls
from reports.queries.campaigns.lists import campaigns, detail, histories
from reports.queries.scope import Scope
from sync.reading.runner import pull
from tests.journeys.conftest import connect, served
from tests.journeys.truth import CONNECTED, UNREACHED, local_day, of_talkover

pytestmark = pytest.mark.django_db(transaction=True)


def test_figures_of_campaigns_are_those_of_the_world_they_come_from(box, acme, acme_wall) -> None:
    connection = connect(acme, box)
    assert pull(connection).status == "complete"
    scope = Scope(acme.pk, acme.zone, frozenset({connection.environment_id}), sees_numbers=True)
    world, elements = box.world, served(box)
    listed = histories(campaigns(scope), scope)
    assert {found.row.external_id for found in listed} == {element["id"] for element in world.campaigns}
    dialled = [found for found in listed if world.campaign_rows(found.row.external_id)]
    assert len(dialled) > 2
    grown = ages([found.row for found in dialled], scope, now=box.now)
    for found in dialled:
        row, placed = found.row, world.campaign_rows(found.row.external_id)
        calls = sorted(
            (call for each, _retries in placed if (call := of_talkover(elements[each.key[1]], box.now))),
            key=lambda call: call.start,
        )
        by_contact = defaultdict(list)
        for call in calls:
            by_contact[call.contact].append(call)
        shown = campaign_calls(row, scope, now=box.now)

        assert (shown.named.calls, shown.named.mirrored) == (len(placed), len(placed))
        assert shown.effort.attempts == Counter(len(tries) for tries in by_contact.values())
        firsts = [
            next((place for place, call in enumerate(tries, 1) if call.outcome == CONNECTED), None)
            for tries in by_contact.values()
        ]
        assert shown.effort.first_connect == Counter(place for place in firsts if place)

        # The vendor's own count of retries says the same of everybody whose first attempt is in its history.
        retries = {each.key[1]: number for each, number in placed}
        for tries in by_contact.values():
            numbers = [retries[call.id] for call in tries]
            assert numbers == list(range(numbers[0], numbers[0] + len(tries)))
        begun_here = [tries for tries in by_contact.values() if retries[tries[0].id] == 0]
        assert len(begun_here) > len(by_contact) / 2

        parts = Counter[tuple[date, str, str]]()
        for part in shown.parts:
            parts[part.day, part.status, part.outcome] += part.n
        assert parts == Counter((local_day(call, acme.zone), call.status, call.outcome) for call in calls)

        days = [local_day(call, acme.zone) for call in calls]
        for age in grown[row.pk]:
            assert (age.day - days[0]).days == age.number - 1
            so_far = [call.outcome for call, day in zip(calls, days, strict=True) if day <= age.day]
            assert (age.calls, age.connected) == (len(so_far), so_far.count(CONNECTED))
            assert age.final == so_far.count(CONNECTED) + so_far.count(UNREACHED)
        assert grown[row.pk][-1].day == days[-1]

        file = detail(row)
        contacts = {elements[each.key[1]]["to"] for each, _retries in placed}
        assert (file.worked, file.records) == (len(contacts), len(contacts) + len(contacts) // 40)
        completed = sum(elements[each.key[1]]["status"] == "completed" for each, _retries in placed)
        assert (row.total_calls, row.completed_calls) == (len(placed), completed)
        assert [(day.total, day.completed) for day in found.days] == [(len(placed), completed)]
