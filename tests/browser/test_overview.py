"""The overview in a real browser: by pointer, by keyboard, on a phone, without scripts, in two languages."""

import csv

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_reader_signs_in_and_changes_the_period(open_page) -> None:
    page = open_page()
    assert page.locator("h1").inner_text() == "Overview"
    page.select_option("#period", "last_30_days")
    page.wait_for_url("**/t/acme/?period=last_30_days")
    assert page.locator("#period").input_value() == "last_30_days"
    page.select_option("#period", "custom")
    assert page.locator("#date_from").is_visible()


def test_a_definition_opens_and_closes_by_keyboard(open_page) -> None:
    page = open_page()
    summary = page.locator(".lead [data-metric=connect_rate] summary")
    panel = page.locator(".lead [data-metric=connect_rate] code")
    summary.focus()
    page.keyboard.press("Enter")
    assert panel.is_visible()
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    assert summary.evaluate("element => element === document.activeElement")


def test_the_first_tab_leads_to_the_content(open_page) -> None:
    page = open_page()
    page.reload()
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.evaluate("element => element === document.activeElement")
    page.wait_for_function("document.querySelector('.skip').getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_the_chart_is_one_stop_and_is_walked_by_arrows(open_page) -> None:
    page = open_page()
    bars = page.locator("[data-chart] a")
    assert page.locator('[data-chart] a[tabindex="0"]').count() == 1
    bars.last.focus()
    newest = page.locator(".readout").inner_text()
    page.keyboard.press("ArrowLeft")
    assert page.locator(".readout").inner_text() not in ("", newest)
    assert bars.nth(bars.count() - 2).evaluate("element => element === document.activeElement")


def test_the_calls_behind_the_figures_come_as_a_file(open_page, tmp_path) -> None:
    page = open_page()
    attempts = (
        page.locator(".lead [data-metric=attempts]").locator("xpath=../..").locator("data").get_attribute("value")
    )
    with page.expect_download() as download:
        page.get_by_role("link", name="Calls behind these figures (CSV)").click()
    path = tmp_path / "calls.csv"
    download.value.save_as(path)
    with path.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == int(float(attempts)) > 0


@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("query", ["", "?period=last_90_days", "?date_from=2026-01-01&date_to=2026-06-30"])
def test_no_width_scrolls_sideways(open_page, portal, width, query) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    page.goto(f"{portal.url}/t/acme/{query}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_everything_works_without_scripts(open_page) -> None:
    page = open_page(java_script_enabled=False)
    page.select_option("#period", "last_30_days")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**period=last_30_days**")
    assert page.locator("#period").input_value() == "last_30_days"
    page.locator(".lead [data-metric=connect_rate] summary").click()
    assert page.locator(".lead [data-metric=connect_rate] code").is_visible()
    page.get_by_text("The same as a table").click()
    assert page.locator(".beside table tbody tr").count() == 30
    page.get_by_role("link", name="Attempts", exact=True).first.click()
    page.wait_for_url("**sort=attempts**")


def test_the_language_is_kept_with_the_reader(open_page, ana) -> None:
    page = open_page()
    page.get_by_role("button", name="Português").click()
    page.wait_for_selector("html[lang=pt-br]")
    assert page.locator("h1").inner_text() == "Visão geral"
    ana.refresh_from_db()
    assert ana.language == "pt-br"
    page.get_by_role("button", name="English").click()
    page.wait_for_selector("html[lang=en]")


def test_the_theme_is_kept_with_the_browser(open_page) -> None:
    page = open_page()

    def paper() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = paper()
    page.locator("[data-theme-switch]").click()
    page.locator("[data-theme-switch]").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    dark = paper()
    assert dark != light
    page.reload()
    assert paper() == dark


def test_signing_out_shuts_the_door(open_page, portal) -> None:
    page = open_page()
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda url: "/t/acme" not in url)
    page.goto(f"{portal.url}/t/acme/")
    assert "/accounts/login/" in page.url
