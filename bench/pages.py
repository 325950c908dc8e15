"""A vendor that costs nothing: Talkover's call list from pages rendered beforehand, over real HTTP.

``/a/…`` and ``/b/…`` are the same calls, but in ``b`` every hundredth has changed. ``?date_from=`` asks for one
day, no dates for all. It is much faster than any reader, so that readers are what is measured.
"""

import argparse
import asyncio
import json
import random
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

PER_PAGE = 100
FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)
STATUSES = ("completed", "completed", "completed", "no-answer", "no-answer", "busy", "failed")


def calls_of_day(day: int, count: int, rng: random.Random) -> list[dict[str, object]]:
    calls = []
    for number in range(count):
        started = FIRST_DAY + timedelta(days=day, seconds=86399 * number // count)
        status = rng.choice(STATUSES)
        agent = rng.randrange(20)
        to = f"+55119{rng.randrange(10**8):08d}"
        calls.append(
            {
                "id": f"{rng.getrandbits(128):032x}",
                "sid": f"CA{rng.getrandbits(128):032x}",
                "to": to,
                "to_formatted": f"({to[3:5]}) {to[5:10]}-{to[10:]}",
                "from": "+551130000000",
                "from_formatted": "(11) 3000-0000",
                "is_testing": False,
                "direction": "outbound",
                "status": status,
                "duration": rng.randrange(5, 400) if status == "completed" else 0,
                "agent": {"id": f"agent-{agent:02d}", "name": f"Agent {agent}", "label": f"Agent {agent}"},
                "created_at": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "updated_at": (started + timedelta(minutes=8)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )
    return calls[::-1]


def changed(call: dict[str, object], number: int) -> dict[str, object]:
    if number % 100:
        return call
    return call | {"status": "completed", "duration": 777, "updated_at": "2026-06-01T00:00:00Z"}


def envelopes(calls: list[bytes]) -> list[bytes]:
    pages = [calls[start : start + PER_PAGE] for start in range(0, len(calls), PER_PAGE)]
    bodies = []
    for number, page in enumerate(pages, 1):
        paging = {
            "current_page": number,
            "last_page": len(pages),
            "per_page": PER_PAGE,
            "total": len(calls),
            "from": (number - 1) * PER_PAGE + 1,
            "to": (number - 1) * PER_PAGE + len(page),
        }
        body = b'{"success":true,"data":[%b],"pagination":%b}' % (b",".join(page), json.dumps(paging).encode())
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        bodies.append(head.encode() + body)
    return bodies


def render(calls: int, days: int) -> dict[tuple[str, str], list[bytes]]:
    """Ready answers by (version, day); day "" is all of them."""
    rng = random.Random(7)
    pages: dict[tuple[str, str], list[bytes]] = {}
    every: dict[str, list[bytes]] = {"a": [], "b": []}
    for day in range(days):
        made = calls_of_day(day, calls // days, rng)
        name = (FIRST_DAY + timedelta(days=day)).date().isoformat()
        for version in "ab":
            shown = made if version == "a" else [changed(call, number) for number, call in enumerate(made)]
            texts = [json.dumps(call, separators=(",", ":")).encode() for call in shown]
            pages[version, name] = envelopes(texts)
            every[version] += texts
    return pages | {(version, ""): envelopes(texts) for version, texts in every.items()}


class Vendor(asyncio.Protocol):
    pages: dict[tuple[str, str], list[bytes]]
    latency = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.waiting = b""

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while b"\r\n\r\n" in self.waiting:
            head, self.waiting = self.waiting.split(b"\r\n\r\n", 1)
            target = urlsplit(head.split(b" ", 2)[1].decode())
            asked = parse_qs(target.query)
            answers = self.pages.get((target.path[1:2], asked.get("date_from", [""])[0]), [])
            number = int(asked.get("page", ["1"])[0])
            answer = answers[number - 1] if number <= len(answers) else NOTHING
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self.transport.write, answer)
            else:
                self.transport.write(answer)


_EMPTY = (
    b'{"success":true,"data":[],"pagination":'
    b'{"current_page":1,"last_page":1,"per_page":100,"total":0,"from":null,"to":null}}'
)
NOTHING = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(_EMPTY), _EMPTY)


async def serve(calls: int, days: int, latency: float) -> None:
    Vendor.pages, Vendor.latency = render(calls, days), latency
    server = await asyncio.get_running_loop().create_server(Vendor, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--latency", type=float, default=0.0)
    asked = parser.parse_args()
    asyncio.run(serve(asked.calls, asked.days, asked.latency))
