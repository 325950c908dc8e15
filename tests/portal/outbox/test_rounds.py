"""Many messages over one connection, each as sure as by itself; and no domain, server or company is pressed."""

from datetime import timedelta

import pytest
import time_machine
from django.db.models.functions import Now
from redis.exceptions import ConnectionError as NoRedis

from portal.outbox import line, pace, post, rounds, tasks
from portal.outbox.models import Attempt, Message, PlatformMessage, State, Suppression
from portal.outbox.post import Conduct
from portal.outbox.smtp import SmtpBackend

pytestmark = pytest.mark.django_db


@pytest.fixture
def several(write):
    return [write(to=f"reader{number}@d{number}.example", reference=f"r-{number}") for number in range(8)]


def states():
    return list(Message.objects.order_by("id").values_list("state", flat=True))


def test_one_connection_carries_them_all(sink, several):
    assert rounds.go_round() is None
    assert states() == ["sent"] * 8
    assert sink.connections == 1
    assert [to for to, _ in sink.taken] == [message.to for message in several]
    assert Attempt.objects.count() == 8


def test_a_connection_is_not_used_for_ever(sink, several, monkeypatch):
    monkeypatch.setattr(line, "PER_CONNECTION", 3)
    rounds.go_round()
    assert (states(), sink.connections) == (["sent"] * 8, 3)


@pytest.mark.fault
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END", "RSET"])
@pytest.mark.parametrize("answer", ["451 later", "550 5.7.1 no", "421 4.3.2 closing", "drop", "hang"])
def test_a_fault_at_any_verb_of_one_is_no_other_ones(sink, several, verb, answer):
    """The third conversation meets it; the others leave, and nothing that may have arrived is sent twice."""
    sink.once[verb] = (3, answer)
    rounds.go_round()
    assert sum(state == "sent" for state in states()) >= 7
    odd = [state for state in states() if state != "sent"]
    if verb == "RSET":
        assert odd == []
    elif verb in ("DATA", "END") and answer in ("drop", "hang"):
        assert odd == ["unknown"]
    else:
        assert odd == [State.FAILED if answer.startswith("550") and verb != "MAIL" else State.PENDING]
    Message.objects.update(next_attempt_at=None)
    rounds.go_round()
    assert len(sink.taken) == len({to for to, _ in sink.taken}) >= states().count("sent")
    assert {*states()} <= {"sent", "failed", "unknown"}


def test_a_late_answer_to_one_message_is_not_taken_for_the_next_ones(sink, several):
    """Nobody knows of the first; what the server says about it afterwards is said to a closed door."""
    sink.once["END"] = (1, "late")
    rounds.go_round()
    assert states() == ["unknown", *["sent"] * 7]
    assert sink.connections == 2


def test_what_a_dead_address_answers_stays_with_it(sink, several):
    sink.once["RCPT"] = (2, "550 5.1.1 no such user")
    rounds.go_round()
    assert states() == ["sent", "failed", *["sent"] * 6]
    assert [row.address for row in Suppression.objects.all()] == [several[1].to]


def test_urgent_ones_and_those_to_people_overtake(sink, several, monkeypatch):
    monkeypatch.setattr(rounds, "CHUNK", 2)
    parts = {"to": "ana@acme.example", "subject": "Password", "text": "t", "html": "", "headers": {}}
    real, begun = SmtpBackend._send, []

    def meanwhile(backend, *mail):
        begun.append(1)
        if len(begun) == 1:
            post.put(tenant_id=None, reference="reset", conduct=Conduct(urgent=True), **parts)
            post.put(
                tenant_id=several[0].tenant_id, reference="code", conduct=Conduct(urgent=True),
                **parts | {"to": "bo@acme.example"},
            )  # fmt: skip
        return real(backend, *mail)

    monkeypatch.setattr(SmtpBackend, "_send", meanwhile)
    rounds.go_round()
    assert {to for to, _ in sink.taken[2:4]} == {"ana@acme.example", "bo@acme.example"}
    assert sink.connections == 1


def test_a_domain_gets_so_many_a_minute_and_others_do_not_wait(sink, write, settings):
    settings.MAILS_PER_MINUTE = 3
    for number in range(5):
        write(to=f"r{number}@slow.example", reference=f"s-{number}")
    write(to="r@other.example", reference="other")
    write(to="now@slow.example", reference="urgent", conduct=Conduct(urgent=True))
    with time_machine.travel("2026-07-13T11:00:10Z") as clock:
        assert rounds.go_round() is None
        assert sorted(to for to, _ in sink.taken) == [
            "now@slow.example", "r0@slow.example", "r1@slow.example", "r@other.example",
        ]  # fmt: skip
        assert Attempt.objects.count() == 4  # what waits its turn was not tried
        clock.shift(timedelta(minutes=1))
        rounds.go_round()
    assert len(sink.taken) == 7


def test_a_domain_that_rests_stalls_none_whose_name_ends_like_it(sink, write, settings):
    """What is read next leaves out the domains that rest, those very ones: neither ``gmail.com`` nor one beneath."""
    settings.MAILS_PER_MINUTE = 1
    for number in range(rounds.CHUNK + 2):
        write(to=f"r{number}@mail.com", reference=f"m-{number}")
    others = ["ana@gmail.com", "ana@in.mail.com", "ana@mail.com.br"]
    for to in others:
        write(to=to, reference=to)
    rounds.go_round()
    assert [to for to, _ in sink.taken] == ["r0@mail.com", *others]


def test_a_domain_that_puts_many_off_is_left_in_peace_and_one_that_takes_some_is_not(sink, write):
    for number in range(12):
        write(to=f"r{number}@tired.example", reference=f"t-{number}")
    write(to="r@other.example", reference="other")
    sink.answers["RCPT"] = "450 4.2.1 too many"
    with time_machine.travel("2026-07-13T11:00:10Z") as clock:
        rounds.go_round()
        assert Attempt.objects.count() == pace.PATIENCE + 1  # and the other's
        sink.answers.clear()
        Message.objects.update(next_attempt_at=None)
        rounds.go_round()
        assert [to for to, _ in sink.taken] == ["r@other.example"]
        clock.shift(timedelta(seconds=pace.FIRST_REST + 1))
        rounds.go_round()
    assert len(sink.taken) == 13


def test_a_grey_list_holds_up_nobody_else(sink, write):
    for number in range(12):
        write(to=f"r{number}@grey.example", reference=f"g-{number}")
    for turn in range(1, 4):
        sink.once["RCPT"] = (1, "450 4.7.1 grey")
        Message.objects.filter(reference=f"g-{turn}").update(urgent=True)
        rounds.go_round()
    assert len(sink.taken) == 11


def test_a_grey_list_that_puts_off_now_and_then_rests_no_domain(sink, write):
    """More often than its patience, but each time others were taken in between."""
    turns = 2 * pace.PATIENCE
    for turn in range(turns):
        for name in ("new", "known"):
            write(to=f"{name}{turn}@grey.example", reference=f"{name}-{turn}")
        sink.once["RCPT"] = (sink.said["RCPT"] + 1, "450 4.7.1 grey")
        rounds.go_round()
    assert [to for to, _ in sink.taken] == [f"known{turn}@grey.example" for turn in range(turns)]
    Message.objects.update(next_attempt_at=None)
    rounds.go_round()
    assert len(sink.taken) == 2 * turns


def test_where_nobody_listens_one_message_is_tried_and_the_others_wait(sink, several, settings):
    settings.EMAIL_PORT, port = 1, settings.EMAIL_PORT
    with time_machine.travel("2026-07-13T11:00:10Z") as clock:
        assert rounds.go_round() is None
        assert rounds.go_round() is None  # nor by the next task, for a while
        assert Attempt.objects.count() == 1
        settings.EMAIL_PORT = port
        clock.shift(timedelta(seconds=pace.SERVER_REST + 1))
        rounds.go_round()
    assert states() == ["pending", *["sent"] * 7]


def test_without_a_cache_mails_leave_all_the_same(sink, several, monkeypatch):
    def refuse(*_, **__):
        raise NoRedis

    for name in ("get", "add", "incr", "set", "delete"):
        monkeypatch.setattr(pace.cache, name, refuse, raising=False)
    rounds.go_round()
    assert states() == ["sent"] * 8


def test_a_message_that_cannot_be_handled_keeps_no_other(sink, several, monkeypatch):
    real = post.rules.objection

    def objection(message):
        if message.pk == several[0].pk:
            raise RuntimeError
        return real(message)

    monkeypatch.setattr(post.rules, "objection", objection)
    assert rounds.go_round() is None
    assert states() == ["pending", *["sent"] * 7]


def test_a_task_sends_for_a_while_and_hands_the_rest_on(sink, several, acme, monkeypatch):
    handed = []
    monkeypatch.setattr(rounds, "SECONDS", 0.0)
    monkeypatch.setattr(rounds, "CHUNK", 3)
    monkeypatch.setattr(tasks, "enqueue", lambda *ids: handed.append(ids))
    monkeypatch.setattr(rounds.time, "monotonic", iter([0.0, 0.0, 1.0]).__next__)
    tasks.deliver_message(acme.pk, several[0].pk)
    assert handed == [(acme.pk, several[3].pk)]
    assert states() == [*["sent"] * 3, *["pending"] * 5]


def test_what_others_hold_is_left_to_them(sink, several):
    Message.objects.filter(pk=several[2].pk).update(claimed_until=Now() + timedelta(minutes=5), attempts=1)
    assert rounds.go_round() is None
    assert states()[2] == "pending"
    assert len(sink.taken) == 7
    assert not PlatformMessage.objects.exists()
