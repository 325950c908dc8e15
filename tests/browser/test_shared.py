"""A report is saved and shared by a link, which somebody without an account opens until it is revoked."""

import pytest
from playwright.sync_api import expect

from portal.tenants import wall
from reports.saved.models import SavedView
from tests.browser.conftest import NARROW
from tests.browser.town import Town

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


def test_a_report_is_saved_shared_opened_and_revoked(visit, town: Town) -> None:
    page = visit.open("reports/query/?metrics=attempts,connect_rate&by=day&period=last_7_days")
    page.locator(".report-tools summary").click()
    page.fill("#report-name", "Our week")
    page.locator(".report-tools button.main").click()
    page.wait_for_url("**saved=**")
    assert page.locator("h1").inner_text() == "Our week"
    figures = page.locator("table.report data").all_inner_texts()
    page.locator(".report-tools summary").click()
    page.get_by_role("link", name="Share by a link").click()
    page.wait_for_url("**/reports/links/**")
    page.get_by_role("button", name="Make the link").click()
    address = page.locator("#link").input_value()
    path = address[address.index("/shared-link/") :]

    stranger = visit.context(signed_in=False, viewport=NARROW).new_page()
    told = stranger.goto(f"{town.url}{path}?language=en")
    assert told.status == 200
    assert stranger.locator("h1").inner_text() == "Our week"
    assert stranger.locator("table.report data").all_inner_texts() == figures
    assert stranger.locator("main a:not([href^='#'])").count() == 0
    assert stranger.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("button", name="Revoke Our week").click()
    expect(page.get_by_text("The link is revoked.")).to_have_count(1)
    assert stranger.request.get(town.url + path).status == 404
    with wall.tenant(town.tenant):
        SavedView.objects.filter(name="Our week").delete()
