"""The columns of a call: one declaration each, how it is made of the mirror's row, and what it means.

Everything a measure, a dimension or a filter needs, and nothing else: no transcript, no payload. What depends on the
present moment is not in a file: a call that is open says until when, so no file goes stale by waiting. Types are those
of DuckDB and of Parquet; instants are whole microseconds since 1970 UTC, which every engine reads alike.
"""

from dataclasses import dataclass
from hashlib import md5

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from portal.lib.phones import AREA_CODES, AREA_LENGTHS
from reports.definitions.ended_by import side_column
from reports.definitions.measures import Sums, tests_of, traits_sql
from reports.definitions.metrics import METRICS
from reports.definitions.written import listed
from sync.models.calls import Call
from sync.providers import registry
from sync.taxonomy import OPEN_STATUSES, UNRESOLVED_HOURS, Direction, Outcome, Status

VERSION = 1  # raise it when what a column holds changes: every file is then made anew
HOUR_US = 3_600_000_000
_PUNCTUATION = "+ -().\u00a0/"  # of numbers as vendors write them
_LONGEST_NUMBER = 18  # digits that fit into an integer behind a leading 1
_GUESSED_PICK_UP_US = HOUR_US // 4


# What the metrics ask of a call, in the order of the bits of the column ``traits``.
TESTS = tuple(
    sorted(
        {
            test
            for metric in METRICS.values()
            for measure in metric.measures
            if isinstance(measure, Sums)
            for test in tests_of(measure)
        },
        key=lambda test: test.sql,
    )
)
COUNTED = ("cause", "line")  # columns of words of which nobody knows how many there are: each file says how many it has


# The columns of the mirror that files are made of, in the order in which they are read, all as text.
MIRRORED = (
    "id",
    "agent_id",
    "direction",
    "status",
    "is_test",
    "started_at",
    "started_guessed",
    "answered_at",
    "ended_at",
    "duration_ms",
    "billed_ms",
    "from_number",
    "to_number",
    "contact",
    "hangup_cause",
    "latencies",
    "missing_since",
)


def mirrored(calls: QuerySet[Call]) -> QuerySet[Call, tuple[str | None, ...]]:
    """Calls of the mirror as rows of text."""
    texts = {f"text_{name}": Cast(name, TextField()) for name in MIRRORED}
    return calls.order_by().annotate(**texts).values_list(*texts)


@dataclass(frozen=True, slots=True)
class Column:
    """``sql`` makes it of the texts of :data:`MIRRORED` and of ``cause_text``; ``meaning`` is for strangers.

    Without ``sql`` it is made of the other columns, see :data:`TRAITS`.
    """

    name: str
    type: str
    sql: str
    meaning: str


def _instant(name: str) -> str:
    return f"epoch_us(CAST(replace({name}, '+00', '') AS TIMESTAMP))"


def _flag(name: str) -> str:
    return f"{name} IN ('true', 't', '1')"


def _bare(name: str) -> str:
    text = name
    for sign in _PUNCTUATION:
        text = f"replace({text}, '{sign}', '')"
    return text


_WAITS = f"status IN ({listed(sorted(OPEN_STATUSES))})"
_ANSWERED = f"status = '{Status.ANSWERED.value}'"


def _settled(hours: int | None) -> str:
    """What a call counts as once it is open no more. An answered one is over after ``hours``, else at its end."""
    unended = "" if hours else f"WHEN {_ANSWERED} AND ended_at IS NULL THEN '{Outcome.UNRESOLVED.value}'"
    return (
        f"CASE WHEN {_WAITS} THEN '{Outcome.UNRESOLVED.value}' {unended}"
        f" WHEN status IN ('{Status.ANSWERED.value}', '{Status.COMPLETED.value}') THEN '{Outcome.CONNECTED.value}'"
        f" ELSE '{Outcome.UNREACHED.value}' END"
    )


def _open_hours(hours: int | None) -> str:
    answered = f"{_ANSWERED} THEN {hours}" if hours else f"{_ANSWERED} AND ended_at IS NULL THEN {UNRESOLVED_HOURS}"
    return f"CASE WHEN {_WAITS} THEN {UNRESOLVED_HOURS} WHEN {answered} ELSE 0 END"


_ANSWERED_US, _STARTED_US = _instant("answered_at"), _instant("started_at")
_PICK_UP = (
    f"CASE WHEN answered_at IS NULL THEN NULL"
    f" WHEN NOT ({_flag('started_guessed')}) AND {_ANSWERED_US} >= {_STARTED_US} THEN {_ANSWERED_US} - {_STARTED_US}"
    f" WHEN ({_flag('started_guessed')}) AND {_ANSWERED_US} > {_STARTED_US}"
    f" AND {_ANSWERED_US} < {_STARTED_US} + {_GUESSED_PICK_UP_US} THEN {_ANSWERED_US} - {_STARTED_US} END"
)
_IS_NUMBER = f"regexp_full_match(contact, '[0-9]{{0,{_LONGEST_NUMBER}}}')"
_CONTACT = (
    "CASE WHEN contact = '' THEN 0"
    f" WHEN {_IS_NUMBER} THEN CAST('1' || contact AS BIGINT)"
    " ELSE -1 - CAST('0x' || substr(md5(contact), 1, 15) AS BIGINT) END"
)
_AREA = (
    f"CASE WHEN contact LIKE '55%' AND length(contact) IN {AREA_LENGTHS}"
    f" AND substr(contact, 3, 2) IN ({listed(sorted(AREA_CODES))}) THEN substr(contact, 3, 2) ELSE '' END"
)


_SIDE = side_column("hangup_cause", "status", "cause_text")


def _turns(kind: str) -> str:
    return f"TRY_CAST(json_extract(nullif(latencies, ''), '$.{kind}') AS DOUBLE[])"


def columns(provider: str) -> tuple[Column, ...]:
    """The columns of an environment of a vendor, in the order in which files have them, but for ``environment``."""
    hours = registry.settles_hours(provider)
    return (
        Column("agent", "INTEGER", "CAST(agent_id AS INTEGER)", "key of the agent, null without one"),
        Column("started_us", "BIGINT", _STARTED_US, "start, microseconds since 1970 UTC"),
        Column(
            "place",
            "INTEGER",
            f"row_number() OVER (PARTITION BY {_STARTED_US} ORDER BY id) - 1",
            "among the environment's calls of the same microsecond; with it a start names one call",
        ),
        Column("status", "VARCHAR", "status", "our word, or the vendor's where there is none"),
        Column("direction", "VARCHAR", "direction", "inbound, outbound, or the vendor's word"),
        Column("settled", "VARCHAR", _settled(hours), "outcome once it is open no more"),
        Column(
            "traits",
            "INTEGER",
            "",
            "a bit for each thing that metrics ask of a call, once it is open no more: see ``TESTS``",
        ),
        Column("open_hours", "TINYINT", _open_hours(hours), "so long after its start it is open; 0 when it is over"),
        Column("is_test", "BOOLEAN", _flag("is_test"), "a test call"),
        Column("missing", "BOOLEAN", "missing_since IS NOT NULL", "the vendor shows it no more"),
        Column("duration_ms", "BIGINT", "CAST(duration_ms AS BIGINT)", "milliseconds"),
        Column("billed_ms", "BIGINT", "CAST(billed_ms AS BIGINT)", "milliseconds"),
        Column("pickup_us", "BIGINT", _PICK_UP, "microseconds from start to pick-up, where both are known"),
        Column(
            "contact",
            "BIGINT",
            _CONTACT,
            "the other party: its digits behind a 1; 0 withheld; negative for what is no number of 18 digits",
        ),
        Column(
            "contact_text",
            "VARCHAR",
            f"CASE WHEN {_IS_NUMBER} THEN '' ELSE contact END",
            "the other party where its column is negative",
        ),
        Column("area_code", "VARCHAR", _AREA, "Brazilian area code of the other party, or empty"),
        Column(
            "line",
            "VARCHAR",
            f"CASE WHEN direction = '{Direction.OUTBOUND.value}' THEN {_bare('from_number')}"
            f" ELSE {_bare('to_number')} END",
            "our own number, without punctuation",
        ),
        Column("cause", "VARCHAR", "hangup_cause", "the vendor's cause of hang-up"),
        Column("side", "VARCHAR", _SIDE, "on whose side it ended; empty while it is open"),
        Column("stt_ms", "DOUBLE[]", _turns("stt"), "speech-to-text, milliseconds a turn"),
        Column("llm_ms", "DOUBLE[]", _turns("llm"), "language model, milliseconds a turn"),
        Column("tts_ms", "DOUBLE[]", _turns("tts"), "text-to-speech, milliseconds a turn"),
    )


NAMES = ("environment", *(column.name for column in columns("")))


TRAITS = f"CAST({traits_sql(TESTS)} AS INTEGER)"  # of the other columns, and ``outcome`` once it is settled
_TESTED = md5(TRAITS.encode(), usedforsecurity=False).hexdigest()[:8]
_OF_OUTCOME = sum(1 << place for place, test in enumerate(TESTS) if test.outcomes)
_IF_OPEN = sum(1 << place for place, test in enumerate(TESTS) if Outcome.OPEN in test.outcomes)
OPEN_TRAITS = (
    f"bitAnd(traits, {(1 << len(TESTS)) - 1 - _OF_OUTCOME}) + {_IF_OPEN}"  # those of a call that is open still
)


def rules_of(provider: str) -> str:
    """What the content of a file depends on besides the calls: a file made by other rules is never read."""
    return f"{VERSION}/{registry.settles_hours(provider) or 0}/{_TESTED}"


def contact_code(digits: str) -> int:
    """The value of the column ``contact`` for the digits of a contact."""
    if not digits:
        return 0
    if digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST_NUMBER:
        return int(f"1{digits}")
    return -1 - int(md5(digits.encode(), usedforsecurity=False).hexdigest()[:15], 16)


# The digits of a contact again, as text; empty where it is withheld.
CONTACT_DIGITS = "CASE WHEN contact > 0 THEN substr(CAST(contact AS VARCHAR), 2) ELSE contact_text END"


def bare_number(number: str) -> str:
    """A number as the column ``line`` has it."""
    return "".join(sign for sign in number if sign not in _PUNCTUATION)
