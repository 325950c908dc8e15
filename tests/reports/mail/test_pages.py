"""Leaving and confirming: a look changes nothing, a press does, and links outlive changes of keys."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.test import Client

from portal.audit.models import Entry
from portal.tenants import wall
from reports.mail import links
from reports.mail.models import Recipient
from reports.mail.subscriptions import add_recipient

pytestmark = pytest.mark.django_db


@pytest.fixture
def guest(acme, weekly) -> Recipient:
    with wall.tenant(acme):
        return add_recipient(weekly, "guest@client.example", language="pt-br")


@pytest.fixture
def browser() -> Client:
    """Without cookies, and with the check of forms on, as a mail program comes."""
    return Client(enforce_csrf_checks=True)


def path(recipient, purpose):
    return links.address(recipient, purpose).removeprefix("http://127.0.0.1:8000")


def again(recipient):
    with wall.tenant(recipient.tenant_id):
        return Recipient.objects.get(pk=recipient.pk)


def test_looking_at_the_page_of_leaving_changes_nothing(browser, guest):
    for _ in range(3):
        response = browser.get(path(guest, links.LEAVE))
        assert response.status_code == 200
        assert b'method="post"' in response.content
        assert browser.head(path(guest, links.LEAVE)).status_code == 200
    assert again(guest).left_at is None
    assert "no-store" in response["Cache-Control"]


def test_one_click_leaves_at_once_and_again(browser, guest, acme):
    for _ in range(2):
        response = browser.post(path(guest, links.LEAVE), {"List-Unsubscribe": "One-Click"})
        assert response.status_code == 200
    assert again(guest).left_at is not None
    with wall.tenant(acme):
        assert list(Entry.objects.filter(action__startswith="mail.").values_list("action", flat=True)) == ["mail.left"]


def test_confirming_takes_a_press_and_does_not_bring_back_who_left(browser, guest):
    browser.get(path(guest, links.CONFIRM))
    assert again(guest).confirmed_at is None
    assert browser.post(path(guest, links.CONFIRM)).status_code == 200
    assert again(guest).confirmed_at is not None
    browser.post(path(guest, links.LEAVE))
    assert browser.post(path(guest, links.CONFIRM)).status_code == 200
    assert again(guest).left_at is not None


@pytest.mark.parametrize("purpose", [links.LEAVE, links.CONFIRM])
def test_forged_links_and_links_for_another_purpose_are_absent(browser, guest, purpose):
    good = path(guest, purpose)
    other = links.CONFIRM if purpose == links.LEAVE else links.LEAVE
    stem, _, token = good.rpartition("/")
    value, rest = token.split(".", 1)
    forged = [good[:-1], f"{stem}/{value}1.{rest}", f"{stem}/x", good.replace(purpose, other), f"{stem}/%00"]
    for address in forged:
        assert browser.post(address).status_code == 404
        assert browser.get(address).status_code == 404
    assert again(guest).left_at is None
    assert again(guest).confirmed_at is None


def test_a_link_of_somebody_who_is_gone_still_answers(browser, guest, acme):
    address = path(guest, links.LEAVE)
    with wall.tenant(acme):
        guest.delete()
    assert browser.get(address).status_code == 200
    assert browser.post(address).status_code == 200


def test_links_outlive_new_keys(browser, guest, settings):
    address = path(guest, links.LEAVE)
    settings.SECRET_KEY = "another"
    settings.TOKEN_KEYS = [Fernet.generate_key().decode(), *settings.TOKEN_KEYS]
    assert browser.get(address).status_code == 200
    settings.TOKEN_KEYS = settings.TOKEN_KEYS[:1]
    assert browser.get(address).status_code == 404


def test_a_confirming_link_ends_after_thirty_days(browser, guest):
    address = path(guest, links.CONFIRM)
    leaving = path(guest, links.LEAVE)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=31)):
        assert browser.post(address).status_code == 404
        assert browser.get(leaving).status_code == 200
