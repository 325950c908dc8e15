"""ClickHouse in the place of DuckDB: a server or cluster that reads the same files from their bucket.

It is given what a question may take and nothing to write to. Loaded only where ``COLUMNS_ENGINE`` names one.
"""

import os
import threading
import time
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from django.conf import settings

from portal import env
from portal.storage import Away, NotThere
from reports.columns.engine import Failed, Rows, Statement, TooLong, TooMuch, turn
from reports.columns.gate import Gate

AT_ONCE = 8  # questions of one process that the server computes
# That statements mean what they mean to DuckDB.
_MEANING = {
    "join_use_nulls": 1,
    "group_by_use_nulls": 1,
    "cast_keep_nullable": 1,
    "prefer_column_name_to_alias": 1,
    "transform_null_in": 0,
    "s3_ignore_file_doesnt_exist": 0,
    "count_distinct_implementation": "uniqExact",
    "use_hive_partitioning": 0,  # whose calls they are stands in the file, not in its name
}
_LIMITS = {"readonly": 2, "max_query_size": 50_000_000, "max_ast_elements": 1_000_000, "timeout_overflow_mode": "throw"}
_TYPES = {bool: "Bool", int: "Int64", float: "Float64", str: "String"}
# What errors of the server mean, by their numbers.
_LONG = {159, 160, 209}  # timeout, too slow, socket timeout
_LARGE = {241, 158, 396}  # memory, rows, rows or bytes
_UNREADABLE = {
    107,
    117,
    499,
    32,
    33,
    86,
}  # no such file, damaged, of S3, ends too soon, cannot be read, of a remote one

_turns = Gate(AT_ONCE)
_lock = threading.Lock()
_clients: dict[tuple[int, str], Client] = {}  # by process and address


def run(
    statement: Statement, *, deadline: float, seconds: float = float("inf"), asker: tuple[int, int] = (0, 0)
) -> Rows:
    """As :func:`reports.columns.engine.run`."""
    with turn(_turns, asker, deadline):
        left = min(seconds, deadline - time.monotonic())
        if left <= 0:
            raise TooLong
        sql, params = bound(statement)
        limits = {"max_execution_time": round(left, 3), "max_memory_usage": env.bytes_of(settings.COLUMNS_MEMORY)}
        given: dict[str, Any] = _MEANING | _LIMITS | limits
        try:
            return [tuple(row) for row in _client().query(sql, parameters=params or None, settings=given).result_rows]
        except ClickHouseError as error:
            raise _meaning(error) from error
        except OSError as error:
            raise Away(type(error).__name__) from error


def bound(statement: Statement) -> tuple[str, dict[str, Any]]:
    """The statement with a name and a type for each ``?``, which the server puts the values into."""
    texts = statement.sql.split("?")
    params = {f"p{place}": value for place, value in enumerate(statement.params)}
    places = [f"{{{name}:{_type(value)}}}" for name, value in params.items()]
    if len(texts) != len(places) + 1:
        raise ValueError("as many values as places")
    return "".join(text + place for text, place in zip(texts, [*places, ""], strict=True)), params


def _type(value: object) -> str:
    """Words of a list are text of a class of their own."""
    return next(name for kind, name in _TYPES.items() if isinstance(value, kind))


def _meaning(error: ClickHouseError) -> Exception:
    code = getattr(error, "code", None)
    if code in _LONG:
        return TooLong()
    if code in _LARGE:
        return TooMuch()
    if code in _UNREADABLE:
        return NotThere(str(error)[:200])
    return Failed() if code else Away(type(error).__name__)


def _client() -> Client:
    chosen = settings.COLUMNS_ENGINE
    key = (os.getpid(), repr(chosen["collection"]) + repr(chosen["client"].get("host")))
    with _lock:
        if key not in _clients:
            _clients[key] = clickhouse_connect.get_client(**chosen["client"])
        return _clients[key]
