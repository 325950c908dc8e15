"""Any table as Parquet: typed columns under the API's names, and what they rest on in the file's metadata.

Loaded only where such a file is made, because Arrow is large; see ``formats``. Moments are UTC; the zone that was asked
for stands in the metadata. A file is written in groups of rows, so it needs the memory of one group.
"""

import json
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from portal.lib.times import rfc3339
from reports.files.table import Column, Kind, Table, Written

GROUP = 20_000  # rows
_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.FLAG: pa.bool_(),
    Kind.MOMENT: pa.timestamp("us", tz="UTC"),
    Kind.DAY: pa.date32(),
    Kind.COUNT: pa.int64(),
}


def write(table: Table, out: BinaryIO, *, dialect: str = "") -> Written:
    schema = pa.schema([_field(column) for column in table.columns])
    source, rows = iter(table.rows), 0
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        while group := list(islice(source, GROUP)):
            arrays = [
                pa.array(_clean(values, column), schema.field(place).type)
                for place, (column, values) in enumerate(zip(table.columns, zip(*group, strict=True), strict=True))
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            rows += len(group)
        writer.add_key_value_metadata(_metadata(table, rows))
    return Written(rows)


def _field(column: Column) -> Any:
    kind = _TYPES.get(column.kind, pa.float64())
    return pa.field(column.key, kind, metadata={"label": column.header, "kind": column.kind.value})


def _clean(values: tuple[Any, ...], column: Column) -> Any:
    """Arrow takes whole UTF-8 only."""
    if column.kind != Kind.TEXT:
        return values
    return [
        value if value is None or value.isascii() else value.encode("utf-8", "replace").decode() for value in values
    ]


def _metadata(table: Table, rows: int) -> dict[str, str]:
    facts = table.facts
    metadata: dict[str, Any] = {
        "title": facts.title,
        "zone": facts.zone,
        "rows": rows,
        "date_from": facts.first_day.isoformat() if facts.first_day else None,
        "date_to": facts.last_day.isoformat() if facts.last_day else None,
        "as_of": rfc3339(facts.as_of) if facts.as_of else None,
        "complete": facts.complete,
        "lack": facts.lack,
        "gaps": facts.gaps,
        "facts": facts.lines,
        "params": dict(facts.params),
        "definitions": {
            definition.key: {
                "label": definition.label,
                "definition": definition.definition,
                "formula": definition.formula,
                "unit": definition.unit,
            }
            for definition in facts.definitions
        },
    }
    if table.total is not None:
        metadata["total"] = {
            column.key: value for column, value in zip(table.columns, table.total, strict=True) if column.kind.is_number
        }
    return {"ringbook": json.dumps(metadata, ensure_ascii=False)}
