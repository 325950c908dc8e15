"""The command that schedules a mail: what it writes, and how it ends when it cannot."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command

from portal.audit.models import Entry
from portal.tenants import wall
from reports.mail.models import Recipient, Subscription
from reports.mail.send import send_due
from tests.reports.mail.conftest import DUE, messages

pytestmark = pytest.mark.django_db
NOBODY = "0197f5f0-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def _before():
    with time_machine.travel(DUE - timedelta(days=3), tick=False):
        yield


def add(capsys, *args: str) -> dict:
    call_command("add_subscription", "--tenant", "acme", *args)
    return json.loads(capsys.readouterr().out)


def test_a_weekly_mail_to_a_member(acme, mirrored, ana, capsys):
    told = add(capsys, "--to", "Ana@Acme.example")
    with wall.tenant(acme):
        row = Subscription.objects.get()
        assert told == {"subscription": str(row.public_id), "next_due": "2026-07-13T11:00:00Z"}
        assert (row.name, row.zone, row.hold_hours) == ("Chamadas da semana", "America/Sao_Paulo", 6)
        entry = Entry.objects.get()
        assert (entry.action, entry.user, entry.key) == ("subscription.added", None, None)
    assert send_due(DUE).sent == 1
    assert mail.outbox[0].to == ["ana@acme.example"]


def test_every_option_counts(acme, sales, ana, capsys):
    told = add(
        capsys, "--to", "ana@acme.example", "--to", "guest@client.example", "--every", "week", "--weekday", "3",
        "--hour", "6", "--zone", "Asia/Kathmandu", "--language", "en", "--environment", str(sales.public_id),
    )  # fmt: skip
    assert told["next_due"] == "2026-07-15T00:15:00Z"
    with wall.tenant(acme):
        row = Subscription.objects.get()
        assert (row.weekday, row.hour, row.filters) == (2, 6, f"environment={sales.public_id}")
        assert set(Recipient.objects.values_list("email", "language")) == {
            ("ana@acme.example", "en"),
            ("guest@client.example", "en"),
        }
    assert [message.to for message in messages(acme)] == ["guest@client.example"]


@pytest.mark.parametrize(("every", "due"), [("day", "2026-07-11T11:00:00Z"), ("month", "2026-08-01T11:00:00Z")])
def test_other_rhythms(acme, ana, capsys, every, due):
    assert add(capsys, "--to", "ana@acme.example", "--every", every)["next_due"] == due


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("--to", "nobody"), "--to: “nobody” is not an e-mail address."),
        (("--to", "a@b.example", "--hour", "24"), "--hour: “24” is no whole number from 0 to 23."),
        (("--to", "a@b.example", "--hour", "-1"), "--hour: “-1” is no whole number from 0 to 23."),
        (("--to", "a@b.example", "--weekday", "0"), "--weekday: “0” is no whole number from 1 to 7."),
        (("--to", "a@b.example", "--every", "day", "--weekday", "1"), "--weekday: Only a weekly mail has a weekday"),
        (("--to", "a@b.example", "--every", "year"), "argument --every: invalid choice: 'year'"),
        (("--to", "a@b.example", "--zone", "Mars/Base"), "--zone: “Mars/Base” is not a time zone"),
        (
            ("--to", "a@b.example", "--environment", "0197f5f0-0000-7000-8000-000000000000"),
            "--environment: One of these",
        ),
    ],
)
def test_what_cannot_be_is_told_and_leaves_nothing(acme, args, sentence):
    with pytest.raises(CommandError) as refused:
        call_command("add_subscription", "--tenant", "acme", *args)
    assert sentence in str(refused.value)
    with wall.tenant(acme):
        assert not Subscription.objects.exists()


def test_a_foreign_environment_and_one_that_is_not_there_are_refused_alike(acme, foreign):
    told = []
    for key in (str(foreign.public_id), NOBODY):
        with pytest.raises(CommandError) as refused:
            call_command("add_subscription", "--tenant", "acme", "--to", "a@b.example", "--environment", key)
        told.append(str(refused.value))
    assert told[0] == told[1]


def test_no_such_tenant(db):
    with pytest.raises(CommandError, match="There is no tenant 'nobody'"):
        call_command("add_subscription", "--tenant", "nobody", "--to", "a@b.example")
