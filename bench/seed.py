"""``python -m bench.seed``: one tenant with many calls, drawn inside PostgreSQL, to measure reports at size.

Twenty environments of which the largest has 28 % of the calls, ten agents each, two years, numbers that are called
about four times. Calls have no payload: lists and reports never read one. The same seed draws the same calls.
DATABASE_URL says where, DATA_DIR where its column files lie; that database is made anew. Its tenant is ``bench``, its
owner ``bench@ringbook.example``.
"""

import argparse
import os
import time
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

OWNER, PASSWORD = "bench@ringbook.example", "correct horse battery"
AREAS = [*["11"] * 4, *["21"] * 2, "31", "19", "41", "51", "71", "81", "85", "62", "61", "47", "27", "13", "48", "92"]
LINES = 4  # own numbers of an environment

CALLS = """
WITH drawn AS (
  SELECT g, d.day + make_interval(secs => 39600 + least(43199, 43200 * (r[1] * 0.6 + r[2] * 0.4))) AS started_at,
         r[3] AS luck, r[4] AS talk, r[5] AS who, r[6] AS way, r[7] AS a, r[8] AS s
  FROM (SELECT g, ARRAY[random(), random(), random(), random(), random(), random(), random(), random()] AS r
        FROM generate_series(1, %(n)s) g) x,
  LATERAL (SELECT %(first)s::date + (g::bigint * %(days)s / (%(n)s + 1))::int AS raw) y,
  LATERAL (SELECT (CASE WHEN extract(isodow FROM raw) = 7 AND r[8] < 0.94
                        THEN greatest(raw - 1 - floor(r[8] * 5)::int, %(first)s::date)
                        ELSE raw END)::timestamp AT TIME ZONE 'UTC' AS day) d
), told AS (
  SELECT *, way < 0.22 AS inbound,
         '55' || (%(areas)s::text[])[1 + (floor(who * who * %(contacts)s)::bigint * 7919 %% 20)::int] || '9'
           || lpad(((floor(who * who * %(contacts)s)::bigint * 6364137 + %(environment)s * 271828) %% 100000000)::text,
                   8, '0') AS contact,
         '551140' || lpad((%(environment)s %% 100)::text, 2, '0') || lpad(floor(a * %(lines)s)::text, 4, '0') AS line,
         CASE WHEN way < 0.22 THEN CASE WHEN luck < 0.90 THEN 'completed' WHEN luck < 0.97 THEN 'no-answer'
                                        ELSE 'failed' END
              ELSE CASE WHEN luck < 0.43 THEN 'completed' WHEN luck < 0.76 THEN 'no-answer' WHEN luck < 0.88 THEN 'busy'
                        ELSE 'failed' END END AS status
  FROM drawn
), timed AS (
  SELECT *, CASE WHEN status <> 'completed' THEN 0 WHEN talk < 0.06 THEN floor(talk * 100) * 1000
                 ELSE least(3600, floor(exp(2.6 + talk * 3.2))) * 1000 END::bigint AS duration_ms,
         md5(g::text || %(environment)s::text || luck::text) AS word
  FROM told
)
INSERT INTO sync_call (id, tenant_id, environment_id, agent_id, external_id, sid, direction, status, is_test,
  started_at, started_guessed, answered_at, ended_at, duration_ms, billed_ms, from_number, to_number, contact,
  hangup_cause, hangup_source, latencies, upstream_updated_at, digest, read_at, first_seen_at, changed_at,
  missing_since)
SELECT (lpad(to_hex((extract(epoch FROM started_at) * 1000)::bigint), 12, '0') || '7' || substr(word, 1, 3) || '8'
         || substr(word, 4, 15))::uuid,
  %(tenant)s, %(environment)s,
  (%(agents)s::bigint[])[CASE WHEN inbound THEN 7 + floor(a * 4)::int ELSE 1 + floor(a * a * 6)::int END],
  word, '', CASE WHEN inbound THEN 'inbound' ELSE 'outbound' END, status, s > 0.98, started_at, false,
  CASE WHEN %(rich)s AND status = 'completed' THEN started_at + make_interval(secs => 2 + floor(s * 24)) END,
  CASE WHEN %(rich)s THEN started_at + make_interval(secs => 30 + duration_ms / 1000) END,
  duration_ms, CASE WHEN %(rich)s THEN ceil(duration_ms / 6000.0)::bigint * 6000 END,
  '+' || CASE WHEN inbound THEN contact ELSE line END, '+' || CASE WHEN inbound THEN line ELSE contact END, contact,
  CASE WHEN %(rich)s THEN (ARRAY['Normal Hangup','Normal Hangup','No Answer','Busy Line','Rejected',
    'Invalid Destination','Network Congestion','Cancelled'])[1 + floor(luck * 8)::int] ELSE '' END,
  CASE WHEN %(rich)s THEN (ARRAY['Caller','Callee','Carrier'])[1 + floor(talk * 3)::int] ELSE '' END,
  CASE WHEN %(rich)s AND status = 'completed' THEN jsonb_build_object(
    'stt', jsonb_build_array(80 + floor(talk * 300), 90 + floor(a * 400)),
    'llm', jsonb_build_array(300 + floor(luck * 900), 350 + floor(s * 1500)),
    'tts', jsonb_build_array(120 + floor(who * 200))) END,
  NULL, decode(word, 'hex'), now(), started_at, started_at + interval '1 hour', NULL
FROM timed WHERE started_at < now() ORDER BY started_at
"""

# Some of those who were not reached ring the callback line: within three days, most of them soon.
RETURNS = """
INSERT INTO sync_call (id, tenant_id, environment_id, agent_id, external_id, sid, direction, status, is_test,
  started_at, started_guessed, answered_at, ended_at, duration_ms, billed_ms, from_number, to_number, contact,
  hangup_cause, hangup_source, latencies, upstream_updated_at, digest, read_at, first_seen_at, changed_at,
  missing_since)
SELECT (lpad(to_hex((extract(epoch FROM back) * 1000)::bigint), 12, '0') || '7' || substr(word, 1, 3) || '8'
         || substr(word, 4, 15))::uuid,
  tenant_id, environment_id,
  (%(agents)s::bigint[])[9 + (array_position(%(agents)s::bigint[], agent_id::bigint) + 1) %% 2], word, '', 'inbound',
  CASE WHEN luck < 0.92 THEN 'completed' ELSE 'no-answer' END, false, back, false, NULL, NULL,
  CASE WHEN luck < 0.92 THEN 20000 + floor(luck * 90000) ELSE 0 END::bigint, NULL,
  to_number, from_number, contact, '', '', NULL, NULL, decode(word, 'hex'), now(), back, back + interval '1 hour', NULL
FROM (SELECT *, md5('back' || external_id) AS word, random() AS luck,
             started_at + make_interval(secs => 60 + floor(250000 * power(random(), 4))) AS back
      FROM sync_call WHERE environment_id = %(environment)s AND direction = 'outbound' AND status <> 'completed'
        AND NOT is_test AND random() < 0.05) missed
WHERE back < now() ORDER BY back
"""

WINDOWS = """
INSERT INTO sync_window (tenant_id, environment_id, stream, part, day, state, vendor_total, mirrored, read_at, tried_at,
  attempts, next_attempt_at, fault)
SELECT %(tenant)s, %(environment)s, stream, to_char(day, 'YYYY-MM-DD'), day::date, 'complete',
  CASE WHEN stream = 'calls' THEN coalesce(n, 0) END, CASE WHEN stream = 'calls' THEN coalesce(n, 0) END, now(),
  now(), 0, NULL, ''
FROM generate_series(%(first)s::date, now()::date, interval '1 day') day
CROSS JOIN (VALUES ('calls'), ('callbacks')) s (stream)
LEFT JOIN (SELECT (started_at AT TIME ZONE 'UTC')::date AS on_day, count(*) AS n FROM sync_call
           WHERE environment_id = %(environment)s GROUP BY 1) c ON c.on_day = day::date
"""

CALLBACK_DAYS = """
INSERT INTO sync_callbackday (tenant_id, environment_id, day, received, answered, unmatched, sources, payload, digest,
  changed_at)
SELECT %(tenant)s, %(environment)s, day::date, 40 + (d %% 23), 36 + (d %% 19), d %% 5,
  jsonb_build_array(jsonb_build_object('agent', 'agent-1', 'name', 'Agent 1', 'count', 36 + (d %% 19))), '{}',
  decode(md5(d::text), 'hex'), now()
FROM generate_series(%(first)s::date, now()::date, interval '1 day') WITH ORDINALITY x (day, d)
"""

OWN_NUMBERS = """
INSERT INTO sync_line (tenant_id, environment_id, number, digits)
SELECT DISTINCT tenant_id, environment_id, n, regexp_replace(n, '[^0-9]', '', 'g')
FROM (SELECT *, CASE WHEN direction = 'outbound' THEN from_number ELSE to_number END AS n FROM sync_call
      WHERE environment_id = %(environment)s) told
"""


def fresh(url: str) -> None:
    parts = urlsplit(url)
    name = sql.Identifier(parts.path.lstrip("/"))
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        server.execute(sql.SQL("CREATE DATABASE {}").format(name))


def shares(calls: int, environments: int) -> list[int]:
    """The largest has 28 %, the others what their place leaves them."""
    rest = [1 / (place + 1) for place in range(1, environments)]
    found = [round(calls * 0.72 * part / sum(rest)) for part in rest]
    return [calls - sum(found), *found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--environments", type=int, default=20)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--seed", type=float, default=0.1)
    parser.add_argument("--no-columns", action="store_true")
    asked = parser.parse_args()
    url = os.environ["DATABASE_URL"]
    fresh(url)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    os.environ.setdefault("RINGBOOK_OWNER_PASSWORD", PASSWORD)
    import django  # noqa: PLC0415 - the settings read the database's address

    django.setup()
    from bench import seeding  # noqa: PLC0415

    first = datetime.now(UTC).date() - timedelta(days=asked.days - 1)
    seeding.migrate()
    began = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET work_mem = '512MB'")
        connection.execute("SET synchronous_commit = off")
        connection.execute("SELECT setseed(%s)", [asked.seed])
        indexes = _without_indexes(connection)
        for place, n in enumerate(shares(asked.calls, asked.environments)):
            _fill(connection, seeding.environment(place, first, rich=place % 5 == 4), n, first, asked.days)
        for definition in indexes:
            connection.execute(definition)
        connection.execute("VACUUM ANALYZE")
    print(f"{asked.calls:,} calls in {time.perf_counter() - began:.0f} s")
    if not asked.no_columns:
        began = time.perf_counter()
        rows, size = seeding.columns()
        print(f"columns of {rows:,} calls in {time.perf_counter() - began:.1f} s, {size / rows:.1f} bytes a call")


def _without_indexes(connection: psycopg.Connection) -> list[str]:
    """Take the secondary indexes away while the table is filled, and say how to make them again."""
    rows = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'sync_call'"
        " AND indexdef NOT LIKE 'CREATE UNIQUE%'"
    ).fetchall()
    for name, _definition in rows:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    return [definition for _name, definition in rows]


def _fill(connection: psycopg.Connection, made: dict[str, object], n: int, first: date, days: int) -> None:
    given = made | {
        "n": n,
        "first": first,
        "days": days,
        "areas": AREAS,
        "lines": LINES,
        "contacts": max(10, n // 4),
    }
    connection.execute(CALLS, given)
    if not made["rich"]:
        connection.execute(RETURNS, given)
        connection.execute(WINDOWS, given)
        connection.execute(CALLBACK_DAYS, given)
    connection.execute(OWN_NUMBERS, given)
    print(f"environment {made['environment']}: {n:,} calls", flush=True)


if __name__ == "__main__":
    main()
