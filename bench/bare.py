"""DuckDB alone on the column files of an environment, with what the product's own engine has: threads and memory."""

import time
from collections.abc import Collection
from typing import Any

import duckdb
from django.conf import settings

from reports.columns import files
from reports.columns.models import ColumnFile


class BareDuck:
    """Gets SQL written by hand and the names of all files of the environments asked about, whatever the period."""

    def __init__(self) -> None:
        config = {"threads": settings.COLUMNS_THREADS, "memory_limit": settings.COLUMNS_MEMORY}
        self.database = duckdb.connect(config=config)
        self.database.execute("SET parquet_metadata_cache = true")

    def table(self, environments: Collection[int]) -> str:
        rows = ColumnFile.objects.filter(environment_id__in=environments, retired_at__isnull=True)
        paths = ", ".join(f"'{files.local(row)}'" for row in rows.order_by("environment_id", "first_day"))
        return f"read_parquet([{paths}], hive_partitioning = false)"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.database.execute(sql).fetchall()

    def seconds(self, sql: str) -> float:
        began = time.perf_counter()
        self.rows(sql)
        return time.perf_counter() - began
