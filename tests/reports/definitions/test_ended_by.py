"""Whose side a cause of hang-up points to, in Python and in SQL alike."""

import pytest

from portal.tenants import wall
from reports.definitions.ended_by import KEYWORDS, SIDE_LABELS, Side, side_in_sql, side_of
from sync.models.calls import Call
from tests import factories

TOLD = [
    ("Normal Hangup", "completed", Side.NORMAL),
    ("NORMAL_CLEARING", "completed", Side.NORMAL),
    ("No Answer", "failed", Side.PERSON),
    ("Busy Line", "failed", Side.PERSON),
    ("USER_BUSY", "failed", Side.PERSON),
    ("Rejected", "failed", Side.PERSON),
    ("CALL_REJECTED", "failed", Side.PERSON),
    ("Network busy", "failed", Side.NETWORK),
    ("NORMAL_TEMPORARY_FAILURE", "failed", Side.NETWORK),
    ("RECOVERY_ON_TIMER_EXPIRE", "failed", Side.NETWORK),
    ("NO_ROUTE_DESTINATION", "failed", Side.NETWORK),
    ("Internal Error From Carrier", "failed", Side.NETWORK),
    ("Internal Error", "failed", Side.VENDOR),
    ("Error Reaching Answer URL", "failed", Side.VENDOR),
    ("Canceled (Out Of Credits)", "failed", Side.OURS),
    ("Invalid Destination", "failed", Side.OURS),
    ("UNALLOCATED_NUMBER", "failed", Side.OURS),
    ("ORIGINATOR_CANCEL", "failed", Side.UNKNOWN),
    ("Unknown", "failed", Side.UNKNOWN),
    ("100% = [weird]_", "completed", Side.UNKNOWN),
    ("", "completed", Side.NORMAL),
    ("", "answered", Side.NORMAL),
    ("", "busy", Side.PERSON),
    ("", "no-answer", Side.PERSON),
    ("", "failed", Side.UNKNOWN),
    ("", "robot", Side.UNKNOWN),
    ("", "ringing", ""),
]


@pytest.mark.parametrize(("cause", "status", "side"), TOLD)
def test_a_cause_points_to_a_side_and_what_says_nothing_stays_unknown(cause, status, side) -> None:
    assert side_of(cause, status) == side


def test_the_database_says_the_same(acme, care) -> None:
    with wall.tenant(acme):
        for number, (cause, status, _side) in enumerate(TOLD):
            factories.call(care, f"call-{number}", hangup_cause=cause, status=status)
        rows = Call.objects.annotate(side=side_in_sql()).values_list("hangup_cause", "status", "side")
        assert {(cause, status): side for cause, status, side in rows} == {
            (cause, status): str(side) for cause, status, side in TOLD
        }


def test_keywords_are_as_they_are_looked_for() -> None:
    words = [word for _side, words in KEYWORDS for word in words]
    assert len(words) == len(set(words))
    assert all(word.isascii() and word == word.lower() and "_" not in word for word in words)
    assert set(SIDE_LABELS) == set(Side)
