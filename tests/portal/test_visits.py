"""An administrator's visit: for a reason, to read, for an hour, seen by the tenant; and nothing without one."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from portal.accounts import visits
from portal.audit.models import Entry, Visit
from portal.outbox import post
from portal.outbox.models import Message, State
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role, User
from tests import factories
from tests.conftest import member

NOON = datetime(2026, 7, 8, 15, tzinfo=UTC)
WHY = "A figure of the overview looks wrong, ticket R-12"


@pytest.fixture
def root(client, db) -> User:
    user = User.objects.create_superuser("root@ringbook.example", "correct horse battery")
    client.force_login(user)
    return user


def visit(client, tenant, reason=WHY):
    return client.post(reverse("admin:tenants_tenant_visit", args=[tenant.pk]), {"reason": reason})


def entries(tenant, action: str) -> list[Entry]:
    with wall.tenant(tenant):
        return list(Entry.objects.filter(action=action).order_by("number"))


def test_without_a_visit_an_administrator_is_a_stranger(client, root, acme, globex, ana) -> None:
    assert client.get("/t/acme/").status_code == 404
    assert client.get("/t/nobody/").status_code == 404
    assert client.get("/api/v1/calls/?tenant=acme").status_code == 404
    visit(client, globex)
    assert client.get("/t/globex/").status_code == 200
    assert client.get("/t/acme/").status_code == 404


def test_a_visit_opens_the_company_to_the_administrator_who_gave_the_reason_alone(client, root, acme, ana) -> None:
    visit(client, acme)
    other = Client()
    other.force_login(User.objects.create_superuser("other@ringbook.example", "correct horse battery"))
    assert client.get("/t/acme/").status_code == 200
    assert other.get("/t/acme/").status_code == 404
    assert other.post(reverse("admin:tenants_tenant_visit_end", args=[acme.pk])).status_code == 302
    assert client.get("/t/acme/").status_code == 200
    with wall.tenant(acme):
        assert not Entry.objects.filter(action="visit.page_opened").exclude(user=root).exists()


def test_a_visit_wants_a_reason_that_may_be_shown(client, root, acme, ana) -> None:
    for reason in ("", "because", "He asked from +55 11 98765-4321 about it", "x" * 400):
        assert visit(client, acme, reason).status_code == 200
    assert client.get("/t/acme/").status_code == 404
    assert visit(client, acme)["Location"] == "/t/acme/"
    assert client.get("/t/acme/").status_code == 200


def test_it_reads_as_an_owner_without_numbers_and_changes_nothing(client, root, acme, sales, ana, behind_acme) -> None:
    factories.call(sales, "call-1", to_number="+5511987654321")
    visit(client, acme)
    listed = client.get("/t/acme/calls/?days=all").content.decode()
    assert "987654321" not in re.sub(r"\D", "", listed)
    assert "call-1" in listed or "/t/acme/calls/" in listed
    for page in ("audit/", "team/", "keys/", "connections/", "mail/", "exports/"):
        assert client.get(f"/t/acme/{page}").status_code == 200, page
    for page in ("keys/", "mail/new/", "exports/", "settings/sign-in/", "team/invite/", "erasures/", "calls/views/"):
        assert client.post(f"/t/acme/{page}", {"name": "x", "second_factor": "nobody"}).status_code == 403, page
    for file in ("calls.csv", "audit/audit.csv", "audit/audit.jsonl"):
        assert client.get(f"/t/acme/{file}").status_code == 403, file
    assert client.get("/api/v1/calls/").status_code == 403
    assert client.get("/api/v1/calls/?tenant=acme").status_code == 404
    assert client.post("/accounts/language/", {"language": "en", "next": "/t/acme/"}).status_code == 302


def test_the_banner_says_whose_pages_these_are_and_leads_out(client, root, acme, ana) -> None:
    with time_machine.travel(NOON, tick=False):
        visit(client, acme)
        page = client.get("/t/acme/").content.decode()
        assert "You visit Acme until 13:00 (São Paulo)" in page
        out = re.search(r'action="(/admin/[^"]+/visit/end/)"', page)
        assert out is not None
        assert client.post(out[1]).status_code == 302
        assert client.get("/t/acme/").status_code == 404
    assert [entry.about for entry in entries(acme, "visit.ended")] == [
        entry.about for entry in entries(acme, "visit.begun")
    ]


def test_it_ends_after_an_hour_and_with_the_administrators_own_right(client, root, acme, ana) -> None:
    with time_machine.travel(NOON, tick=False):
        visit(client, acme)
    with time_machine.travel(NOON + timedelta(minutes=59), tick=False):
        assert client.get("/t/acme/").status_code == 200
    with time_machine.travel(NOON + timedelta(minutes=60), tick=False):
        assert client.get("/t/acme/").status_code == 404
        visit(client, acme)
        assert client.get("/t/acme/").status_code == 200
        User.objects.filter(pk=root.pk).update(is_staff=False)
        assert client.get("/t/acme/").status_code == 404


def test_a_closed_company_is_not_visited(client, root, acme) -> None:
    acme.active = False
    acme.save()
    visit(client, acme)
    assert client.get("/t/acme/").status_code == 404
    with wall.tenant(acme):
        assert not Visit.objects.exists()


def test_each_owner_gets_one_mail(client, root, acme, ana, bruno) -> None:
    second = member(acme, "otto@acme.example", Role.OWNER)
    visit(client, acme)
    visit(client, acme)  # pressed twice
    with wall.tenant(acme):
        mails = list(Message.objects.order_by("to"))
        assert Visit.objects.count() == 1
        assert [mail.to for mail in mails] == [ana.email, second.email]
        assert WHY in mails[0].text
        assert "root@ringbook.example" in mails[0].text
        Membership.objects.filter(user=second).update(role=Role.VIEWER)


@pytest.mark.django_db(transaction=True)
def test_who_is_no_owner_any_more_gets_none(acme, ana) -> None:
    root = User.objects.create_superuser("root@ringbook.example", "correct horse battery")
    visits.begin(acme, WHY, user=root, address=None)
    with wall.tenant(acme):
        Membership.objects.filter(user=ana).update(role=Role.VIEWER)
        assert post.deliver(Message.objects.get().pk) == State.SUPPRESSED


def test_the_tenant_sees_who_came_why_and_what_was_opened(client, root, acme, sales, ana, behind_acme) -> None:
    call = factories.call(sales, "call-1", raw='{"transcript": "hello"}')
    visit(client, acme)
    for _ in range(2):
        client.get(f"/t/acme/calls/{call.pk}/")
    opened = [entry.about for entry in entries(acme, "visit.page_opened")]
    assert [(about["page"], about.get("call")) for about in opened] == [("call", str(call.pk))]
    assert entries(acme, "visit.page_opened")[0].user_id == root.pk

    client.force_login(ana)
    page = client.get("/t/acme/audit/").content.decode()
    assert "root@ringbook.example" in page
    assert WHY in page
    assert "A page was opened on a visit" in page
    assert "You visit" not in page


def test_a_member_needs_no_visit(client, root, acme) -> None:
    with wall.tenant(acme):
        Membership.objects.create(
            tenant=acme, user=root, role=Role.VIEWER, grant=Grant.objects.create(tenant=acme, sees_numbers=True)
        )
    assert client.get(reverse("admin:tenants_tenant_visit", args=[acme.pk]))["Location"] == "/t/acme/"
    assert "You visit" not in client.get("/t/acme/").content.decode()
    assert client.get("/t/acme/audit/").status_code == 403
