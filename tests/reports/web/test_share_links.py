"""Share links: an answer for people without an account, in a scope that was fixed, and nothing beside it."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from portal.audit.models import Entry
from portal.logs import redact
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Logo, Tenant
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from reports.saved.models import SavedView, ShareLink
from tests import factories
from tests.conftest import member
from tests.portal.lib.test_pictures import png

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 7, 15, 15, tzinfo=UTC)
LINKS, SAVED = "/t/acme/reports/links/", "/t/acme/reports/saved/"
PASSWORD = "four white horses"


@pytest.fixture(autouse=True)
def _on_wednesday():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def report(client, ana, acme, sales, care) -> str:
    with wall.tenant(acme):
        for home, count in ((sales, 3), (care, 5)):
            agent = factories.agent(home, f"{home.name}-agent")
            for number in range(count):
                at = NOW - timedelta(days=1, minutes=number)
                factories.call(home, f"{home.name}{number}", agent=agent, started_at=at, to_number="+5511987654321")
    client.force_login(ana)
    client.post(SAVED, {"name": "Weekly", "query": "metrics=attempts,connect_rate&by=day,agent&period=last_7_days"})
    with wall.tenant(acme):
        return str(SavedView.objects.get().public_id)


def make(client, report, **more) -> str:
    text = client.post(LINKS, {"of": f"report:{report}", "days": "30", **more}).content.decode()
    found = re.search(r'id="link" readonly value="[^"]*?(/shared-link/[^"]+)"', text)
    assert found, unescape(text)
    return found[1]


@pytest.fixture
def visitor() -> Client:
    """Somebody without an account, who has chosen English here."""
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


def test_whoever_has_the_address_reads_the_answer_and_nothing_else(client, visitor, ana, acme, report):
    address = make(client, report)
    answer = visitor.get(address)
    text = answer.content.decode()
    own = client.get(f"{SAVED}{report}/", follow=True).content.decode()
    cells = re.findall(r'<data value="[^"]*">[^<]*</data>', own.split('id="answer"')[1])
    assert cells
    assert all(cell in text for cell in cells)
    assert "<h1>Weekly</h1>" in text
    assert "Not complete:" in text  # nothing of these days was read to its end
    assert re.findall(r'href="(?!/static/)([^"#]+)"', text) == ["?language=pt-br"]  # nowhere to go on to
    assert "Set-Cookie" not in answer.headers
    assert "noindex" in answer["X-Robots-Tag"]
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    token = address.split("/")[2]
    with wall.tenant(acme):
        link = ShareLink.objects.get()
        assert token not in str(vars(link))
        assert not link.grant.sees_numbers
        assert "link.made" in set(Entry.objects.values_list("action", flat=True))
    assert token not in redact(f'GET {address} HTTP/1.1" 200')


def test_it_opens_nothing_once_revoked_over_or_without_its_maker(client, visitor, ana, acme, report):
    address = make(client, report)

    def told(path: str) -> tuple[int, str]:
        answer = visitor.get(path)
        text = re.sub(r'csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
        return answer.status_code, text.replace(path, "")

    absent = told("/shared-link/nobodys/")
    assert absent[0] == 404

    def closed() -> bool:
        return told(address) == absent

    assert not closed()
    with time_machine.travel(NOW + timedelta(days=31), tick=False):
        assert closed()
    with wall.tenant(acme):
        membership = Membership.objects.get(user=ana)
        Membership.objects.filter(pk=membership.pk).update(role=Role.VIEWER)
        assert closed()
        Membership.objects.filter(pk=membership.pk).update(role=Role.OWNER)
        link = ShareLink.objects.get()
    assert not closed()
    client.post(f"{LINKS}{link.public_id}/revoke/")
    assert closed()
    with wall.tenant(acme):
        assert "link.revoked" in set(Entry.objects.values_list("action", flat=True))


def test_its_scope_is_fixed_and_never_wider_than_its_makers(client, visitor, ana, acme, sales, care, report):
    max_ = member(acme, "max@acme.test", Role.MANAGER, sales)
    client.post(f"{SAVED}{report}/", {"act": "share"})
    client.force_login(max_)
    address = make(client, report)

    def shown() -> str:
        return re.search(r'class="total".*?<data value="(\d+)', visitor.get(address).content.decode(), re.S)[1]

    assert shown() == "3"
    with wall.tenant(acme):
        grant = Membership.objects.get(user=max_).grant
        Grant.objects.filter(pk=grant.pk).update(all_environments=True)
    assert shown() == "3"  # what he sees since was not shared
    with wall.tenant(acme):
        Grant.objects.filter(pk=grant.pk).update(all_environments=False)
        grant.environments.set([care])
    assert visitor.get(address).status_code == 404


def test_a_password_is_asked_for_and_guesses_are_few(client, visitor, ana, acme, report):
    address = make(client, report, password=PASSWORD)
    page = visitor.get(address)
    assert page["Referrer-Policy"] == "same-origin"  # else a browser sends the password without an origin
    asked = page.content.decode()
    assert "Weekly" not in asked
    assert "<data" not in asked
    assert visitor.post(address, {"password": "wrong"}).status_code == 403
    assert visitor.post(address, {"password": PASSWORD})["Location"] == address
    asked_for = f"{address}?period=last_7_days&language=pt-br"
    assert visitor.post(asked_for, {"password": PASSWORD})["Location"] == asked_for
    assert "<h1>Weekly</h1>" in visitor.get(address).content.decode()
    assert "<h1>Weekly</h1>" not in Client().get(address).content.decode()
    other = make(client, report, password=PASSWORD)
    for cookie in visitor.cookies.values():
        cookie["path"] = "/"
    assert "<h1>Weekly</h1>" not in visitor.get(other).content.decode()  # the proof is of one link
    guesser = Client()
    told = [guesser.post(address, {"password": f"guess {n}"}).status_code for n in range(7)]
    assert told[-1] == 429
    assert guesser.post(address, {"password": PASSWORD}).status_code == 429
    with wall.tenant(acme):
        assert PASSWORD not in str(list(ShareLink.objects.values()))


def test_a_frame_stands_in_pages_of_the_hosts_named_and_in_no_other(client, visitor, ana, acme, report):
    client.post("/t/acme/reports/hosts/", {"hosts": "www.example.com\nhttps://intra.example.org/"})
    frame = make(client, report, embeds="on")
    assert frame.endswith("/frame/")
    answer = visitor.get(frame)
    assert "frame-ancestors https://intra.example.org https://www.example.com" in answer["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer.headers
    plain = visitor.get(frame.removesuffix("frame/"))
    assert "frame-ancestors 'none'" in plain["Content-Security-Policy"]
    assert plain["X-Frame-Options"] == "DENY"
    assert visitor.get(make(client, report) + "frame/").status_code == 404  # one that was not made for it
    for wrong in (
        "http://a.example",
        "*.example.com",
        "example.com:8443",
        "a b;script-src",
        "localhost",
        "x.se/'",
    ):
        client.post("/t/acme/reports/hosts/", {"hosts": wrong})
    assert "https://www.example.com" in visitor.get(frame)["Content-Security-Policy"]


@pytest.mark.parametrize(
    "wish",
    [
        {"days": "10000"},
        {"password": "short"},
        {"password": PASSWORD, "embeds": "on"},
        {"of": "report:no-id"},
    ],
)
def test_what_cannot_be_made_is_said(client, ana, acme, report, wish):
    assert client.post(LINKS, {"of": f"report:{report}", "days": "30", **wish}).status_code == 400
    with wall.tenant(acme):
        assert not ShareLink.objects.exists()


@pytest.mark.parametrize("narrowed", ["number=5511987654321", "contact={contact}", "line=5511987654321"])
def test_what_is_about_one_person_or_line_is_not_shared_and_shows_no_more_once_it_is(
    client, visitor, ana, acme, report, narrowed
):
    """A report, and a board on which it stands, that a link opens already."""
    board = client.post("/t/acme/reports/boards/", {"name": "Monday"})["Location"]
    client.post(board, {"act": "add", "view": report})
    addresses = [make(client, report), make(client, report, of=f"board:{board.split('/')[-2]}")]
    assert all("<data" in visitor.get(address).content.decode() for address in addresses)
    contact = contact_id("5511987654321", Scope(acme.pk, "UTC", frozenset()))
    query = f"metrics=attempts&{narrowed.format(contact=contact)}"
    client.post(f"{SAVED}{report}/", {"act": "replace", "query": query})
    assert not any("<data" in visitor.get(address).content.decode() for address in addresses)
    assert client.post(LINKS, {"of": f"report:{report}", "days": "30"}).status_code == 400


def test_links_are_for_managers_and_foreign_ones_are_absent(client, ana, carla, acme, globex, sales, report):
    make(client, report)
    with wall.tenant(acme):
        link = ShareLink.objects.get().public_id
    client.force_login(carla)
    assert client.post(f"/t/globex/reports/links/{link}/revoke/").status_code == 404
    assert client.post("/t/globex/reports/links/", {"of": f"report:{report}", "days": "30"}).status_code == 404
    client.force_login(member(acme, "vera@acme.test", Role.VIEWER, sales))
    for path in (LINKS, f"{LINKS}{link}/revoke/", "/t/acme/reports/hosts/"):
        assert client.post(path, {"of": f"report:{report}", "days": "30"}).status_code == 403
    client.force_login(member(acme, "max@acme.test", Role.MANAGER, sales))
    assert client.post(LINKS, {"of": f"report:{report}", "days": "30"}).status_code == 404  # another's own
    with wall.tenant(acme):
        assert ShareLink.objects.get().revoked_at is None


def figures(text: str) -> list[str]:
    return re.findall(r'<data value="([^"]*)">', text)


@pytest.mark.parametrize(
    "query",
    [
        "metrics=attempts,connect_rate,average_duration&by=day&period=last_7_days",
        "metrics=attempts&by=agent,status&period=this_month&compare=none",
        "metrics=attempts&by=environment,direction&view=crossed&period=last_7_days",
        "metrics=attempts&by=line&period=last_7_days",
        "metrics=attempts&by=area_code&period=last_7_days",
    ],
)
def test_its_figures_are_those_of_the_page_and_numbers_stay_masked(client, visitor, ana, acme, report, query):
    """Whole for the maker, who sees numbers; the link has none, of a report as of a board."""
    client.post(f"{SAVED}{report}/", {"act": "replace", "query": query})
    own = client.get(f"{SAVED}{report}/", follow=True).content.decode().split('id="answer"')[1].split("</section>")[0]
    board = client.post("/t/acme/reports/boards/", {"name": "Monday"})["Location"]
    client.post(board, {"act": "add", "view": report})
    assert figures(own)
    of_board = make(client, report, of=f"board:{board.split('/')[-2]}")
    for address in (make(client, report), of_board, make(client, report, embeds="on")):
        text = visitor.get(address).content.decode()
        assert figures(text) == figures(own), address
        assert "11987654321" not in text
        assert "98765" not in text


def test_another_period_is_for_whom_the_maker_lets_choose(client, visitor, ana, acme, report):
    fixed, free = make(client, report), make(client, report, any_period="on")
    asked = "?period=today"
    assert figures(visitor.get(fixed + asked).content.decode()) == figures(visitor.get(fixed).content.decode())
    assert 'name="period"' not in visitor.get(fixed).content.decode()
    text = visitor.get(free + asked).content.decode()
    assert "No calls in this period." in text
    assert '<option value="today" selected>' in text
    assert 'href="?period=today&amp;language=pt-br"' in text
    assert figures(visitor.get(free).content.decode()) == figures(visitor.get(fixed).content.decode())
    with wall.tenant(acme):
        assert set(ShareLink.objects.values_list("any_period", flat=True)) == {False, True}


def test_it_looks_and_speaks_as_the_company_does(client, visitor, ana, acme, report):
    plain = visitor.get(make(client, report)).content.decode()
    assert "brand.css" not in plain
    with wall.tenant(acme):
        Logo.objects.create(tenant=acme, content=png(), content_type="image/png", version=1)
    Tenant.objects.update(brand_name="Voz Clara", accent="#7a1fa2", has_logo=True, brand_version=3, language="pt-br")
    for address in (make(client, report), make(client, report, password=PASSWORD), make(client, report, embeds="on")):
        stranger = Client(headers={"Accept-Language": "en"})
        answer = stranger.get(address)
        text = answer.content.decode()
        assert '<html lang="pt-br">' in text
        assert answer["Content-Language"] == "pt-br"
        assert "Voz Clara" in text
        css = re.search(r'href="(/shared-link/[^"]+/brand\.css\?v=3)"', text)
        assert "--accent: light-dark(#7a1fa2" in stranger.get(css[1]).content.decode()
        if logo := re.search(r'src="(/shared-link/[^"]+/brand/logo\?v=3)"', text):
            assert stranger.get(logo[1])["Content-Type"] == "image/png"
        else:
            assert address.endswith("/frame/")
        assert '<html lang="en">' in stranger.get(f"{address}?language=en").content.decode()
        assert '<html lang="pt-br">' in stranger.get(f"{address}?language=xx").content.decode()
        assert '<html lang="en">' in visitor.get(address).content.decode()  # whom the browser remembers
    with wall.tenant(acme):
        ShareLink.objects.update(revoked_at=NOW)
    assert stranger.get(css[1]).status_code == 404
    assert stranger.get(address)["Content-Language"] == "en"  # as of any address that is none


def test_administrators_read_and_revoke_and_see_no_secret(client, ana, acme, report):
    address = make(client, report, password=PASSWORD)
    with wall.tenant(acme):
        link = ShareLink.objects.get()
    root = User.objects.create_superuser("root@ringbook.example", "correct horse battery")
    console = Client()
    console.force_login(root)
    place = "/admin/reports_saved/sharelink/"
    for path in (place, f"{place}{link.pk}/change/", f"{place}{link.pk}/history/"):
        text = console.get(path).content.decode()
        assert not any(secret in text for secret in (link.digest, link.password, address.split("/")[2]))
    assert console.get(f"{place}?digest__startswith=a").status_code in (302, 400)
    console.post(place, {"action": "revoke", "_selected_action": link.pk, "confirmed": "yes"})
    with wall.tenant(acme):
        assert ShareLink.objects.get().revoked_at is not None
        assert Entry.objects.filter(action="link.revoked", user=root).count() == 1
    console.post(f"/admin/reports_saved/savedview/{link.view_id}/delete/", {"post": "yes"})
    with wall.tenant(acme):
        assert not SavedView.objects.exists()
        assert not ShareLink.objects.exists()
        assert not Grant.objects.filter(pk=link.grant_id).exists()
        assert Entry.objects.filter(action="admin.deleted", user=root).count() == 1


def test_who_sees_less_changes_nothing_that_a_wider_link_opens(client, visitor, ana, acme, sales, care, report):
    """Or a manager of one environment would read another one's figures by the link, with a question of their own."""
    max_ = member(acme, "max@acme.test", Role.MANAGER, sales)
    client.force_login(max_)
    client.post(SAVED, {"name": "Mine", "query": "metrics=attempts&period=last_7_days", "shared": "on"})
    with wall.tenant(acme):
        mine = str(SavedView.objects.get(owner=max_).public_id)
    client.force_login(ana)
    board = client.post("/t/acme/reports/boards/", {"name": "Monday"})["Location"]
    client.post(board, {"act": "add", "view": mine})
    client.post(board, {"act": "share"})
    address = make(client, report, of=f"board:{board.split('/')[-2]}")
    client.force_login(max_)
    asked = {"act": "replace", "query": "metrics=attempts&by=environment&period=last_7_days"}
    refused = client.post(f"{SAVED}{mine}/", asked, headers={"Accept-Language": "en"})
    assert (refused.status_code, "share link" in refused.content.decode()) == (403, True)
    for body in ({"act": "off", "view": mine}, {"act": "rename", "name": "Max"}, {"act": "delete"}):
        assert client.post(board, body).status_code == 403, body
    api = client.patch(f"/api/v1/saved-reports/{mine}/", {"query": "metrics=connected"}, "application/json")
    assert (api.status_code, "share link" in api.json()["detail"]) == (403, True)
    assert care.name not in visitor.get(address).content.decode()
    # To take back what is one's own is always allowed.
    assert client.post(f"{SAVED}{mine}/", {"act": "unshare"}).status_code == 302
    assert "<data" not in visitor.get(address).content.decode()
