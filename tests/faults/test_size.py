"""A mirror of some size under everything at once."""

from datetime import timedelta

import pytest

from sync.models.calls import Call
from sync.reading.reconcile import reconcile
from sync.reading.runner import pull
from sync.sandbox.server import Sandbox
from sync.taxonomy import Stream
from tests.faults import invariants
from tests.journeys.conftest import connect, missing

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_ten_thousand_calls_that_move_while_answers_fail_end_as_upstream_has_them(acme, acme_wall):
    """Calls appear, change and vanish in mid-walk and one answer in twenty fails; the mirror ends equal, dropped ones
    are kept and marked."""
    with Sandbox(days=7, calls_per_day=3000, seed=11, end=None) as box:  # enough in a week of holidays, too
        connection = connect(acme, box)
        box.set_faults(
            "drift=0.2", "drift_limit=150", "429=0.01", "500=0.02", "truncated=0.01", "cut_chunked=0.005", "html=0.005",
            "retry_after=1",
        )  # fmt: skip
        report = pull(connection, [Stream.CALLS]).streams[Stream.CALLS]
        assert report.status == "complete"
        box.set_faults()
        assert len(box.world.calls) > 10_000
        invariants.same_as(connection, box)
        ever = set(Call.objects.values_list("external_id", flat=True))
        assert missing(connection) == set(box.world.dropped) & ever
        assert missing(connection)
        assert reconcile(connection, box.now.date() - timedelta(days=6)).differing == []
