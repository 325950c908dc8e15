"""Takes the README's pictures: ``make pictures`` runs a demo in a folder of its own and photographs three of its pages.

A development tool: it needs a Chromium, and writes PNG files that are committed.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser import installed

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "pictures"
SIZE = {"width": 1280, "height": 860}
MOST_BYTES = 400_000  # of all together
SIGN_IN = re.compile(r"Sign in as (\S+) .*password (\S+)")


@dataclass(frozen=True)
class Demo:
    url: str
    email: str
    password: str


@contextmanager
def demonstration() -> Iterator[Demo]:
    """A demo of ten weeks in a temporary folder, served until the pictures are taken."""
    with tempfile.TemporaryDirectory(prefix="ringbook-pictures-") as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        free.close()
        command = [sys.executable, "manage.py", "demo", "--days", "70", "--calls-per-day", "90", "--port", port]
        environment = {**os.environ, "DATA_DIR": folder}
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as running:
            try:
                assert running.stdout is not None
                said = next((found for line in running.stdout if (found := SIGN_IN.search(line))), None)
                if said is None:
                    sys.exit("The demo ended before it was ready.")
                yield Demo(f"http://127.0.0.1:{port}", said[1], said[2])
            finally:
                running.send_signal(signal.SIGTERM)


def longest_call(page: Any, demo: Demo) -> str:
    """The address of the call with the most to show: a long one of the vendor that tells its turns."""
    found = page.request.get(f"{demo.url}/api/v1/environments/").json()["results"]
    talks = next(row["id"] for row in found if row["provider"] == "originsai")
    calls = page.request.get(
        f"{demo.url}/api/v1/calls/", params={"environment": talks, "outcome": "connected", "page_size": "200"}
    ).json()["results"]
    return f"calls/{max(calls, key=lambda call: call['duration'] or 0)['id']}/"


def take() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with demonstration() as demo, sync_playwright() as run:
        browser = run.chromium.launch(executable_path=installed(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=SIZE, locale="en", color_scheme="light", reduced_motion="reduce")
        page.goto(f"{demo.url}/accounts/login/")
        page.fill("[name=login]", demo.email)
        page.fill("[name=password]", demo.password)
        page.press("[name=password]", "Enter")
        page.wait_for_url("**/t/acme/**")
        if page.locator("html").get_attribute("lang") != "en":
            page.locator("button[name=language][value=en]").click()
            page.wait_for_selector("html[lang=en]")
        pages = {
            "overview": "?period=last_30_days",
            "call": longest_call(page, demo),
            "callbacks": "callbacks/?period=last_30_days",
        }
        for name, path in pages.items():
            page.goto(f"{demo.url}/t/acme/{path}", wait_until="networkidle")
            page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()
    size = sum(path.stat().st_size for path in FOLDER.glob("*.png"))
    sys.stdout.write(f"{len(pages)} pictures in {FOLDER.relative_to(ROOT)}, {size // 1000} kB in all\n")
    if size > MOST_BYTES:
        sys.exit(f"They are to have {MOST_BYTES // 1000} kB at most.")


if __name__ == "__main__":
    take()
