"""DuckDB on a Parquet copy of the calls: reads the name of a question a line, answers with seconds and rows as JSON.

With ``--make CSV PARQUET`` it makes the copy. It runs in ``bench/.venv`` and gets the SQL in a file, so that it needs
nothing of Ringbook.
"""

import json
import sys
import time
from pathlib import Path

import duckdb


def make(text: str, parquet: str) -> None:
    types = "{'agent_id': 'BIGINT', 'started_at': 'TIMESTAMP', 'duration_ms': 'BIGINT', 'contact': 'VARCHAR'}"
    duckdb.sql(f"COPY (SELECT * FROM read_csv('{text}', types = {types})) TO '{parquet}' (FORMAT parquet)")


def main() -> None:
    if sys.argv[1] == "--make":
        make(*sys.argv[2:])
        return
    questions = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    database = duckdb.connect()
    database.execute("SET threads = 2")
    for line in sys.stdin:
        began = time.perf_counter()
        rows = database.execute(questions[line.strip()]).fetchall()
        took = time.perf_counter() - began
        print(json.dumps({"seconds": took, "rows": rows}, default=str), flush=True)


if __name__ == "__main__":
    main()
