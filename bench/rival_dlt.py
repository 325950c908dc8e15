"""dlt over the same pages, at its defaults or tuned as its performance pages say. Prints one JSON line.

default: the REST source, merge by id, PostgreSQL, nothing else set. tuned: a source written by hand that yields Arrow
tables, eight pages at a time, upsert instead of delete-insert, Parquet files through ADBC, more workers.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}

import dlt
import orjson
import pyarrow as pa
import requests
from dlt.sources.rest_api import rest_api_source

from bench.memory import Growth

PAGES_AT_ONCE = 8
PAGES_A_TABLE = 50


def default_source(base_url: str):
    return rest_api_source(
        {
            "client": {
                "base_url": base_url,
                "paginator": {"type": "page_number", "base_page": 1, "total_path": "pagination.last_page"},
            },
            "resources": [
                {
                    "name": "calls",
                    "primary_key": "id",
                    "write_disposition": "merge",
                    "endpoint": {"path": "calls", "params": {"per_page": 100}, "data_selector": "data"},
                }
            ],
        }
    )


@dlt.resource(name="calls", primary_key="id", write_disposition={"disposition": "merge", "strategy": "upsert"})
def tuned_calls(base_url: str):
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=PAGES_AT_ONCE))

    def fetch(page: int) -> dict:
        answer = session.get(f"{base_url}/calls", params={"per_page": 100, "page": page}, timeout=30)
        answer.raise_for_status()
        return orjson.loads(answer.content)

    def table(pages: list[dict]) -> pa.Table:
        rows = []
        for page in pages:
            for call in page["data"]:
                call["agent"] = orjson.dumps(call["agent"]).decode()
                rows.append(call)
        return pa.Table.from_pylist(rows)

    first = fetch(1)
    last = first["pagination"]["last_page"]
    yield table([first])
    with ThreadPoolExecutor(PAGES_AT_ONCE) as pool:
        for start in range(2, last + 1, PAGES_A_TABLE):
            yield table(list(pool.map(fetch, range(start, min(start + PAGES_A_TABLE, last + 1)))))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["default", "tuned"])
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--folder", default=None)
    asked = parser.parse_args()
    if asked.mode == "tuned":
        os.environ |= {
            "NORMALIZE__WORKERS": "2",
            "LOAD__WORKERS": "4",
            "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "100000",
            "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
        }
    pipeline = dlt.pipeline(
        pipeline_name=f"bench_{asked.mode}",
        destination=dlt.destinations.postgres(asked.database_url),
        dataset_name=f"dlt_{asked.mode}",
        pipelines_dir=asked.folder or tempfile.mkdtemp(),
    )
    memory = Growth()
    began = time.perf_counter()
    if asked.mode == "default":
        pipeline.run(default_source(asked.base_url))
    else:
        pipeline.run(tuned_calls(asked.base_url), loader_file_format="parquet")
    seconds = time.perf_counter() - began
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    with pipeline.sql_client() as client:
        rows = client.execute_sql("SELECT count(*) FROM calls")[0][0]
    print(json.dumps({"seconds": seconds, "rows": rows, "mb": memory.peak() + children}))


if __name__ == "__main__":
    main()
