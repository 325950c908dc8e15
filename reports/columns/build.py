"""From rows of the mirror to a file of columns: read as text, made into columns and written by DuckDB."""

import csv
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
from django.db import connection, transaction
from django.db.models import QuerySet

from portal.django_inside import statement
from portal.tenants import row_security
from portal.tenants.models.tenants import Environment
from reports.columns.dialects import quoted
from reports.columns.schema import COUNTED, HOUR_US, MIRRORED, NAMES, TRAITS, columns, mirrored, rules_of
from reports.definitions.periods import DAY, DAY_US, day_number, in_a_row, utc_start
from sync.models.calls import Call

_FETCHED = 5_000  # rows read at a time
_TEXTS = ", ".join(f"'{name}': 'VARCHAR'" for name in MIRRORED)
_FILLED = frozenset({"contact", "direction", "status", "from_number", "to_number", "hangup_cause"})  # maybe empty
_READ = ", ".join(f"coalesce({name}, '') AS {name}" if name in _FILLED else name for name in MIRRORED)
_READ += ", lower(replace(coalesce(hangup_cause, ''), '_', ' ')) AS cause_text"


# Half as fast to write and twice as fast to read as zstd, and about as small: numbers in a row are kept as differences.
_FORM = "FORMAT parquet, COMPRESSION snappy, PARQUET_VERSION v2"
# Every column may be empty as far as DuckDB can see. Else it notes in a file which ones cannot, which depends on
# whether days were kept of another file, and the same calls would give other bytes.
_NO_ROW = "SELECT CAST(NULL AS INTEGER) AS environment, "
_NO_ROW += ", ".join(f"CAST(NULL AS {column.type}) AS {column.name}" for column in columns(""))
_NO_ROW += " WHERE random() < 0"


@dataclass(frozen=True, slots=True)
class Written:
    """What is known of a file that was written."""

    rows: int
    open_until: datetime | None
    words: dict[str, int] = field(default_factory=dict)  # how many different ones the columns of words have


def day_us(day: date) -> int:
    """The first microsecond of a UTC day."""
    return day_number(day) * DAY_US


def calls_of(environment: Environment, first: date, last: date) -> QuerySet[Call]:
    """All calls that began on the UTC days from ``first`` to ``last``, both included."""
    rows: QuerySet[Call] = Call.objects.filter(
        environment_id=environment.pk, started_at__gte=utc_start(first), started_at__lt=utc_start(last + DAY)
    )
    return rows


class Builder:
    """Writes column files of one environment. Use it in ``with``: it closes ``database``."""

    def __init__(self, environment: Environment, database: duckdb.DuckDBPyConnection) -> None:
        self._environment = environment
        self._database = database

    def __enter__(self) -> "Builder":
        return self

    def __exit__(self, *_error: object) -> None:
        self._database.close()

    def write(self, target: Path, calls: list[QuerySet[Call]], kept: "list[KeptRows]") -> Written:
        """Write the calls of the mirror, none of them twice, and the days that are ``kept`` of files there are."""
        texts = target.with_suffix(".csv")
        try:
            if calls:
                texts.touch(mode=0o600)  # plain numbers
            for part in calls:
                copy_out(mirrored(part), texts)
            return self._write(target, texts if texts.exists() else None, kept)
        finally:
            texts.unlink(missing_ok=True)

    def _write(self, target: Path, texts: Path | None, kept: "list[KeptRows]") -> Written:
        parts = [part.sql for part in kept]
        if texts is not None:
            made = ", ".join(
                f"{column.sql} AS {column.name}" for column in columns(self._environment.provider) if column.sql
            )
            types = ", ".join(f"CAST({column.name} AS {column.type}) AS {column.name}" for column in columns(""))
            parts.append(
                f"SELECT CAST({self._environment.pk} AS INTEGER) AS environment, {types}"
                f" FROM (SELECT *, {TRAITS} AS traits FROM (SELECT *, settled AS outcome FROM (SELECT {made}"
                f" FROM (SELECT {_READ} FROM read_csv({quoted([texts])}, header = false, auto_detect = false,"
                " delim = ',', quote = '\"',"
                f" escape = '\"', columns = {{{_TEXTS}}}, nullstr = '',"
                " strict_mode = false, max_line_size = 67108864)))))"
            )
        if not parts:
            return Written(0, None)
        parts.append(_NO_ROW)
        notes = f"tenant: '{self._environment.tenant_id}', environment: '{self._environment.pk}'"
        notes += f", rules: '{rules_of(self._environment.provider)}'"
        self._database.execute(
            f"COPY (SELECT {', '.join(NAMES)} FROM ({' UNION ALL '.join(parts)}) ORDER BY agent, started_us, place)"
            f" TO {quoted([target])} ({_FORM}, KV_METADATA {{{notes}}})"
        )
        target.chmod(0o600)
        rows, until, *words = self._one(
            f"SELECT count(*), max(CASE WHEN open_hours > 0 THEN started_us + open_hours * {HOUR_US} END)"
            f", {', '.join(f'count(DISTINCT {name})' for name in COUNTED)} FROM read_parquet({quoted([target])})"
        )
        open_until = None if until is None else datetime.fromtimestamp(until // 1_000_000 + 1, UTC)
        return Written(rows, open_until, dict(zip(COUNTED, words, strict=True)))

    def _one(self, sql: str) -> tuple[Any, ...]:
        row = self._database.execute(sql).fetchone()
        return row or ()


@dataclass(frozen=True, slots=True)
class KeptRows:
    """The rows of a file that stay, those of some UTC days left out."""

    path: Path
    without: tuple[date, ...] = ()

    @property
    def sql(self) -> str:
        text = f"SELECT {', '.join(NAMES)} FROM read_parquet({quoted([self.path])}, hive_partitioning = false)"
        return text + (f" WHERE NOT ({during(self.without)})" if self.without else "")


def during(days: tuple[date, ...]) -> str:
    """That a call began on one of some UTC days, as SQL."""
    parts = [f"started_us >= {day_us(first)} AND started_us < {day_us(last + DAY)}" for first, last in in_a_row(days)]
    return " OR ".join(f"({part})" for part in parts)


def copy_out(rows: QuerySet[Any, Any], path: Path) -> int:
    """Append rows of text to a file; how many they were, where the database says so without being asked."""
    sql, values = statement(rows)
    if connection.vendor == "postgresql":
        composed = connection.ops.compose_sql(sql, values)  # type: ignore[attr-defined]
        with (
            path.open("ab") as file,
            transaction.atomic(),
            connection.wrap_database_errors,
            connection.cursor() as cursor,
        ):
            row_security.tell()
            with cursor.copy(f"COPY ({composed}) TO STDOUT (FORMAT csv)") as copy:
                for chunk in copy:
                    file.write(chunk)
        return -1
    count = 0
    with path.open("a", newline="", encoding="utf-8") as file, connection.cursor() as cursor:
        # Everything quoted: left to itself the writer leaves a carriage return bare, which ends a row for the reader.
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        cursor.execute(sql, values)
        while batch := cursor.fetchmany(_FETCHED):
            writer.writerows(batch)
            count += len(batch)
    return count
