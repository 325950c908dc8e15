"""An alert whose maker is gone, or sees less: it rests, or is judged by what he sees, and owners hear of it once."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from portal.outbox import post
from portal.outbox.models import Message, State, Telling
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role, User
from reports.alerts import acts
from reports.alerts.models import Alert
from reports.alerts.resting import tell_owners
from reports.alerts.wishes import read_plan
from reports.mail import lost
from tests.conftest import member
from tests.reports.alerts.conftest import author, events, look, read_until, standing
from tests.reports.mail.conftest import DUE

pytestmark = pytest.mark.django_db
RULE = {"when": "below", "metric": "attempts", "value": 100, "over": "today"}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def joe(acme, mirrored, ana):
    """A manager, who sets alerts up."""
    read_until(acme, DUE)
    User.objects.filter(pk=ana.pk).update(language="en")
    return member(acme, "joe@acme.example", Role.MANAGER)


def told(tenant) -> list[Message]:
    with wall.tenant(tenant):
        return list(Message.objects.filter(rule="lost").order_by("id"))


def narrow(tenant, user, *environments) -> None:
    with wall.tenant(tenant):
        grant = Membership.objects.select_related("grant").get(user=user).grant
        Grant.objects.filter(pk=grant.pk).update(all_environments=False)
        grant.environments.set(environments)


def gone(tenant, user) -> None:
    with wall.tenant(tenant):
        Membership.objects.filter(user=user).delete()


def test_owners_hear_once_that_an_alert_rests_and_again_when_its_next_maker_goes(acme, globex, ana, joe):
    standing(acme, joe, name="Few", to=[ana.email], **RULE)
    gone(acme, joe)
    for minute in range(3):
        look(acme, DUE + minute * MINUTE)
    assert events(acme) == []
    (mail,) = told(acme)
    assert (mail.to, mail.subject) == (ana.email, "Acme: the alert “Few” rests")
    for words in ("Attempts is below 100", "not a member any more", "/t/acme/alerts/"):
        assert words in mail.text, words
    assert told(globex) == []
    kim = member(acme, "kim@acme.example", Role.MANAGER)
    with wall.tenant(acme):
        assert post.deliver(mail.pk) == "sent"
        by, row = author(acme, kim), Alert.objects.get()
        acts.change(row, read_plan({"value": 99}, by, before=row), by)  # Kim stands for it now
    assert look(acme, DUE + 5 * MINUTE) == 1
    gone(acme, kim)
    look(acme, DUE + 6 * MINUTE)
    assert len(told(acme)) == 2


def test_a_maker_narrowed_past_its_filters_makes_it_rest_and_never_fire(acme, mirrored, care, ana, joe):
    """No call at all is below a hundred, too: that of nothing is no figure."""
    standing(acme, joe, to=[ana.email], filters={"environment": str(mirrored.public_id)}, **RULE)
    narrow(acme, joe, care)
    assert look(acme, DUE) == 0
    with wall.tenant(acme):
        assert Alert.objects.get().doubt == "nothing to see"
    assert len(told(acme)) == 1
    narrow(acme, joe, care, mirrored)
    assert look(acme, DUE + MINUTE) == 1  # and goes on once he sees it again


def test_a_maker_who_sees_less_has_it_judged_by_that(acme, mirrored, care, ana, joe):
    """Care was never read, so both together say nothing; Sales alone does."""
    standing(acme, joe, to=[ana.email], **RULE)
    assert look(acme, DUE) == 0
    narrow(acme, joe, mirrored)
    assert look(acme, DUE + MINUTE) == 1
    assert told(acme) == []


def test_owners_who_see_less_than_the_alert_are_not_told(acme, mirrored, care, ana, joe):
    """They could not open it."""
    standing(acme, joe, to=[ana.email], **RULE)
    narrow(acme, ana, care)
    gone(acme, joe)
    look(acme, DUE)
    assert told(acme) == []


def test_a_mail_about_it_does_not_put_off_those_about_lost_reports(acme, ana, joe):
    alert = standing(acme, joe, to=[ana.email], **RULE)
    with wall.tenant(acme):
        assert tell_owners(alert, "nobody vouches")
        assert not tell_owners(alert, "nobody vouches")
        lost.Suppression.objects.create(tenant=acme, address="x@client.example", reason="")
    lost.watch()
    assert len(told(acme)) == 2


@pytest.mark.django_db(transaction=True)
def test_two_that_find_it_at_once_tell_once(acme, ana, joe):
    alert = standing(acme, joe, to=[ana.email], **RULE)
    together, news = Barrier(4), []

    def run():
        try:
            together.wait(20)
            with wall.tenant(acme):
                news.append(tell_owners(alert, "nobody vouches"))
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(news) == [False, False, False, True]
    with wall.tenant(acme):
        assert (Telling.objects.count(), Message.objects.filter(state=State.PENDING).count()) == (1, 1)
