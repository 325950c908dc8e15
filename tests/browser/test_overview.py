"""The overview in a real browser: by pointer, by keyboard, on a phone, without scripts, in two languages."""

import csv
import re

import pytest

from tests.browser.conftest import NARROW

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


def test_a_reader_signs_in_changes_the_period_and_leaves(visit, town) -> None:
    page = visit.goto(visit.context(signed_in=False).new_page(), "")
    page.fill("[name=login]", "ana@acme.example")
    page.fill("[name=password]", "correct horse battery")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/t/acme/")
    assert page.locator("h1").inner_text() == "Overview"
    page.select_option("#period", "last_30_days")
    page.wait_for_url("**/t/acme/?period=last_30_days")
    assert page.locator("#period").input_value() == "last_30_days"
    page.select_option("#period", "custom")
    assert page.locator("#date_from").is_visible()
    page.get_by_label("Account").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda url: "/t/acme" not in url)
    visit.goto(page, "")
    assert "/accounts/login/" in page.url


def test_a_definition_opens_and_closes_by_keyboard(visit) -> None:
    page = visit.open()
    summary = page.locator(".lead [data-metric=connect_rate] summary")
    panel = page.locator(".lead [data-metric=connect_rate] code")
    summary.focus()
    page.keyboard.press("Enter")
    assert panel.is_visible()
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    assert summary.evaluate("element => element === document.activeElement")


def test_the_first_tab_leads_to_the_content(visit) -> None:
    page = visit.open()
    page.reload()
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.evaluate("element => element === document.activeElement")
    page.wait_for_function("document.querySelector('.skip').getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_the_chart_is_one_stop_and_is_walked_by_arrows(visit) -> None:
    page = visit.open()
    bars, readout = page.locator("#trend a.slot"), page.locator("#trend .readout")
    assert page.locator('#trend [data-chart] a[tabindex="0"]').count() == 1
    bars.last.focus()
    newest = readout.inner_text()
    page.keyboard.press("ArrowLeft")
    assert readout.inner_text() not in ("", newest)
    assert bars.nth(bars.count() - 2).evaluate("element => element === document.activeElement")
    # On quiet days nothing is connected: a bar that begins with that part stands for all.
    bar = page.locator("#trend a.slot:has(+ a.part[aria-label$=' connected'])").last
    bar.focus()
    day = readout.inner_text().split(":")[0]
    page.keyboard.press("ArrowUp")
    part = readout.inner_text().splitlines()
    assert re.fullmatch(rf"{re.escape(day)}: \d+ connected", part[0])
    assert re.fullmatch(r"[\d.]+\s% of \d+", part[1])
    assert re.fullmatch(r"\w+ \d+ \w+: \d+", part[2])  # the day before
    page.keyboard.press("ArrowDown")
    assert bar.evaluate("element => element === document.activeElement")
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.closest('#trend') !== null")


def test_the_map_is_one_stop_and_is_walked_by_arrows(visit) -> None:
    page = visit.open()
    squares = page.locator("#hours td a")
    assert page.locator('#hours td a[tabindex="0"]').count() == 1
    squares.first.focus()
    here = page.locator("#hours .readout").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#hours .readout").inner_text() not in ("", here)
    page.keyboard.press("ArrowLeft")
    assert page.locator("#hours .readout").inner_text() == here


def test_reading_out_moves_nothing(visit) -> None:
    page = visit.open()
    page.mouse.move(1, 1)
    height = page.evaluate("document.documentElement.scrollHeight")
    for mark in page.locator("#trend a.slot, #short a.slot, #hours td a").all()[::4]:
        mark.hover(force=True)
        reading, at = page.locator(".readout:not(:empty)").bounding_box(), mark.bounding_box()
        assert reading["x"] - at["x"] - at["width"] < 60
        assert at["x"] - reading["x"] - reading["width"] < 60
        assert page.evaluate("document.documentElement.scrollHeight") == height


def test_a_part_of_a_bar_leads_to_its_calls(visit) -> None:
    page = visit.open()
    part = page.locator("#trend a.part").first
    href = part.get_attribute("href")
    assert "outcome=connected" in href
    assert page.evaluate("href => fetch(href).then(answer => answer.status)", href) == 200


def test_the_calls_behind_the_figures_come_as_a_file(visit, tmp_path) -> None:
    page = visit.open()
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
def test_no_width_scrolls_sideways(visit, width) -> None:
    page = visit.open(viewport={"width": width, "height": 800})
    for query in ("", "?period=last_90_days", "?date_from=2026-01-01&date_to=2026-06-30"):
        visit.goto(page, query)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, query


def test_everything_works_without_scripts(visit) -> None:
    page = visit.open(java_script_enabled=False)
    page.select_option("#period", "last_30_days")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**period=last_30_days**")
    assert page.locator("#period").input_value() == "last_30_days"
    page.locator(".lead [data-metric=connect_rate] summary").click()
    assert page.locator(".lead [data-metric=connect_rate] code").is_visible()
    page.locator("#trend").get_by_text("The same as a table").click()
    assert page.locator("#trend .beside table tbody tr").count() == 30
    assert page.locator("#trend a.slot title").count() == 30
    page.get_by_role("link", name="Attempts", exact=True).first.click()
    page.wait_for_url("**sort=-attempts**")


def test_the_language_is_kept_with_the_reader(visit, town) -> None:
    page = visit.open()
    page.get_by_role("button", name="Português").click()
    page.wait_for_selector("html[lang=pt-br]")
    assert page.locator("h1").inner_text() == "Visão geral"
    town.readers["en"].refresh_from_db()
    assert town.readers["en"].language == "pt-br"
    page.get_by_role("button", name="English").click()
    page.wait_for_selector("html[lang=en]")


def test_the_theme_is_kept_with_the_browser(visit) -> None:
    page = visit.open()

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


def test_every_hour_of_the_map_is_in_sight_on_a_phone(visit) -> None:
    page = visit.open("?period=last_7_days", viewport=NARROW)
    table = page.locator(".map table").first
    hours = table.locator("thead th")
    assert hours.count() > 10
    boxes = [cell.bounding_box() for cell in (*hours.all(), *table.locator("tbody tr:last-child td").all())]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= NARROW["width"] for box in boxes)
