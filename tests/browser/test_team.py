"""A person's way through a company: invited, with a second factor, narrowed to one agent, and taken out again."""

import re
import time
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import expect

from portal.accounts.models import Invitation
from portal.outbox.models import PlatformMessage
from portal.tenants import wall
from sync.models.agents import Agent
from sync.models.calls import Call
from tests.browser.town import Town

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
NINA, SECRET = "nina@new.example", "a long way to walk home"
HALF_A_MINUTE = 30


def signed_in(visit: Any, email: str, password: str) -> Any:
    """A page of a browser of its own, past the door."""
    page = visit.goto(visit.context(signed_in=False).new_page(), "")
    sign_in(page, email, password)
    return page


def sign_in(page: Any, email: str, password: str) -> None:
    page.fill("[name=login]", email)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")


def invitation_link(town: Town) -> str:
    message = PlatformMessage.objects.filter(to=NINA).latest("pk")
    found = re.search(r"/accounts/invitation/\S+", message.text)
    assert found is not None
    return f"{town.url}{found[0]}"


def code_of(secret: str, *, later: int = 0) -> str:
    """What an authenticator app shows, or will in some half minutes: a code is taken once."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // HALF_A_MINUTE + later))


def test_invited_with_a_second_factor_narrowed_and_taken_out(visit, town: Town) -> None:
    owner = signed_in(visit, "ana@acme.example", "correct horse battery")
    owner.wait_for_url("**/t/acme/")
    visit.goto(owner, "team/")
    owner.get_by_role("link", name="Invite somebody").click()
    owner.fill("[name=email]", NINA)
    owner.locator("#role").select_option("manager")
    owner.locator("form.mail-form button[type=submit]").click()
    owner.wait_for_url("**/team/")
    expect(owner.get_by_role("region", name="Open invitations")).to_contain_text(NINA)

    nina = visit.context(signed_in=False).new_page()
    visit.goto(nina, invitation_link(town))
    nina.fill("[name=name]", "Nina New")
    nina.fill("[name=password]", SECRET)
    nina.get_by_role("button", name="Join").click()
    nina.wait_for_url("**/t/acme/**")
    assert nina.request.get(invitation_link(town)).status == 404  # it was used

    visit.goto(nina, f"{town.url}/accounts/2fa/app/add/")
    nina.fill("[name=password]", SECRET)
    nina.press("[name=password]", "Enter")
    secret = nina.locator(".door code").inner_text()
    nina.fill("[name=code]", code_of(secret))
    nina.get_by_role("button", name="Go on").click()
    nina.wait_for_url("**/accounts/2fa/codes/**")
    nina.context.clear_cookies()
    visit.goto(nina, "calls/")
    sign_in(nina, NINA, SECRET)
    expect(nina.get_by_role("heading", level=1)).to_have_text("Second factor")
    assert nina.request.get(town.page("calls/"), max_redirects=0).status == 302  # the password alone opens nothing
    nina.fill("[name=code]", code_of(secret, later=1))
    nina.get_by_role("button", name="Sign in", exact=True).click()
    nina.wait_for_url("**/t/acme/calls/")

    with wall.tenant(town.tenant):
        mine = Agent.objects.filter(pk__in=Call.objects.values("agent_id")).earliest("pk")
        others = [str(row) for row in Agent.objects.exclude(pk=mine.pk) if str(row) not in str(mine)]
    assert any(name in nina.locator("main").inner_text() for name in others)
    owner.reload()
    owner.get_by_role("link", name="Nina New").click()
    owner.locator("[name=which_agents][value=some]").check()
    owner.locator(f"[name=agents][value='{mine.public_id}']").check()
    owner.locator("form.mail-form button[type=submit]").first.click()
    owner.wait_for_url("**/team/")

    visit.goto(nina, "calls/")
    assert nina.locator("table.calls tbody tr").count() > 0
    for path in ("", "calls/", "agents/", "callbacks/", "campaigns/", "reports/query/?metrics=attempts&by=agent"):
        visit.goto(nina, path)
        text = nina.locator("main").inner_text()
        assert [name for name in others if name in text] == [], path
    visit.goto(nina, "agents/")
    assert str(mine) in nina.locator("main").inner_text()

    visit.goto(nina, "keys/")
    nina.fill("#name", "Nina's program")
    nina.locator("form.mail-form button[type=submit]").click()
    key = re.search(r"ring_[\w-]+", nina.locator("main").inner_text())
    assert key is not None
    asked = {"headers": {"Authorization": f"Bearer {key[0]}"}}
    program = visit.context(signed_in=False).request
    assert program.get(f"{town.url}/api/v1/agents/", **asked).status == 200

    visit.goto(owner, "team/")
    owner.get_by_role("link", name="Nina New").click()
    owner.locator("summary", has_text="Remove from the company").click()
    owner.get_by_role("button", name="Remove from the company").click()
    owner.wait_for_url("**/team/")
    assert program.get(f"{town.url}/api/v1/agents/", **asked).status == 401
    nina.get_by_role("link", name="Calls", exact=True).first.click()
    expect(nina.locator("table.calls")).to_have_count(0)
    expect(nina.get_by_role("link", name="Callbacks", exact=True)).to_have_count(0)
    assert nina.request.get(town.page("calls/")).status == 404
    visit.watch.said = [said for said in visit.watch.said if "status of 404" not in said]
    with wall.tenant(town.tenant):
        assert not Invitation.objects.filter(Invitation.OPEN, email=NINA).exists()
