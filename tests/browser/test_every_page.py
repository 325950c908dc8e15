"""Every page that a member can open: axe-core finds nothing grave in it, and it keeps to the content policy.

The pages are taken from the resolver, so a new one is visited without being listed here. Two languages, two themes and
two widths meet each other in pairs: four views of each page see all pairs.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import pytest
from django.test import Client

from portal.accounts.invitations import Invitee, invite
from portal.accounts.members import whole
from portal.outbox.models import PlatformMessage
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role
from reports.alerts.models import Alert
from reports.mail.models import Subscription
from reports.saved.models import Board, SavedView
from sync.models.agents import Agent
from sync.models.calls import Call
from sync.models.campaigns import Campaign
from sync.models.connections import Connection
from tests.browser.conftest import NARROW, TURNS, WIDE
from tests.browser.kept import PASSWORD
from tests.browser.town import LANGUAGES, Town
from tests.browser.watch import grave, pushed_aside
from tests.isolation.routes import addresses

pytestmark = [pytest.mark.browser, pytest.mark.looks, pytest.mark.django_db]

# Told apart by what they are: forms of other faces, the console, and pages that a member is not shown.
ELSEWHERE = (
    "/admin/",
    "/api/v1/",
    "/api/schema/",
    "/api/docs/",
    "/vendor/",
    "/livez",
    "/readyz",
    "/metrics",
    "/mail/",
    "/hooks/",
    "/shared-link/",
)
FRAMED = "/preview/body/"  # a mail, in its reader's language and not in the page's; test_mail.py looks at mails
SIGNED_OUT = ("login", "inactive", "reset", "logout")
NOBODY = "00000000-0000-7000-8000-000000000000"
# Words that no Portuguese page says: of every part of speech, and the nouns of this portal.
ENGLISH = set(
    re.findall(
        r"\w+",
        """
        the of and with from this these are is was not yet each every than by
        call calls agent agents contact contacts callback callbacks report reports export exports campaign campaigns
        show shown hide change changes before after previous next older newer period day days week weeks month months
        failed completed inbound outbound duration median share environment number numbers table rows
        search save saved view views file files note notes flag flags language theme sign password
        """,
    )
)
# What a vendor wrote is shown as he wrote it, and a program's words are a program's, also where one is not known.
VERBATIM = "pre, code, script, style, datalist, title, [lang]:not(html), [translate=no], .raw, .wrong, input, textarea"
# What a page shows besides its bare address.
QUERIES = {
    "/t/{tenant}/": ("", "period=last_30_days&map=connect_rate"),
    "/t/{tenant}/reports/query/": (
        "metrics=attempts,connect_rate,average_duration&by=day",
        "metrics=connect_rate&by=agent,status&compare=none",
        "metrics=attempts&by=weekday,hour_of_day&view=crossed",
        "metrics=nonsense&by=day&date_from=2026-13-01",
        "metrics=attempts,connect_rate&by=day&period=last_7_days&saved={report}",
    ),
    "/t/{tenant}/reports/boards/{board}/": ("", "period=last_30_days", "date_from=2026-13-01"),
}


def test_the_pages_are_found(town, pages) -> None:
    found = {path.removeprefix("/t/acme/").partition("?")[0] for path in pages}
    assert {
        "",
        "agents/",
        "audit/",
        "callbacks/",
        "campaigns/",
        "connections/",
        "connections/many/",
        "connections/new/talkover/",
        "connections/new/originsai/",
        "erasures/",
        "exports/",
        "exports/destinations/new/",
        "exports/scheduled/",
        "exports/scheduled/new/",
        "mail/",
        "keys/",
        "alerts/",
        "mail/addresses/",
        "mail/new/",
        "reports/links/",
        "privacy/",
        "reports/",
        "reports/query/",
        "settings/brand/",
        "settings/sign-in/",
        "team/",
        "team/invite/",
        "team/sign-on/",
        "/accounts/",
        "/accounts/password/change/",
        "/accounts/reauthenticate/",
    } <= found
    assert sum(path.startswith("connections/") and path.count("-") == 4 for path in found) >= 2
    assert sum(path.endswith("/preview/") for path in found) == 1
    for list_ in ("alerts/", "reports/boards/", "mail/", "team/"):
        assert any(path.startswith(list_) and path.count("-") == 4 for path in found), list_
    assert sum(path.startswith("calls/") for path in found) >= 2
    assert sum(path.startswith("campaigns/") for path in found) >= 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_grave_on_any_page(visit, town, pages, language) -> None:
    context = visit.context(language)
    page = context.new_page()
    odd = LANGUAGES.index(language)
    views = [(WIDE, ("light", "dark")[odd]), (NARROW, ("dark", "light")[odd])]
    found = {}
    for path in pages:
        answer = page.goto(town.url + path)
        if answer.status not in (200, 400):
            found[f"{path} answers {answer.status}"] = []
        if page.locator("html").get_attribute("lang") != language:
            found[f"{path} is not in {language}"] = []
        if language == "pt-br" and (words := english(page)):
            found[f"{path} says in English"] = words
        for viewport, scheme in views:
            page.set_viewport_size(viewport)
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if viewport is NARROW:
                # What is folded away is looked at once, opened: definitions, tables beside charts, menus.
                page.evaluate("document.querySelectorAll('details:not([name])').forEach((part) => (part.open = true))")
            case = f"{path} in {language}, {scheme}, {viewport['width']} px"
            if said := grave(page):
                found[case] = said
            if wide := pushed_aside(page):
                found[f"{case} is wider than that"] = wide
    assert not found, "\n".join(f"{case}: {'; '.join(said)}" for case, said in found.items())


def english(page: Any) -> list[str]:
    """English words among those of the page, folded or not; what vendors wrote is left out."""
    text = page.evaluate(
        r"""(verbatim) => {
          const copy = document.body.cloneNode(true);
          for (const part of copy.querySelectorAll(verbatim)) part.remove();
          const names = ["aria-label", "title", "placeholder"];
          const said = [...copy.querySelectorAll("*")].flatMap((part) => names.map((name) => part.getAttribute(name)));
          return [copy.textContent, ...said].join(" \n ");
        }""",
        VERBATIM,
    )
    return sorted(set(re.findall(r"[a-zà-ú]+", text.lower())) & ENGLISH)


@pytest.fixture
def pages(town) -> tuple[str, ...]:
    return pages_of(town)


@cache
def pages_of(town: Town) -> tuple[str, ...]:
    return tuple(dict.fromkeys(paths(town)))


def paths(town: Town) -> Iterator[str]:
    """The pages, with ids of the town in their addresses and the queries that show more of them."""
    client = Client(raise_request_exception=False)
    cookie = town.cookie("en")
    client.cookies[cookie["name"]] = cookie["value"]
    ids = samples(town, client)
    for route in sorted(set(addresses())):
        if route.startswith(ELSEWHERE) or route.endswith(FRAMED) or any(word in route for word in SIGNED_OUT):
            continue
        for path in {route.format_map(defaultdict(lambda: NOBODY, chosen)) for chosen in ids}:
            told = client.get(path, headers={"Accept-Language": "en"})
            kind = told.headers.get("Content-Type", "")
            if told.status_code == 200 and kind.startswith("text/html") and b"<html" in told.getvalue():
                queries = [query.format_map(ids[0]) for query in QUERIES.get(route, ("",))]
                yield from (f"{path}?{query}" if query else path for query in queries)
            else:
                # A file, a door that only posts, a way on, and what the town has none of: no page. Broken ones are.
                if told.status_code not in (200, 302, 404, 405):
                    yield path
            told.getvalue()  # a file is read, which ends it within the transaction


def samples(town: Town, client: Client) -> list[dict[str, str]]:
    """Ids for the places in addresses: a call of each vendor, with what belongs to it. Other ids are nobody's."""
    found = []
    with wall.tenant(town.tenant):
        mail = str(Subscription.objects.get().public_id)
        alert, board = Alert.objects.get(name="A1"), Board.objects.get()
        report = SavedView.objects.get(name="R1")
        campaign = Campaign.objects.order_by("-total_calls").first()
        member = Membership.objects.get(user=town.readers["pt-br"])
        for provider in ("talkover", "originsai"):
            call = Call.objects.filter(environment__provider=provider, status="completed").order_by("-duration_ms")[0]
            agent = Agent.objects.get(pk=call.agent_id)
            connection = Connection.objects.get(environment=call.environment_id)
            found.append(
                {
                    "tenant": town.tenant.slug,
                    "mail": mail,
                    "alert": str(alert.public_id),
                    "board": str(board.public_id),
                    "report": str(report.public_id),
                    "call": str(call.pk),
                    "agent": str(agent.public_id),
                    "campaign": str(campaign.public_id) if campaign else NOBODY,
                    "connection": str(connection.public_id),
                    "vendor": provider,
                    "member": str(member.public_id),
                    "contact": client.get(f"/api/v1/calls/{call.pk}/").json()["contact"],
                }
            )
    return found


def test_nothing_grave_before_sign_in(look_from_outside, town) -> None:
    """Also of links that serve no longer: the ids in them are nobody's."""
    new = Invitee("nadia@new.example", whole(Role.VIEWER))
    invite(town.tenant, new, by=town.readers["en"])
    links = PlatformMessage.objects.filter(to=new.email).latest("pk").text
    client, paths = Client(), [re.search(r"/accounts/invitation/\S+", links)[0]]
    for route in sorted(set(addresses())):
        path = route.format_map(defaultdict(lambda: NOBODY))
        if path.startswith("/accounts/") and client.get(path).status_code == 200:
            paths.append(path)
    assert {"/accounts/login/", "/accounts/password/reset/", "/accounts/sso/"} <= set(paths)
    for path in paths:
        look_from_outside(path)


def test_nothing_grave_without_an_account(look_from_outside, town) -> None:
    """What share links open and what mails lead to, each in both ways of looking."""
    out = town.outside
    told = partial(send, values={"password": PASSWORD}, button=".button.main")
    for path, press in (
        (out.report, None),
        (out.board, None),
        (f"{out.board}?period=last_30_days", None),
        (out.guarded, None),
        (out.guarded, told),
        (out.frame, None),
    ):
        for language, _size, _scheme in TURNS:
            look_from_outside(f"{path}{'&' if '?' in path else '?'}language={language}", press)
    for _language, path in out.mails:  # by turns in these languages, too
        look_from_outside(path)


def test_nothing_grave_in_what_answers_a_form(look, town) -> None:
    """Pages that are reached by sending something: what was made, what would be, and what was wrong."""
    for path, values, button in (
        ("keys/", {"name": "warehouse"}, ".button.main"),
        ("privacy/", {"transcripts": "3", "payloads": "3"}, "[value=look]"),
        ("erasures/", {"number": "12"}, "[value=look]"),
        ("look-up/", {"number": "+55 11 98765-4321"}, ".button.main"),
        ("team/invite/", {"email": town.readers["en"].email}, ".button.main"),
        ("connections/new/talkover/", {"name": "x", "base_url": town.box.talkover_url, "token": "no"}, ".button.main"),
    ):
        look(f"/t/{town.tenant.slug}/{path}", partial(send, values=values, button=button))
    look(f"/t/{town.tenant.slug}/connections/many/", partial(send_file, text=lines_of(town)))


def send(page: Any, values: dict[str, str], button: str) -> None:
    for name, text in values.items():
        page.fill(f"main form [name={name}]", text)
    with page.expect_navigation():
        page.locator(f"main form button{button}").first.click()


def send_file(page: Any, text: str) -> None:
    page.set_input_files("[name=file]", {"name": "many.csv", "mimeType": "text/csv", "buffer": text.encode()})
    with page.expect_navigation():
        page.locator("main form button.main").first.click()


def lines_of(town: Town) -> str:
    """One line that can be added and one that cannot."""
    box = town.box
    return (
        f"name,vendor,address,token,since\nNorth,talkover,{box.talkover_url},{box.talkover_token},2\nSouth,nobody,,,\n"
    )
