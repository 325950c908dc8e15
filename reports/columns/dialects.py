"""What engines say differently in SQL, and how each reads column files.

Statements are one text for all of them, written in what they share. Mind that ``//`` is division for DuckDB and a
comment for ClickHouse, which has no ``&`` either: ``intDiv`` and ``bitAnd`` are ClickHouse's own functions, and macros
of DuckDB, as is ``argMax``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reports.columns.schema import NAMES, columns

MACROS = (
    "CREATE MACRO intDiv(a, b) AS a // b",
    "CREATE MACRO bitAnd(a, b) AS a & b",
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """``table`` reads the columns of the schema from files; ``nothing`` are those columns without a row.

    ``quantiles`` are of a number, with what lies between two values interpolated. ``abreast`` takes lists by the name
    of what is in them, and gives rows with an element of each, as many as the longest has. ``last`` is a value of the
    row that is last in an order, null like any other: ``argMax`` leaves nulls out. ``each_time`` has a query in WITH
    computed wherever it is named, which ClickHouse does by itself.
    """

    table: Callable[[Sequence[Path]], str]
    nothing: str
    quantiles: Callable[[str, Sequence[float]], str]
    abreast: Callable[[Mapping[str, str]], str]
    last: Callable[[str, str], str]
    each_time: str = ""


_TYPES = {"environment": "INTEGER"} | {column.name: column.type for column in columns("")}


def quoted(paths: Sequence[Path]) -> str:
    """Paths of ours as SQL lists them."""
    return ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)


def _duckdb_table(paths: Sequence[Path]) -> str:
    return f"read_parquet([{quoted(paths)}], hive_partitioning = false)"


def _duckdb_quantiles(value: str, shares: Sequence[float]) -> str:
    return f"quantile_cont(CAST({value} AS DOUBLE), [{', '.join(map(repr, shares))}])"


def _duckdb_abreast(lists: Mapping[str, str]) -> str:
    return ", ".join(f"unnest({values}) AS {name}" for name, values in lists.items())


def _duckdb_last(value: str, order: str) -> str:
    return f"arg_max_null({value}, {order})"


DUCKDB = Dialect(
    table=_duckdb_table,
    nothing=", ".join(f"CAST(NULL AS {_TYPES[name]}) AS {name}" for name in NAMES),
    quantiles=_duckdb_quantiles,
    abreast=_duckdb_abreast,
    last=_duckdb_last,
    each_time="NOT MATERIALIZED",
)

# --- ClickHouse -----------------------------------------------------------------------------------------------------

_NULLABLE = {"agent", "duration_ms", "billed_ms", "pickup_us"}
_CLICKHOUSE = {
    "INTEGER": "Int32",
    "BIGINT": "Int64",
    "TINYINT": "Int8",
    "BOOLEAN": "Bool",
    "VARCHAR": "String",
    "DOUBLE": "Float64",
}


def _clickhouse_type(name: str) -> str:
    type_ = _TYPES[name]
    if type_.endswith("[]"):
        return f"Array(Nullable({_CLICKHOUSE[type_[:-2]]}))"
    return f"Nullable({_CLICKHOUSE[type_]})" if name in _NULLABLE else _CLICKHOUSE[type_]


STRUCTURE = ", ".join(f"{name} {_clickhouse_type(name)}" for name in NAMES)


def _clickhouse_quantiles(value: str, shares: Sequence[float]) -> str:
    return f"quantilesExactInclusive({', '.join(map(repr, shares))})(CAST({value} AS DOUBLE))"


def _clickhouse_abreast(lists: Mapping[str, str]) -> str:
    names = ", ".join(f"abreast.{place} AS {name}" for place, name in enumerate(lists, 1))
    return f"arrayJoin(arrayZipUnaligned({', '.join(lists.values())})) AS abreast, {names}"


def _clickhouse_last(value: str, order: str) -> str:
    return f"tupleElement(argMax(tuple({value}), {order}), 1)"


def _literal(path: Path) -> str:
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _clickhouse_files(paths: Sequence[Path]) -> str:
    """Each by itself: of several in braces ClickHouse leaves out without a word those that are not there."""
    names = ", ".join(NAMES)
    selects = (f"SELECT {names} FROM file({_literal(path)}, 'Parquet', '{STRUCTURE}')" for path in paths)
    return f"({' UNION ALL '.join(selects)})"


@cache
def clickhouse(collection: str = "", cluster: str = "") -> Dialect:
    """ClickHouse as it reads files of its host, or those of the bucket that a collection of the server's names."""

    def objects(paths: Sequence[Path]) -> str:
        # A bucket is asked for every object that stands in braces, and one that is not there is an error.
        names = f"{{{','.join(map(str, paths))}}}" if len(paths) > 1 else str(paths[0])
        what = f"{collection}, filename = '{names}', format = 'Parquet', structure = '{STRUCTURE}'"
        return f"s3Cluster('{cluster}', {what})" if cluster else f"s3({what})"

    return Dialect(
        table=objects if collection else _clickhouse_files,
        nothing=", ".join(f"defaultValueOfTypeName('{_clickhouse_type(name)}') AS {name}" for name in NAMES),
        quantiles=_clickhouse_quantiles,
        abreast=_clickhouse_abreast,
        last=_clickhouse_last,
    )
