"""Who may write, change and delete notes, and hold up flags: one table of members and acts, asked over the pages."""

import pytest
from django.test import Client

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role
from reports.annotations.flags import flags_of
from reports.annotations.marks import marks_of
from reports.annotations.models import MOST_TEXT, CallFlag, CallNote
from reports.annotations.notes import counts_of
from reports.queries.scope import Scope
from tests import factories
from tests.conftest import member


@pytest.fixture
def people(acme, sales, care, ana, bruno, carla):
    """Ana owns; Dora manages; Bruno views Sales alone; Edu views all; Carla is of another tenant."""
    return {
        "ana": ana,
        "dora": member(acme, "dora@acme.example", Role.MANAGER),
        "bruno": bruno,
        "edu": member(acme, "edu@acme.example", Role.VIEWER),
        "carla": carla,
    }


@pytest.fixture
def clients(people):
    found = {"nobody": Client(headers={"accept-language": "en"})}
    for name, user in people.items():
        found[name] = Client(headers={"accept-language": "en"})
        found[name].force_login(user)
    return found


@pytest.fixture
def calls(acme, sales, care):
    with wall.tenant(acme):
        return {"sales": factories.call(sales, "t-1"), "care": factories.call(care, "c-1")}


def write(client, call, text="Ouvir de novo."):
    return client.post(f"/t/acme/calls/{call.pk}/notes/?status=failed", {"text": text})


def notes(acme):
    with wall.tenant(acme):
        return list(CallNote.objects.order_by("pk"))


@pytest.mark.parametrize(
    ("who", "where", "status"),
    [
        ("nobody", "sales", 302),
        ("ana", "sales", 302),
        ("ana", "care", 302),
        ("dora", "care", 302),
        ("bruno", "sales", 302),
        ("bruno", "care", 404),
        ("edu", "care", 302),
        ("carla", "sales", 404),
    ],
)
def test_who_may_write_and_flag(acme, clients, calls, who, where, status):
    answer = write(clients[who], calls[where])
    assert answer.status_code == status
    made = status == 302 and who != "nobody"
    assert len(notes(acme)) == made
    if made:
        assert answer["Location"] == f"/t/acme/calls/{calls[where].pk}/?status=failed#notes"
    flagged = clients[who].post(f"/t/acme/calls/{calls[where].pk}/flags/", {"on": "review"})
    assert flagged.status_code == status
    with wall.tenant(acme):
        assert CallFlag.objects.count() == made


# By whom Edu's note may be changed and deleted: 302 done, 403 refused, 404 not to be seen.
@pytest.mark.parametrize(
    ("who", "where", "change", "delete"),
    [
        ("edu", "sales", 302, 302),
        ("bruno", "sales", 403, 403),
        ("dora", "sales", 403, 302),
        ("ana", "sales", 403, 302),
        ("bruno", "care", 404, 404),
        ("carla", "sales", 404, 404),
    ],
)
def test_who_may_change_and_delete(acme, clients, calls, who, where, change, delete):
    write(clients["edu"], calls[where])
    (note,) = notes(acme)
    address = f"/t/acme/calls/{calls[where].pk}/notes/{note.public_id}/"
    assert clients[who].post(address, {"text": "Outra coisa."}).status_code == change
    assert notes(acme)[0].text == ("Outra coisa." if change == 302 else "Ouvir de novo.")
    assert (notes(acme)[0].changed_at is not None) == (change == 302)
    assert clients[who].post(address, {"act": "delete"}).status_code == delete
    assert len(notes(acme)) == (delete != 302)


def test_the_page_offers_what_may_be_done(acme, clients, calls):
    write(clients["edu"], calls["sales"])
    offered = {}
    for who in ("edu", "bruno", "dora"):
        body = clients[who].get(f"/t/acme/calls/{calls['sales'].pk}/").content.decode()
        assert "Ouvir de novo." in body
        offered[who] = ("Keep the change" in body, "Delete this note for good" in body)
    assert offered == {"edu": (True, True), "bruno": (False, False), "dora": (False, True)}


def test_a_form_takes_as_much_as_is_kept(clients, calls):
    body = clients["ana"].get(f"/t/acme/calls/{calls['sales'].pk}/").content.decode()
    assert f'maxlength="{MOST_TEXT}"' in body


def test_a_note_of_another_call_is_not_found_there(acme, clients, calls):
    write(clients["ana"], calls["care"])
    (note,) = notes(acme)
    address = f"/t/acme/calls/{calls['sales'].pk}/notes/{note.public_id}/"
    assert clients["ana"].post(address, {"act": "delete"}).status_code == 404
    assert len(notes(acme)) == 1


@pytest.mark.parametrize("text", ["", " \r\n ", "x" * (MOST_TEXT + 1)])
def test_what_cannot_be_kept_comes_back_with_the_reason(acme, clients, calls, text):
    answer = write(clients["ana"], calls["sales"], text)
    assert answer.status_code == 422
    assert notes(acme) == []
    body = answer.content.decode()
    assert 'role="alert"' in body
    assert text[:100].strip() in body


def test_what_no_database_keeps_is_refused(acme, clients, calls):
    assert write(clients["ana"], calls["sales"], "dois\x00").status_code == 400
    assert notes(acme) == []


def test_a_note_is_plain_text(acme, clients, calls):
    write(clients["ana"], calls["sales"], " <b>um</b>\r\ndois \U0001f600" + "é" * (MOST_TEXT - 16))
    (note,) = notes(acme)
    assert note.text.startswith("<b>um</b>\ndois")
    assert "&lt;b&gt;um&lt;/b&gt;" in clients["ana"].get(f"/t/acme/calls/{calls['sales'].pk}/").content.decode()


def test_flags_are_each_members_own_and_a_manager_clears_all(acme, clients, calls, people):
    address = f"/t/acme/calls/{calls['sales'].pk}/flags/"

    def held():
        with wall.tenant(acme):
            return set(CallFlag.objects.values_list("flag", "member__email"))

    for who in ("bruno", "edu", "edu"):
        clients[who].post(address, {"on": "problem"})
    assert held() == {("problem", people["bruno"].email), ("problem", people["edu"].email)}
    clients["bruno"].post(address, {"off": "problem"})
    assert held() == {("problem", people["edu"].email)}
    clients["dora"].post(address, {"off": "problem"})
    assert held() == set()
    assert clients["edu"].post(address, {"on": "nonsense"}).status_code == 404


def test_lists_see_marks_within_their_scope(acme, clients, calls, people, django_assert_num_queries):
    for name in ("sales", "care"):
        write(clients["ana"], calls[name])
        for flag in ("good", "review"):
            clients["ana"].post(f"/t/acme/calls/{calls[name].pk}/flags/", {"on": flag})
    ids = [call.pk for call in calls.values()]
    seen = {}
    with wall.tenant(acme):
        for who in ("ana", "bruno"):
            scope = Scope.of(Grant.objects.get(pk=Membership.objects.get(user=people[who]).grant_id))
            seen[who] = (flags_of(ids, scope), counts_of(ids, scope))
            with django_assert_num_queries(1):
                together = marks_of(ids, scope)
            assert {key: marks.flags for key, marks in together.items()} == seen[who][0]
            assert {key: marks.notes for key, marks in together.items()} == seen[who][1]
    marks = ("review", "good")
    both = {str(key): marks for key in ids}, {str(key): 1 for key in ids}
    assert seen["ana"] == both
    assert seen["bruno"] == ({str(calls["sales"].pk): marks}, {str(calls["sales"].pk): 1})


def test_acts_are_in_the_audit_without_a_word_of_them(acme, clients, calls, people):
    write(clients["edu"], calls["sales"], "Segredo +5511987654321")
    (note,) = notes(acme)
    address = f"/t/acme/calls/{calls['sales'].pk}"
    clients["edu"].post(f"{address}/notes/{note.public_id}/", {"text": "Segredo maior"})
    clients["edu"].post(f"{address}/notes/{note.public_id}/", {"text": "Segredo maior"})  # no change, no entry
    clients["edu"].post(f"{address}/flags/", {"on": "review"})
    clients["edu"].post(f"{address}/flags/", {"off": "review"})
    clients["dora"].post(f"{address}/notes/{note.public_id}/", {"act": "delete"})
    with wall.tenant(acme):
        entries = list(Entry.objects.filter(action__regex="^(note|flag)").order_by("pk"))
    assert [(entry.action, entry.user_id) for entry in entries] == [
        ("note.written", people["edu"].pk),
        ("note.changed", people["edu"].pk),
        ("flag.set", people["edu"].pk),
        ("flag.cleared", people["edu"].pk),
        ("note.deleted", people["dora"].pk),
    ]
    assert "Segredo" not in str([entry.about for entry in entries])
    assert {entry.about["call"] for entry in entries} == {str(calls["sales"].pk)}


def test_without_the_token_nothing_is_written(acme, people, calls):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["ana"])
    for path, data in (("notes/", {"text": "x"}), ("flags/", {"on": "review"})):
        assert client.post(f"/t/acme/calls/{calls['sales'].pk}/{path}", data).status_code == 403
    assert notes(acme) == []


def test_a_member_who_left_leaves_the_notes(acme, clients, calls, people):
    write(clients["edu"], calls["sales"])
    with wall.every_tenant("a person is removed"):
        people["edu"].delete()
    body = clients["ana"].get(f"/t/acme/calls/{calls['sales'].pk}/").content.decode()
    assert "Ouvir de novo." in body
    assert "somebody no longer here" in body
