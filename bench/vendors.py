"""One sandbox with a token and a world of its own for each of many connections, in a process of its own.

    python -m bench.vendors --connections 200 --days 4 --calls-per-day 40

Says its address on the first line, and what was asked of it on the last one, after SIGTERM.
"""

import argparse
import json
import signal
from dataclasses import replace
from threading import Event

from sync.sandbox.cast import TENANTS
from sync.sandbox.server import Sandbox

TICK = 15.0  # seconds after which the worlds move on
LIMIT = 100  # requests a minute and token, as Talkover's standard plan has it


def token(number: int) -> str:
    return f"talq_sandbox_fleet{number}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--days", type=int, default=4)
    parser.add_argument("--calls-per-day", type=int, default=40)
    asked = parser.parse_args()
    casts = list(TENANTS.values())
    names = [f"fleet{number}" for number in range(asked.connections)]
    for number, name in enumerate(names):
        TENANTS[name] = replace(casts[number % len(casts)], name=name, scale=1.0)
    ended = Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: ended.set())
    with Sandbox(days=asked.days, calls_per_day=asked.calls_per_day, rate_limit=LIMIT) as box:
        print(box.talkover_url, flush=True)
        while not ended.wait(TICK):
            box.advance()
        told = {
            "requests": len(box.journal.entries),
            "refused": sum(entry.status == 429 for entry in box.journal.entries),
            "failed": sum(entry.status not in (200, 429) for entry in box.journal.entries),
            "busiest_minute": max(box.journal.busiest_minute(name) for name in names),
        }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
