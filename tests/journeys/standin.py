"""A vendor of our own making, and nothing of the sandbox's: it serves documented examples as they stand.

Only what a list's paging says is made true of what is served. ``refuse`` holds paths, or a path and a day, that answer
422; ``verbatim`` serves the documents as they are printed, whatever they promise.
"""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

PAYLOADS = Path(__file__).parents[1] / "payloads"
TOKEN = "talq_of_a_stand_in"


def example(name: str) -> Any:
    vendor = name.split("_")[0]
    return json.loads((PAYLOADS / vendor / f"{name}.json").read_text(encoding="utf-8"))


class StandIn:
    """A context manager; ``calls`` are the elements of ``/calls``, ``stats`` what each OriginsAI agent has."""

    def __init__(self, *, calls: list[dict[str, Any]] | None = None, verbatim: bool = False) -> None:
        self.calls = calls or []
        self.verbatim = verbatim
        self.refuse: set[tuple[str, str]] = set()
        self.agents = {"123": example("originsai_call_stats")}
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.answer))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, params: dict[str, str], authorization: str) -> tuple[int, Any]:
        self.asked.append(path)
        if authorization != f"Bearer {TOKEN}":
            return 401, {"success": False, "message": "Unauthorized"}
        day = params.get("date_from") or params.get("start_date") or ""
        if self.refuse & {(path, day), (path, "")}:
            return 422, example("talkover_validation_error")
        match path.strip("/").split("/"):
            case ["api", "agents", agent, "call_stats"]:
                return (200, self.agents[agent]) if agent in self.agents else (404, {"detail": "Not Found"})
            case ["v1", "calls"]:
                return 200, self._calls(params)
            case ["v1", "agents"]:
                return 200, self._listed("talkover_agents", "meta", params)
            case ["v1", "agents", _, "pricing", "summary"]:
                return 200, example("talkover_price")
            case ["v1", "callback-agents"]:
                return 200, example("talkover_callback_agents")
            case ["v1", "callback-agents", "stats"]:
                return 200, example("talkover_callback_stats")
            case ["v1", "campaigns"]:
                return 200, self._listed("talkover_campaigns", "pagination", params)
            case ["v1", "campaigns", _]:
                return 200, example("talkover_campaign")
        return 404, {"success": False, "message": "Not found"}

    def _calls(self, params: dict[str, str]) -> Any:
        if self.verbatim:
            return example("talkover_calls")
        first, last = params.get("date_from", ""), params.get("date_to", "9999")
        found = [element for element in self.calls if first <= element["created_at"][:10] <= last]
        return {"success": True, "data": found, "pagination": paging(len(found), params, edges=True)}

    def _listed(self, name: str, key: str, params: dict[str, str]) -> Any:
        found = example(name)
        if not self.verbatim:
            found[key] = paging(len(found["data"]), params, edges=key == "pagination")
        return found


def paging(total: int, params: dict[str, str], *, edges: bool) -> dict[str, Any]:
    """Of a list that fits on one page."""
    told = {"current_page": 1, "last_page": 1, "per_page": int(params.get("per_page", 20)), "total": total}
    return told | ({"from": 1 if total else None, "to": total or None} if edges else {})


def _handler(answer: Callable[[str, dict[str, str], str], tuple[int, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            params = {name: values[0] for name, values in parse_qs(asked.query).items()}
            status, document = answer(unquote(asked.path), params, self.headers.get("Authorization", ""))
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
