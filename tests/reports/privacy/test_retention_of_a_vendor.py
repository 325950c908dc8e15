"""A vendor that goes on telling everything brings back nothing of what is over, and no reading has to look twice."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from portal.privacy.models import Retention
from portal.privacy.registry import DataClass
from portal.privacy.retention import keep
from portal.tenants import wall
from reports.privacy.retention import nightly
from sync.models.calls import Call, Payload
from sync.models.runs import Run
from sync.sandbox.server import Sandbox
from tests.journeys.conftest import _generous, connect_originsai

__all__ = ["_generous"]

pytestmark = pytest.mark.django_db(transaction=True)
DAYS = 40


def test_what_is_over_stays_away(acme, settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path
    with Sandbox(days=DAYS, calls_per_day=60, seed=3) as box:
        with wall.tenant(acme):
            environment = connect_originsai(acme, box).environment.public_id
        call_command("pull", environment=environment, json=True)
        with wall.tenant(acme):
            said = told()
            with transaction.atomic():
                keep(acme.pk, acme.zone, {DataClass.TRANSCRIPTS: 20, DataClass.RECORDINGS: 20, DataClass.NUMBERS: 31})
            Retention.objects.update(due_at=timezone.now() - timedelta(hours=1))
        nightly.sweep()
        with wall.tenant(acme):
            left = told()
            digests = dict(Call.objects.values_list("external_id", "digest"))
            nameless = Call.objects.filter(sid="", contact__regex="^[0-9]{30}$").count()
        call_command("pull", environment=environment, json=True)
        with wall.tenant(acme):
            again = Run.objects.filter(stream="calls").latest("pk")
            assert told() == left
            assert (again.new, again.changed, again.missing) == (0, 0, 0)
            assert dict(Call.objects.values_list("external_id", "digest")) == digests

    assert nameless
    old = {key for key, (start, _) in said.items() if start < timezone.now() - timedelta(days=21)}
    spoken = {key for key, (_, raw) in said.items() if '"content"' in raw}
    assert old & spoken
    assert {key for key, (_, raw) in left.items() if '"content"' in raw and key in old} == set()
    young = {key for key in said.keys() - old if said[key][0] > timezone.now() - timedelta(days=19)}
    assert {key for key in young if left[key] != said[key]} == set()


def told() -> dict[str, tuple[object, str]]:
    rows = Payload.objects.values_list("call__external_id", "call__started_at", "raw")
    return {key: (start, raw) for key, start, raw in rows}
