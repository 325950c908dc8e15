"""One field finds calls, contacts, agents and reports of the reader's, and tells nothing of anybody else's."""

from datetime import timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
import time_machine

from portal.tenants import wall
from portal.tenants.models.people import Membership, Role
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from reports.web.help.news import releases
from tests import factories
from tests.conftest import member

URL = "/t/acme/search/"
PERSON = "+5521912345678"


@pytest.fixture
def call(acme, sales):
    with wall.tenant(acme):
        ada = factories.agent(sales, "ada", name="Cobrança amigável")
        made = factories.call(sales, "vendor-17", agent=ada, to_number=PERSON)
        factories.call(sales, "id-5521912345678-1", agent=ada, to_number=PERSON)
    return made


@pytest.fixture
def blind(acme):
    """A member who may not see numbers."""
    return member(acme, "blind@acme.example", Role.VIEWER)


def find(client, user, word: str) -> str:
    client.force_login(user)
    answer = client.get(URL, {"search": word})
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def scope_of(user) -> Scope:
    return Scope.of(Membership.objects.get(user=user).grant)


def test_a_call_is_found_by_either_id(client, ana, acme, call) -> None:
    for word in ("vendor-17", str(call.pk), f"  {call.pk} ", str(call.pk).upper()):
        assert f"/t/acme/calls/{call.pk}/" in find(client, ana, word), word


def test_a_contact_is_found_by_its_number_however_written(client, ana, acme, call) -> None:
    with wall.tenant(acme):
        mine = contact_id(PERSON[1:], scope_of(ana))
    for word in (PERSON, "(21) 91234-5678", "21912345678", mine):
        assert f"/t/acme/contacts/{mine}/" in find(client, ana, word), word
    assert "number=12345&number_match=contains" in find(client, ana, "12345")


def test_a_contact_of_today_was_first_and_last_seen_on_a_day(client, ana, acme, call) -> None:
    """A time without its day would be read on another one."""
    with wall.tenant(acme):
        mine = contact_id(PERSON[1:], scope_of(ana))
    client.force_login(ana)
    with time_machine.travel(call.started_at + timedelta(hours=1), tick=False):
        page = client.get(f"/t/acme/contacts/{mine}/", headers={"Accept-Language": "en"}).content.decode()
    day = f"{call.started_at.astimezone(ZoneInfo(acme.zone)):%-d %b}, "
    for label in ("First seen", "Last seen"):
        assert day in page.split(label, 1)[1][:120], label


def test_who_may_not_see_numbers_finds_nobody_by_them(client, blind, acme, call) -> None:
    """Nor a call by the vendor's id, where that is made of the number."""
    for word in (PERSON, "21912345678", "id-5521912345678-1"):
        page = find(client, blind, word)
        assert "/contacts/" not in page
        assert "/calls/0" not in page
        assert "number_match" not in page
        assert "Nothing that you may see is found by that." in page
    assert f"/t/acme/calls/{call.pk}/" in find(client, blind, "vendor-17")


def test_foreign_and_absent_look_the_same(client, ana, globex, foreign, acme, call) -> None:
    with wall.tenant(globex):
        theirs = factories.call(foreign, "theirs-1", to_number="+5511900001111")
        contact = contact_id("5511900001111", Scope(globex.pk, globex.zone, frozenset({foreign.pk})))
    for word in ("theirs-1", str(theirs.pk), contact, "+5511900001111", "nothing-of-the-kind"):
        assert "Nothing that you may see is found by that." in find(client, ana, word)


def test_agents_reports_and_figures_are_found_by_their_words(client, ana, acme, call) -> None:
    assert "Cobrança amigável" in find(client, ana, "cobranca")
    assert "/t/acme/reports/query/?metrics=" in find(client, ana, "hours of the week")
    assert "/t/acme/help/#connect_rate" in find(client, ana, "connect rate")


def test_the_help_tells_every_figure_and_what_is_new(client, ana, acme) -> None:
    client.force_login(ana)
    page = client.get("/t/acme/help/").content.decode()
    for anchor in ("connect_rate", "still_open", "completeness", "keyboard", "api"):
        assert f'id="{anchor}"' in page
    assert releases()
    assert not any("](" in told.text or "`" in told.text for release in releases() for told in release.changes)
