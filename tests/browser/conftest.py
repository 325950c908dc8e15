"""A real browser against a real server; skipped, with the reason, where there is no Chromium."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.tenants import wall
from tests import factories

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def chromium(django_db_setup):
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"There is no Chromium at {CHROMIUM}.")
    with pytest.MonkeyPatch.context() as patch, playwright.sync_playwright() as run:
        # Playwright keeps an event loop running in this thread, which Django would take for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = run.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def portal(live_server, settings, acme, sales, ana):
    """The portal with a fortnight of calls, served over HTTP."""
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    now = datetime.now(UTC)
    with wall.tenant(acme):
        agents = [factories.agent(sales, name) for name in ("outbound", "renewals")]
        for n in range(200):
            status = ("completed", "no-answer", "busy")[n % 3]
            factories.call(
                sales,
                f"call-{n}",
                agent=agents[n % 2],
                status=status,
                seconds=40 + n if status == "completed" else None,
                started_at=now - timedelta(minutes=100 * n + 200),
            )
    return live_server


@pytest.fixture
def open_page(chromium, portal):
    """Opens pages of fresh visitors, and fails when one of them said anything on the console."""
    contexts, said = [], []

    def open_page(**options):
        context = chromium.new_context(**{"locale": "en", "viewport": {"width": 1280, "height": 800}} | options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{portal.url}/t/acme/")
        page.fill("[name=login]", "ana@acme.example")
        page.fill("[name=password]", "correct horse battery")
        page.press("[name=password]", "Enter")
        page.wait_for_url("**/t/acme/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
