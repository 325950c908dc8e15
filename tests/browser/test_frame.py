"""What all pages share: the menu of pages, the choice of period, environments and agents, with scripts and without."""

import re

import pytest
from playwright.sync_api import expect

from portal.tenants import wall
from sync.models.campaigns import Campaign
from tests.browser.conftest import NARROW, WIDE

pytestmark = [pytest.mark.browser, pytest.mark.looks, pytest.mark.django_db]


def test_a_phone_reaches_every_page_without_scripts(visit) -> None:
    page = visit.open("agents/", viewport=NARROW, java_script_enabled=False)
    links = page.locator(".pages-menu nav a")
    assert not links.first.is_visible()
    page.locator(".pages-menu summary").click()
    pages = ["Overview", "Calls", "Callbacks", "Campaigns", "Agents", "Reports", "Exports", "Mails"]
    pages += ["Alerts", "Company"]
    assert links.all_inner_texts() == pages
    assert page.locator(".pages-menu [aria-current=page]").inner_text() == "Agents"
    links.nth(3).click()
    assert page.locator("h1").inner_text() == "Campaigns"


def test_several_agents_are_chosen_and_stay_in_the_address(visit) -> None:
    page = visit.open("agents/", viewport=WIDE)
    everybody = page.locator("#agents tbody tr").count()
    page.locator("[data-pick=agent] summary").click()
    boxes = page.locator("[data-pick=agent] input")
    names = page.locator("[data-pick=agent] .choice span")
    chosen = {names.nth(place).inner_text() for place in (0, 1)}
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.locator("h1").click()
    page.wait_for_url(re.compile(r"agent=[0-9a-f-]{36}(,|%2C)[0-9a-f-]{36}$"))
    assert page.locator("#agent-chosen").inner_text() == "2 chosen"
    assert page.locator("#profiles tbody th a").all_inner_texts() == sorted(chosen, key=str.casefold)
    assert page.locator("#agents tbody tr").count() < everybody
    page.select_option("#period", "last_week")
    page.wait_for_url("**period=last_week&agent=**")
    assert page.locator("#agent-chosen").inner_text() == "2 chosen"


def test_escape_takes_back_what_was_ticked(visit) -> None:
    page = visit.open("agents/", viewport=WIDE)
    address = page.url
    page.locator("[data-pick=agent] summary").click()
    page.locator("[data-pick=agent] input").nth(0).check()
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    assert page.url == address
    assert not page.locator("[data-pick=agent] input").nth(0).is_checked()
    assert page.locator("[data-pick=agent] summary").evaluate("part => part === document.activeElement")


def test_the_same_choice_without_scripts(visit) -> None:
    page = visit.open("agents/", viewport=NARROW, java_script_enabled=False)
    assert not page.locator("#period").is_visible()
    page.locator(".fold > summary").click()
    page.locator("[data-pick=agent] summary").click()
    for place in (page.locator(f"[data-pick=agent] {part}").first for part in (".choice input", ".choice span")):
        box = place.bounding_box()
        assert 0 < box["x"] < box["x"] + box["width"] < NARROW["width"]
    assert page.locator("[data-pick=agent] input").first.bounding_box()["width"] == 16
    page.locator("[data-pick=agent] input").nth(0).check()
    page.locator("[data-pick=agent] input").nth(1).check()
    page.locator("[data-pick=agent] .pick-done").click()
    assert page.locator("#agent-chosen").text_content() == "2 chosen"
    assert page.locator("#profiles tbody tr").count() == 2


def test_headings_sort_and_figures_lead_on(visit) -> None:
    page = visit.open("agents/?period=last_7_days")
    page.locator("#agents th a", has_text="Attempts").click()
    attempts = [
        int(value.get_attribute("value")) for value in page.locator("#agents tbody td:nth-of-type(1) data").all()
    ]
    assert attempts == sorted(attempts, reverse=True)
    assert page.locator("#agents [aria-sort=descending]").inner_text().startswith("Attempts")
    page.locator("#agents tbody th a").first.click()
    page.wait_for_url("**/t/acme/?agent=**")
    assert page.locator("h1").inner_text() == "Overview"


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_no_width_scrolls_sideways(visit, town, width) -> None:
    with wall.tenant(town.tenant):
        campaign = Campaign.objects.order_by("-total_calls").first()
    page = visit.open("agents/", "pt-br", viewport={"width": width, "height": 800})
    for path in ("agents/", "calls/", "exports/", "reports/", "campaigns/", f"campaigns/{campaign.public_id}/", ""):
        visit.goto(page, path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_campaign_is_walked_from_the_list(visit, town) -> None:
    with wall.tenant(town.tenant):
        campaign = Campaign.objects.order_by("-total_calls").first()
    page = visit.open("campaigns/")
    page.get_by_role("link", name=campaign.name).click()
    expect(page.locator("h1")).to_have_text(campaign.name)
    page.wait_for_load_state()
    assert page.locator("#by-day [data-chart] a.slot").count() > 3
    page.locator("#attempts summary").click()
    assert page.locator("#attempts table tbody tr").count() >= 1


@pytest.mark.parametrize("path", ["", "calls/"])
def test_going_back_shows_the_choice_that_the_page_answers(visit, path) -> None:
    page = visit.open(f"{path}?period=last_30_days")
    page.select_option("#period", "yesterday")
    page.wait_for_url("**period=yesterday*")
    page.go_back()
    page.wait_for_url("**period=last_30_days")
    assert page.locator("#period").input_value() == "last_30_days"


def test_a_page_kept_alive_shows_the_choice_that_it_answers(visit) -> None:
    """Browsers may keep a page as it was left, which the one of these tests does not: it is told so here."""
    page = visit.open("?period=last_30_days")
    page.evaluate("document.querySelector('#period').value = 'custom'")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert page.locator("#period").input_value() == "last_30_days"
    assert not page.locator("#date_from").is_visible()
