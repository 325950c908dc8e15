"""Who may not see numbers looks up one that he holds in hand, or has one shown for a reason, within a day's budget."""

import threading
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connections
from django.test import Client

from portal.audit.models import Entry
from portal.outbox.models import Message
from portal.privacy.budget import budget_of, spend
from portal.privacy.models import LookUps, Reveal
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role
from portal.tenants.models.tenants import Tenant
from reports.privacy import look_up as acts
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from tests import factories
from tests.conftest import member
from tests.reports.api.conftest import make_key

pytestmark = pytest.mark.django_db
NUMBER, OTHER, STRANGER = "+5511987654321", "+5521912345678", "+5531900000000"
NOON = datetime(2026, 7, 9, 15, tzinfo=UTC)  # in São Paulo
VENDOR = "/vendor/talkover/api/v1"


@pytest.fixture(autouse=True)
def _noon(settings):
    settings.LOOK_UPS_PER_DAY = 3
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def called(acme, sales):
    """Two calls with the number, one with another."""
    with wall.tenant(acme):
        raw = f'{{"id":"a","to":"{NUMBER}"}}'
        calls = [factories.call(sales, "a", to_number=NUMBER, raw=raw), factories.call(sales, "b", to_number=NUMBER)]
        factories.call(sales, "c", to_number=OTHER)
        return calls


@pytest.fixture
def eva(acme):
    """A viewer who may look numbers up."""
    user = member(acme, "eva@acme.example", Role.VIEWER)
    with wall.tenant(acme):
        Grant.objects.filter(pk=grant_of(acme, user).pk).update(looks_up=True)
    return user


@pytest.fixture
def desk(client, eva):
    client.force_login(eva)
    return client


def grant_of(tenant, user) -> Grant:
    with wall.tenant(tenant):
        return Membership.objects.select_related("grant").get(user=user).grant


def opaque(tenant, number: str) -> str:
    return contact_id(number[1:], Scope(tenant.pk, "UTC", frozenset()))


def entries(tenant, *actions: str) -> list[Entry]:
    with wall.tenant(tenant):
        return list(Entry.objects.filter(action__in=actions).order_by("number"))


def used(tenant, user) -> int:
    with wall.tenant(tenant):
        return budget_of(tenant, grant_of(tenant, user).pk).used


def look(desk: Client, number: str):
    return desk.post("/t/acme/look-up/", {"number": number})


# --- Looking up ---------------------------------------------------------------------------------------------------


def test_a_page_leads_from_a_whole_number_to_its_contact(acme, called, eva, desk):
    answer = look(desk, "+55 11 98765-4321")
    assert answer.status_code == 302
    assert answer.url == f"/t/acme/contacts/{opaque(acme, NUMBER)}/"
    page = desk.get(answer.url)
    assert page.context["contact"].calls == 2
    assert "98765" not in page.content.decode()
    (entry,) = entries(acme, "number.looked_up")
    assert entry.user_id == eva.pk
    assert entry.about == {"call": str(max(call.pk for call in called)), "used": 1}


def test_the_same_number_on_the_same_day_costs_once(acme, called, eva, desk):
    for typed in (NUMBER, "5511987654321", "+55 (11) 98765-4321"):
        assert look(desk, typed).status_code == 302
    assert used(acme, eva) == 1
    assert len(entries(acme, "number.looked_up")) == 1


def test_a_number_that_nobody_called_costs_as_much(acme, called, eva, desk):
    answer = look(desk, STRANGER)
    assert (answer.status_code, answer.context["none"]) == (200, True)
    assert used(acme, eva) == 1
    assert entries(acme, "number.looked_up")[0].about == {"used": 1}


@pytest.mark.parametrize(
    "typed", ["", "98765", "4321", "11987654321", f"{NUMBER},{OTHER}", f"{NUMBER} {OTHER}", "+5511"]
)
def test_no_part_no_list_and_nothing_ambiguous_is_looked_up(acme, called, eva, desk, typed):
    answer = look(desk, typed)
    assert answer.status_code == 400
    assert list(answer.context["errors"]) == ["number"]
    assert used(acme, eva) == 0


def test_lists_and_reports_stay_closed_to_numbers(acme, called, desk):
    for path in ("calls/", "calls.csv", "reports/query/"):
        answer = desk.get(f"/t/acme/{path}?number={NUMBER[1:]}&number_match=exact")
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == 400 or b"nothing can be searched" in body, path
    order = {"what": "calls", "format": "csv", "number": NUMBER[1:], "number_match": "exact"}
    assert desk.post("/t/acme/exports/", order).status_code == 400


def test_no_form_offers_a_field_for_a_number_to_who_may_not_see_them(called, desk, client, ana):
    field = 'name="number"'
    for path in ("calls/", "reports/query/", "exports/"):
        assert field not in desk.get(f"/t/acme/{path}").content.decode(), path
    client.force_login(ana)
    assert field in client.get("/t/acme/reports/query/").content.decode()


def test_without_the_right_there_is_no_page(acme, called, client, bruno):
    client.force_login(bruno)
    assert client.get("/t/acme/look-up/").status_code == 403
    assert look(client, NUMBER).status_code == 403
    assert "look-up/" not in client.get("/t/acme/calls/").content.decode()


def test_the_list_of_calls_leads_to_the_page(acme, called, desk):
    assert "/t/acme/look-up/" in desk.get("/t/acme/calls/").content.decode()


def test_the_api_finds_contacts_and_calls_by_a_whole_number(acme, sales, called, client):
    headers = {"Authorization": f"Bearer {make_key(acme, numbers=False, looks_up=True)}"}

    def get(path):
        return client.get(f"/api/v1/{path}", headers=headers)

    (found,) = get("contacts/?number=%2B5511987654321").json()["results"]
    assert (found["id"], found["attempts"]) == (opaque(acme, NUMBER), 2)
    assert found["number"] == "+55 •• •••••-4321"
    whole = "calls/?number=%2B5511987654321&number_match=exact&page_size=1"
    first = get(whole).json()
    assert len(first["results"]) == 1
    second = client.get(first["next"], headers=headers).json()
    rows = [row["id"] for page in (first, second) for row in page["results"]]
    assert sorted(rows) == sorted(str(call.pk) for call in called)
    assert get("contacts/?number=5531900000000").json()["results"] == []
    for wrong in ("calls/?number=5511987654321", "calls/?number=987654321&number_match=exact",
                  "calls/?number=98765&number_match=begins", "contacts/?number=98765",
                  "reports/query/?number=5511987654321&number_match=exact"):  # fmt: skip
        assert get(wrong).status_code == 400, wrong
    assert len(entries(acme, "number.looked_up")) == 2


def test_the_vendors_form_finds_calls_by_a_whole_number(acme, sales, called, client):
    headers = {"Authorization": f"Bearer {make_key(acme, environment=sales, numbers=False, looks_up=True)}"}

    def search(text):
        return client.get(f"{VENDOR}/calls", {"search": text}, headers=headers)

    assert search(NUMBER).json()["pagination"]["total"] == 2
    assert NUMBER[5:10] not in search(NUMBER).content.decode()
    assert search(STRANGER).json()["pagination"]["total"] == 0
    assert search("98765").status_code == 422
    assert search(OTHER).json()["pagination"]["total"] == 1
    refused = search("+5541900000000")
    assert (refused.status_code, refused.json()["success"]) == (429, False)
    assert 0 < int(refused["Retry-After"]) <= 12 * 3600
    assert search(NUMBER).status_code == 200


# --- The budget ---------------------------------------------------------------------------------------------------


def test_a_used_up_budget_refuses_in_words_until_the_companys_day_is_over(acme, called, eva, desk):
    for number in (NUMBER, OTHER, STRANGER):
        assert look(desk, number).status_code in (200, 302)
    refused = look(desk, "+5541900000000")
    assert refused.status_code == 429
    assert "as many numbers as you may" in refused.content.decode()
    assert look(desk, NUMBER).status_code == 302  # which is paid for
    with time_machine.travel(datetime(2026, 7, 10, 2, 59, tzinfo=UTC), tick=False):
        desk.force_login(eva)  # anew, after hours
        assert look(desk, "+5541900000000").status_code == 429
    with time_machine.travel(datetime(2026, 7, 10, 3, 0, tzinfo=UTC), tick=False):
        assert look(desk, "+5541900000000").status_code == 200
        assert used(acme, eva) == 1
    with wall.tenant(acme):
        assert LookUps.objects.count() == 1  # only the last day of a reader is kept


def test_the_owners_are_told_once_a_day_and_the_number_stands_nowhere(acme, called, eva, desk, ana, bruno):
    for number in (NUMBER, OTHER, STRANGER, "+5541900000000", "+5541900000001"):
        look(desk, number)
    with wall.tenant(acme):
        (mail,) = Message.objects.all()
        written = "".join(map(str, LookUps.objects.values_list("numbers", flat=True)))
        about = "".join(f"{entry.about}{entry.changes}" for entry in Entry.objects.all())
    assert mail.to == ana.email
    assert "eva@acme.example" in mail.text
    for number in (NUMBER, OTHER, STRANGER):
        for text in (mail.text, mail.html, mail.subject, written, about):
            assert number[5:] not in text
    assert len(entries(acme, "number.looked_up_enough")) == 1
    with wall.tenant(acme):
        assert acts.objection(mail) == ""
        Membership.objects.filter(user=ana).update(role=Role.MANAGER)
        assert acts.objection(mail) == "no longer an owner"


def test_the_owners_mail_is_the_companys_own(settings, acme, called, eva, desk, ana):
    settings.ALLOWED_HOSTS = ["*"]
    Tenant.objects.filter(pk=acme.pk).update(brand_name="Blue Desk", host="calls.acme.example")
    for number in (NUMBER, OTHER, STRANGER):
        look(desk, number)
    with wall.tenant(acme):
        (mail,) = Message.objects.all()
    assert "//calls.acme.example" in mail.text
    assert "/t/acme/audit/?action=number.looked_up" in mail.text
    assert "Blue Desk" in mail.html
    assert "Ringbook" not in mail.html


def test_keys_of_a_maker_who_sees_no_numbers_share_his_budget(acme, called, eva, client):
    keys = [make_key(acme, numbers=False, looks_up=True, made_by=eva) for _ in range(2)]
    numbers = [NUMBER, OTHER, STRANGER, "+5541900000000"]
    answers = [
        client.get("/api/v1/contacts/", {"number": number}, headers={"Authorization": f"Bearer {keys[place % 2]}"})
        for place, number in enumerate(numbers)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert used(acme, eva) == 3


@pytest.mark.django_db(transaction=True)
def test_two_at_once_cannot_overspend(acme, called, eva):
    grant, allowed = grant_of(acme, eva).pk, []
    together = threading.Barrier(6)

    def run(place: int) -> None:
        try:
            with wall.tenant(acme):
                together.wait()
                allowed.append(spend(acme, grant, f"55119000000{place:02}").allowed)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(allowed) == [False] * 3 + [True] * 3
    assert used(acme, eva) == 3


# --- Showing one --------------------------------------------------------------------------------------------------


def show(desk: Client, tenant, number: str = NUMBER, reason: str = "Customer asked to be called back"):
    return desk.post(f"/t/acme/contacts/{opaque(tenant, number)}/reveal/", {"reason": reason})


def test_a_number_is_shown_for_a_reason_and_in_that_answer_alone(acme, called, eva, desk, ana):
    page = f"/t/acme/contacts/{opaque(acme, NUMBER)}/"
    for there in (page, f"/t/acme/calls/{called[0].pk}/"):
        body = desk.get(there).content.decode()
        assert f"{page}reveal/" in body
        assert "98765" not in body
    answer = show(desk, acme)
    assert answer.status_code == 200
    assert "(11) 98765-4321" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert "98765" not in desk.get(page).content.decode()
    (entry,) = entries(acme, "number.shown")
    with wall.tenant(acme):
        shown = Reveal.objects.get()
    assert entry.about == {"call": str(max(call.pk for call in called)), "reveal": str(shown.public_id)}
    assert shown.reason == "Customer asked to be called back"
    assert used(acme, eva) == 1
    desk.force_login(ana)
    assert "Customer asked to be called back" in desk.get("/t/acme/audit/").content.decode()


def test_showing_counts_in_the_budget_of_looking_up(acme, called, eva, desk):
    assert look(desk, NUMBER).status_code == 302
    assert show(desk, acme).status_code == 200
    assert used(acme, eva) == 1
    look(desk, STRANGER)
    look(desk, "+5541900000000")
    assert show(desk, acme, OTHER).status_code == 429
    with wall.tenant(acme):
        assert Reveal.objects.count() == 1


def test_no_reason_no_number(acme, called, eva, desk):
    for reason in ("", "   x  ", "y" * 201):
        answer = show(desk, acme, reason=reason)
        assert answer.status_code == 400
        assert "98765" not in answer.content.decode()
    assert used(acme, eva) == 0
    assert entries(acme, "number.shown") == []


def test_a_reason_keeps_no_number(acme, called, desk):
    show(desk, acme, reason="to call +55 11 98765-4321 and 21 91234-5678")
    with wall.tenant(acme):
        reason = Reveal.objects.get().reason
    assert reason.startswith("to call ")
    assert "98765" not in reason
    assert "91234" not in reason


def test_it_takes_the_right_the_contact_and_a_post(acme, globex, foreign, called, desk, client, bruno):
    assert desk.get(f"/t/acme/contacts/{opaque(acme, NUMBER)}/reveal/").status_code == 405
    with wall.tenant(globex):
        factories.call(foreign, "z", to_number=STRANGER)
    assert show(desk, acme, STRANGER).status_code == 404
    assert show(desk, globex).status_code == 404
    client.force_login(bruno)
    assert show(client, acme).status_code == 403


def test_the_api_shows_one_for_a_reason(acme, called, client):
    path = f"/api/v1/contacts/{opaque(acme, NUMBER)}/reveal/"

    def post(body, **rights):
        headers = {"Authorization": f"Bearer {make_key(acme, **rights)}"}
        return client.post(path, body, content_type="application/json", headers=headers)

    looking = {"numbers": False, "looks_up": True}
    answer = post({"reason": "for the courier"}, **looking)
    assert (answer.status_code, answer.json()) == (200, {"id": opaque(acme, NUMBER), "number": NUMBER})
    assert answer["Cache-Control"] == "private, no-store"
    assert [post(body, **looking).status_code for body in ({}, {"reason": 7}, {"reason": "x", "n": 1}, [])] == [400] * 4
    assert post({"reason": "for the courier"}, numbers=False).status_code == 403
    assert post({"reason": "for the courier"}, numbers=True).status_code == 200
    with wall.tenant(acme):
        assert LookUps.objects.count() == 1  # who sees numbers spends none
    owner = {"Authorization": f"Bearer {make_key(acme, role=Role.OWNER)}"}
    told = client.get("/api/v1/audit/", headers=owner).json()["results"]
    assert {row["reason"] for row in told if row["action"] == "number.shown"} == {"for the courier"}
