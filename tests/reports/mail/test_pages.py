"""Leaving and confirming: a look changes nothing, a press does, and links outlive changes of keys."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.audit.models import Entry
from portal.tenants import wall
from reports.mail import links
from reports.mail.models import Recipient
from reports.mail.subscriptions import add_recipient, create_weekly

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


@pytest.fixture
def others(acme, globex, guest) -> dict[str, Recipient]:
    """More mails to the guest: two of Acme, one of Globex; and one of Acme to somebody else."""
    found = {}
    for tenant, names in ((acme, ("Sales", "Care")), (globex, ("Theirs",))):
        for name in names:
            row = create_weekly(tenant, guest.email, "pt-br", name=name)
            with wall.tenant(tenant):
                found[name] = row.recipients.get()
    row = create_weekly(acme, "else@client.example", "pt-br", name="Sales for another")
    with wall.tenant(acme):
        found["another"] = row.recipients.get()
    return found


def test_the_page_tells_all_that_this_company_sends_to_this_address_and_no_more(browser, guest, others):
    text = browser.get(path(guest, links.LEAVE)).content.decode()
    assert 'lang="pt-br"' in text
    for name in ("Sales", "Care"):
        assert f"<b>{name}</b>" in text
    assert "Theirs" not in text
    assert "another" not in text
    assert "semanal" in text
    assert guest.email not in text  # a link that is passed on tells no address


def test_one_of_them_is_left_and_another_readers_is_not(browser, guest, others):
    address = path(guest, links.LEAVE)
    for name in ("Sales", "another", "Theirs"):
        assert browser.post(address, {"act": "one", "mail": str(others[name].public_id)}).status_code == 200
    assert browser.post(address, {"act": "one", "mail": "x"}).status_code == 404
    assert again(others["Sales"]).left_at is not None
    for row in (guest, others["Care"], others["another"], others["Theirs"]):
        assert again(row).left_at is None


def test_all_of_them_are_left_at_once(browser, guest, others, acme):
    for _ in range(2):
        browser.post(path(guest, links.LEAVE), {"act": "all"})
    for row in (guest, others["Sales"], others["Care"]):
        assert again(row).left_at is not None
    for row in (others["another"], others["Theirs"]):
        assert again(row).left_at is None
    with wall.tenant(acme):
        assert Entry.objects.filter(action="mail.left").count() == 3


def test_the_language_is_the_readers_own(browser, guest, others, acme):
    address = path(guest, links.LEAVE)
    for language in ("xx", "en", "en"):
        answer = browser.post(address, {"act": "language", "language": language})
        assert answer.status_code == 200
    assert 'lang="en"' in answer.content.decode()
    assert again(guest).language == again(others["Care"]).language == "en"
    assert again(others["another"]).language == again(others["Theirs"]).language == "pt-br"
    with wall.tenant(acme):
        assert Entry.objects.filter(action="mail.language").count() == 1


def test_the_page_costs_the_same_however_many_mails(browser, guest, others, acme, django_assert_num_queries):
    address = path(guest, links.LEAVE)
    browser.get(address)
    with CaptureQueriesContext(connection) as few:
        browser.get(address)
    for number in range(5):
        create_weekly(acme, guest.email, "pt-br", name=f"More {number}")
    with django_assert_num_queries(len(few)):
        browser.get(address)
