"""The ways through the portal in a real browser: by pointer, on a phone, by keyboard alone, without scripts; a file
made and opened; the language changed on the way.
"""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from python_calamine import CalamineWorkbook

from portal.tenants import wall
from reports.files import making
from reports.files.models import Export
from tests.browser.conftest import NARROW
from tests.browser.town import Town

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
CALL = re.compile(r"/t/acme/calls/[0-9a-f-]{36}/")
CONTACT = re.compile(r"/t/acme/contacts/[^/]+/")


def asked(page: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def first_call(page: Any) -> Any:
    return page.locator("table.calls tbody a[href*='/calls/']").first


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_from_the_door_to_a_contact_and_back(visit, town: Town) -> None:
    page = visit.context(signed_in=False).new_page()
    visit.goto(page, "")
    page.fill("[name=login]", "ana@acme.example")
    page.fill("[name=password]", "correct horse battery")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/t/acme/")
    overview = page.url
    bar = page.locator("[data-chart] a.slot").nth(2)
    told = int(re.search(r"\d+", bar.get_attribute("aria-label").split(":")[1])[0])  # type: ignore[index,union-attr]
    assert told > 0
    bar.click(force=True)
    page.wait_for_url("**/calls/?**")
    assert asked(page)["date_from"] == asked(page)["date_to"]
    listed = page.url
    first_call(page).click()
    page.wait_for_url(CALL)
    one = page.url
    assert page.locator("h1").inner_text()
    page.locator("main a[href*='/contacts/']").first.click()
    page.wait_for_url(CONTACT)
    assert page.locator("main a[href*='/calls/']").count() >= 1
    for expected in (one, listed, overview):
        page.go_back()
        assert page.url == expected


def test_a_report_leads_to_calls_and_its_address_is_all_it_needs(visit, town: Town) -> None:
    page = visit.open("reports/")
    page.get_by_role("link", name="Agents side by side").click()
    page.wait_for_url("**/reports/query/?**")
    row = page.locator("tr[data-key]").nth(1)
    attempts = row.locator("[data-metric=attempts] data").get_attribute("value")
    page.locator("thead a", has_text="Connect rate").first.click()
    assert asked(page)["sort"] == "-connect_rate"
    again = visit.open(page.url, language="pt-br")
    assert again.locator("tr[data-key]").all_inner_texts() != []
    assert again.locator("tr[data-key] data").evaluate_all("all => all.map((one) => one.value)") == page.locator(
        "tr[data-key] data"
    ).evaluate_all("all => all.map((one) => one.value)")
    page.go_back()
    row.locator("th a").click()
    page.wait_for_url("**/calls/?**")
    assert asked(page)["agent"]
    answer = page.request.get(f"{town.url}/api/v1/calls/?{urlsplit(page.url).query}&count=true")
    assert answer.json()["count"] == int(float(attempts or 0))


def test_a_file_is_asked_for_made_and_opened(visit, town: Town, tmp_path) -> None:
    page = visit.open("calls/?outcome=connected")
    page.locator("a[href*='what=calls']").first.click()
    page.wait_for_url("**/exports/?**")
    page.locator("input[name=format][value=xlsx]").check()
    page.get_by_role("button", name="Make the file").click()
    page.wait_for_url("**#files")
    with wall.tenant(town.tenant):
        export = Export.objects.order_by("-pk")[0]
        assert making.make(export.pk)  # as a worker does
    page.reload()
    with page.expect_download() as download:
        page.locator(f"#export-{export.public_id} a[href*='/download/']").first.click()
    path = tmp_path / "calls.xlsx"
    download.value.save_as(path)
    told = page.request.get(f"{town.url}/api/v1/calls/?outcome=connected&count=true").json()["count"]
    assert len(CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()) == told + 1
    assert told > 0


def test_the_language_changes_where_the_reader_is(visit, town: Town) -> None:
    page = visit.open("reports/query/?metrics=attempts&by=status")
    page.get_by_role("button", name="Português").click()
    page.wait_for_selector("html[lang=pt-br]")
    assert asked(page) == {"metrics": "attempts", "by": "status"}
    assert page.get_by_role("heading", level=1).inner_text() == "Tentativas por situação"
    page.get_by_role("button", name="English").click()
    page.wait_for_selector("html[lang=en]")


def test_a_phone_walks_the_same_way(visit, town: Town) -> None:
    page = visit.open("", viewport=NARROW, has_touch=True)
    for name in ("Calls", "Callbacks", "Reports", "Overview"):
        page.locator("summary", has_text="Pages").tap()
        page.locator(".pages-menu nav").get_by_role("link", name=name, exact=True).tap()
        page.wait_for_load_state()
        assert page.get_by_role("heading", level=1).inner_text() == name
        assert fits(page), name
    visit.goto(page, "calls/")
    first_call(page).tap()
    page.wait_for_url(CALL)
    assert fits(page)


def test_the_keyboard_alone_reaches_a_call(visit, town: Town) -> None:
    page = visit.open("")
    tab_to(page, "nav.pages a[href$='/calls/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/calls/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # past the bar
    assert page.evaluate("document.activeElement.id") == "content"
    tab_to(page, "table.calls tbody a[href*='/calls/']")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    page.wait_for_url(CALL)
    page.go_back()
    visit.goto(page, "reports/query/?metrics=attempts,connect_rate&by=day")
    tab_to(page, ".meanings summary")
    page.keyboard.press("Enter")
    assert page.locator(".meanings details[open] code").is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".meanings details[open]").count() == 0


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until something of that kind has the focus."""
    for _press in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached by Tab on {page.url}")


def test_everything_is_there_without_scripts(visit, town: Town) -> None:
    page = visit.open("", java_script_enabled=False)
    page.locator("details.beside summary").first.click()
    page.locator("details.beside[open] table tbody a").first.click()
    page.wait_for_url("**/calls/?**")
    visit.goto(page, "calls/")
    first_call(page).click()
    page.wait_for_url(CALL)
    visit.goto(page, "reports/query/")
    page.locator("[name=metrics][value=unique_contacts]").check()
    page.locator("#by-1").select_option("agent")
    page.get_by_role("button", name="Show the answer").click()
    page.wait_for_url("**metrics=attempts,connect_rate,unique_contacts&by=agent**")
    assert page.locator("tr[data-key] [data-metric=unique_contacts]").count() > 2
