"""Owners are told of a failing connection once, and once when it is well again for an hour."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role
from sync import troubles
from sync.connections import accept, reject
from sync.models.connections import Connection, ConnectionState
from sync.models.runs import Run, RunState
from sync.models.troubles import Trouble
from sync.troubles import objection, watch
from tests.conftest import member
from tests.sync.conftest import make_connection


@pytest.fixture
def connection(acme, sales, ana) -> Connection:
    with wall.tenant(acme):
        return make_connection(sales)


def mails() -> list[Message]:
    with wall.every_tenant("a test looks"):
        return list(Message.objects.order_by("pk"))


def later(hours: float):
    return time_machine.travel(timezone.now() + timedelta(hours=hours), tick=False)


def test_a_rejected_token_is_told_once_in_the_companys_language(connection, acme, care, bruno) -> None:
    member(acme, "elsewhere@acme.example", Role.OWNER, care)  # does not see the environment
    with wall.tenant(acme):
        reject(connection)
    watch()
    watch()
    [mail] = mails()
    assert (mail.to, mail.language, mail.subject) == ("ana@acme.example", "pt-br", "Sales não pode ser lido")
    assert f"/t/acme/connections/{connection.public_id}/" in mail.text
    assert "o token foi recusado" in mail.text
    assert "talq_secret" not in mail.text


def test_a_failure_is_told_when_it_lasts(connection, acme) -> None:
    with wall.tenant(acme):
        Run.objects.create(
            tenant=acme, environment_id=connection.environment_id, connection=connection, stream="calls",
            state=RunState.FAILED, fault="server", started_at=timezone.now(), finished_at=timezone.now(),
        )  # fmt: skip
    watch()
    assert mails() == []
    with later(1.1):
        watch()
    assert len(mails()) == 1


def test_it_is_over_after_an_hour_of_being_well_and_said_once(connection, acme) -> None:
    with wall.tenant(acme):
        reject(connection)
        watch()
        accept(connection)
    watch()
    with later(0.5):
        with wall.tenant(acme):
            reject(connection)
        watch()  # a relapse opens nothing new
        with wall.tenant(acme):
            accept(connection)
        watch()
    with later(1.2):
        watch()
        assert len(mails()) == 1
    with later(1.6):
        watch()
        watch()
    assert [mail.subject for mail in mails()] == ["Sales não pode ser lido", "Sales voltou a ser lido"]


def test_what_somebody_paused_is_closed_without_a_word(connection, acme) -> None:
    with wall.tenant(acme):
        reject(connection)
        watch()
        Connection.objects.update(state=ConnectionState.PAUSED)
    watch()
    with wall.tenant(acme):
        assert Trouble.objects.get().closed_at is not None
    assert len(mails()) == 1


def test_an_owner_no_more_is_not_written_to(connection, acme) -> None:
    with wall.tenant(acme):
        reject(connection)
    watch()
    [mail] = mails()
    with wall.tenant(acme):
        assert objection(mail) == ""
        Membership.objects.update(role=Role.VIEWER)
        assert objection(mail) == "no longer an owner"


def test_one_connection_that_cant_be_told_of_hides_no_other(
    acme, globex, sales, foreign, ana, carla, monkeypatch
) -> None:
    def fails_for_acme(connection: Connection, *rest: object) -> None:
        if connection.tenant_id == acme.pk:
            raise ValueError("a text that can't be made")
        judge(connection, *rest)

    judge = troubles._judge
    for tenant, environment in ((acme, sales), (globex, foreign)):
        with wall.tenant(tenant):
            reject(make_connection(environment))
    monkeypatch.setattr(troubles, "_judge", fails_for_acme)
    watch()
    assert [mail.to for mail in mails()] == ["carla@globex.example"]
