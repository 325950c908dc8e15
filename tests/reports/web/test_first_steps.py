"""A company with nothing to show is led on, and what was never read is not called zero or nobody."""

import pytest

from portal.tenants.models.people import Role
from tests.conftest import member

PAGES = ("", "calls/", "callbacks/", "agents/", "campaigns/")


@pytest.mark.parametrize("page", PAGES)
def test_an_owner_of_an_empty_company_is_led_to_connect(client, ana, page) -> None:
    client.force_login(ana)
    shown = client.get(f"/t/acme/{page}").content.decode()
    assert "Connect your first environment" in shown
    assert "/t/acme/connections/new/" in shown
    assert "Nobody is waiting" not in shown


def test_a_viewer_of_an_empty_company_is_told_whom_to_ask(client, acme) -> None:
    client.force_login(member(acme, "vera@acme.example", Role.VIEWER))
    shown = client.get("/t/acme/").content.decode()
    assert "Ask an owner of this company" in shown
    assert "/t/acme/connections/new/" not in shown


def test_of_an_environment_that_was_never_read_nothing_is_made_up(client, ana, sales) -> None:
    client.force_login(ana)
    for page in ("callbacks/", "agents/", ""):
        shown = client.get(f"/t/acme/{page}").content.decode()
        assert "read from the vendor yet" in shown
        assert "/t/acme/connections/" in shown
    assert "Nobody is waiting" not in client.get("/t/acme/callbacks/").content.decode()
