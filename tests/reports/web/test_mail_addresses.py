"""The owner's page of addresses: pauses lifted, domains named, who was added by whom; and what the domains decide."""

import html
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.audit.models import Entry
from portal.outbox import domains
from portal.outbox.models import Feedback, Message, Suppression
from portal.outbox.post import put
from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.mail import rights
from reports.mail.plans import read_plan
from reports.mail.rights import NotAllowed, at_the_console
from reports.mail.subscriptions import add_recipient, create, create_weekly
from reports.queries.question import QuestionError
from reports.web.mail import addresses
from tests.conftest import member

pytestmark = pytest.mark.django_db
PAGE = "/t/acme/mail/addresses/"


@pytest.fixture
def owner(client, ana):
    client.force_login(ana)
    return client


def paused(tenant, address="guest@client.example", **parts):
    with wall.tenant(tenant):
        return Suppression.objects.create(tenant=tenant, address=address, reason="550 no such user", **parts)


def test_paused_addresses_are_listed_and_lifted(owner, acme, globex):
    paused(acme)
    paused(acme, "loud@client.example", cause="complained")
    paused(globex, "theirs@client.example")
    text = owner.get(PAGE).content.decode()
    assert "guest@client.example" in text
    assert "550 no such user" in text
    assert "Its reader reported a mail as unwanted." in text
    assert "theirs@client.example" not in text
    for address in ("guest@client.example", "theirs@client.example", "nobody@client.example", "\n"):
        assert owner.post(PAGE, {"act": "lift", "address": address}).status_code == 302
    with wall.tenant(acme):
        assert list(Suppression.objects.values_list("address", flat=True)) == ["loud@client.example"]
        [entry] = Entry.objects.filter(action="mail.address_lifted")
        assert entry.about == {"domain": "client.example"}
    with wall.tenant(globex):
        assert Suppression.objects.count() == 1


def test_an_owner_sends_a_test_mail_and_reads_the_answer(owner, acme, ana):
    for _ in range(2):
        assert owner.post(PAGE, {"act": "test"}).status_code == 302
    assert "It waits to be sent." in owner.get(PAGE).content.decode()
    with wall.tenant(acme):
        assert {message.to for message in Message.objects.all()} == {ana.email}
        Message.objects.update(state="failed", last_reply="550 5.7.1 <b>no</b>")
    assert "550 5.7.1 &lt;b&gt;no&lt;/b&gt;" in owner.get(PAGE).content.decode()


@pytest.mark.parametrize("path", ["mail/", "alerts/", "team/", ""])
def test_owners_read_on_their_pages_that_an_owner_gets_no_mail(client, acme, ana, path, settings):
    settings.BASE_URL = "https://calls.example"
    paused(acme, ana.email)
    paused(acme, "guest@client.example")
    second = member(acme, "second@acme.example", Role.OWNER)
    for user, reads in ((second, True), (member(acme, "mara@acme.example", Role.MANAGER), False)):
        client.force_login(user)
        text = client.get(f"/t/acme/{path}").content.decode()
        assert (f"No mail goes to the owner {ana.email}" in text) == reads
        assert "guest@client.example any more" not in text


def test_owners_read_that_mails_go_nowhere(owner, acme, ana, settings, tmp_path):
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "portal.outbox.folder.FolderBackend", tmp_path
    with wall.tenant(acme):
        row = create_weekly(acme, ana.email, "en")
    for path in ("", "new/", f"{row.public_id}/", "addresses/"):
        assert "This portal has no mail server" in owner.get(f"/t/acme/mail/{path}").content.decode(), path


def test_after_a_pause_was_lifted_what_came_back_before_counts_no_more(owner, acme):
    paused(acme)
    with wall.tenant(acme):
        for number, kind in enumerate(("soft", "soft", "hard")):
            message = put(
                tenant_id=acme.pk, to="guest@client.example", subject="s", text="t", html="", headers={},
                reference=f"r-{number}",
            )  # fmt: skip
            Feedback.objects.create(tenant=acme, message=message, kind=kind)
    owner.post(PAGE, {"act": "lift", "address": "guest@client.example"})
    with wall.tenant(acme):
        assert list(Feedback.objects.values_list("forgiven", flat=True)) == [True] * 3
        assert Message.objects.count() == 3


def test_domains_are_named_and_taken_back(owner, acme, globex):
    for text, status in ((" Client.example\r\n@acme.example,acme.example", 302), ("client.example\n<b>x</b>", 400)):
        assert owner.post(PAGE, {"act": "domains", "domains": text}).status_code == status
    answer = owner.post(PAGE, {"act": "domains", "domains": "<b>x</b>"})
    assert "<b>x</b>" not in answer.content.decode()
    with wall.tenant(acme):
        assert domains.domains() == ["acme.example", "client.example"]
        assert Entry.objects.filter(action="mail.domains").count() == 1
    with wall.tenant(globex):
        assert domains.beyond(["x@y.example"]) == []
    owner.post(PAGE, {"act": "domains", "domains": ""})
    with wall.tenant(acme):
        assert domains.domains() == []
    assert owner.post(PAGE, {"act": "else"}).status_code == 404


def test_who_was_added_by_whom_and_when_is_shown(owner, acme, ana):
    row = create_weekly(acme, "guest@client.example", "en", name="Weekly")
    with wall.tenant(acme):
        by = at_the_console(acme)
        add_recipient(
            row, "more@client.example", language="en", author=type(by)(acme, by.role, by.rights, by.scope, ana)
        )
    text = owner.get(PAGE).content.decode()
    assert "added by an administrator" in text
    assert f"added by {ana.name or ana.email}" in text
    assert "has not agreed yet" in text


def test_the_page_costs_the_same_however_many_stand_there(owner, acme, django_assert_num_queries):
    row = create_weekly(acme, "guest@client.example", "en", name="Weekly")
    paused(acme)
    owner.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        owner.get(PAGE)
    with wall.tenant(acme):
        for number in range(5):
            add_recipient(row, f"r{number}@client.example", language="en")
    for number in range(5):
        paused(acme, f"p{number}@client.example")
    with django_assert_num_queries(len(few)):
        owner.get(PAGE)


@pytest.fixture
def only_acme(acme):
    with wall.tenant(acme):
        domains.keep(acme.pk, ["acme.example"])


def test_nobody_of_another_domain_is_added_but_members(acme, bruno, only_acme):
    with wall.tenant(acme):
        by = at_the_console(acme)
        for address in ("x@client.example", "x@sub.acme.example", "x@acme.example.evil.example"):
            with pytest.raises(QuestionError) as refused:
                read_plan({"to": [address]}, by)
            assert address in refused.value.errors["to"]
        type(bruno).objects.filter(pk=bruno.pk).update(email="bruno@elsewhere.example")
        assert read_plan({"to": ["X@Acme.example", "bruno@elsewhere.example"]}, by).to


def test_who_stands_on_a_mail_of_before_gets_nothing_and_hinders_no_change(acme, sales):
    with wall.tenant(acme):
        by = at_the_console(acme)
        row = create(read_plan({"to": ["guest@client.example"]}, by), by)
        reader = row.recipients.get()
        assert rights.shown_to(reader, row)
        domains.keep(acme.pk, ["acme.example"])
        with pytest.raises(NotAllowed, match="domain not allowed"):
            rights.shown_to(reader, row)
        assert read_plan({"name": "Other"}, by, before=row).to == ("guest@client.example",)


def test_both_lists_are_leafed_through_each_by_itself(owner, acme, ana, monkeypatch):
    monkeypatch.setattr(addresses, "SHOWN", 3)
    weekly = create_weekly(acme, ana.email, "en")
    for number in range(7):
        paused(acme, f"paused{number}@client.example")
        with wall.tenant(acme):
            add_recipient(weekly, f"reader{number}@client.example", language="en")

    def shown(query):
        text = owner.get(PAGE + query).content.decode()
        found = [sorted(set(re.findall(rf"{name}([0-9])@client", text)), reverse=True) for name in ("paused", "reader")]
        return found, [html.unescape(link) for link in re.findall(r'href="([^"]+)" rel="(?:prev|next)"', text)]

    found, (paused_on, readers_on) = shown("")
    assert found == [["6", "5", "4"]] * 2
    found, links = shown(paused_on)
    assert found == [["3", "2", "1"], ["6", "5", "4"]]
    assert len(links) == 3
    assert shown(links[2])[0] == [["3", "2", "1"], ["3", "2", "1"]]
    assert shown(links[1])[0] == [["0"], ["6", "5", "4"]]
    assert shown(links[0])[0] == [["6", "5", "4"]] * 2
    assert shown(readers_on)[0] == [["6", "5", "4"], ["3", "2", "1"]]
    for query in ("?paused=x", "?readers=" + paused_on.partition("paused=")[2].partition("&")[0].partition("#")[0]):
        assert owner.get(PAGE + query).status_code == 404
