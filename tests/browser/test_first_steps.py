"""From nothing to the first figures in a real browser, as somebody goes who never opens a terminal: a portal that was
just started, the code that it told, an owner, a vendor in three steps, the reading, the overview.
"""

import re
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from sync.sandbox.server import Sandbox
from tests.browser.conftest import NARROW, WIDE
from tests.browser.watch import Watch, grave
from tests.portal.processes import free_port
from tests.portal.site.test_serve import embedded, manage

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]
CODE = re.compile(r"[A-Z2-9]{4}(?:-[A-Z2-9]{4}){3}")
EMAIL, PASSWORD = "zoe@acme.example", "correct horse battery"
PATIENCE = 90_000  # of the browser, on a busy machine


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(days=3, calls_per_day=20, seed=5) as box:
        yield box


@pytest.fixture
def portal(tmp_path_factory) -> Iterator[tuple[str, str]]:
    """Its address, and the code that it told."""
    quick = {"UPSTREAM_ALLOW_PRIVATE": "true", "UPSTREAM_RATE_PER_MINUTE": "1000000"}
    environment = embedded(tmp_path_factory.mktemp("data")) | quick
    port = free_port()
    process = manage(environment, "serve", "--bind", f"127.0.0.1:{port}", "--web", "1", "--workers", "1")
    try:
        yield f"http://127.0.0.1:{port}", _told(process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def _told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if code := CODE.search(line):
            return code[0]
    raise AssertionError(process.stderr and process.stderr.read())


def test_from_an_empty_portal_to_figures(chromium, portal, box) -> None:
    (url, code), watch = portal, Watch()
    context = chromium.new_context(viewport=WIDE, locale="en")
    context.set_default_timeout(PATIENCE)
    watch.context(context)
    page = context.new_page()
    page.goto(url)
    assert page.url == f"{url}/setup/"
    assert fits_a_phone(page)
    assert grave(page) == []
    _set_up(page, code)

    page.wait_for_url("**/t/acme-voz/connections/new/")
    page.get_by_role("link", name="Talkover").click()
    page.fill("[name=name]", "West")
    page.fill("[name=base_url]", box.talkover_url)
    page.fill("[name=token]", "talq_" + "0" * 40)
    page.press("[name=token]", "Enter")
    page.wait_for_selector(".note.error")  # in words, and nothing is lost but the token
    assert page.input_value("[name=name]") == "West"
    page.fill("[name=token]", box.talkover_token)
    page.press("[name=token]", "Enter")
    page.wait_for_url("**/start/")
    page.check("[name=days][value='7']")
    page.click("button.main[type=submit]")

    page.wait_for_url(re.compile(r"/connections/[0-9a-f-]{36}/$"))
    expect(page.locator("progress")).to_have_count(1)
    assert fits_a_phone(page)
    lead = page.locator("#standing a[href='/t/acme-voz/']")
    lead.wait_for()  # without a reload: the page looks again by itself
    lead.click()
    page.wait_for_url("**/t/acme-voz/")
    _until_figures(page)
    assert fits_a_phone(page)
    assert watch.said == []
    context.close()


def fits_a_phone(page: Any) -> bool:
    page.set_viewport_size(NARROW)
    fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size(WIDE)
    return bool(fits)


def _set_up(page: Any, code: str) -> None:
    for name, text in {
        "code": code,
        "company": "Acme Voz",
        "name": "Zoé",
        "email": EMAIL,
        "password": PASSWORD,
    }.items():
        page.fill(f"[name={name}]", text)
    assert page.is_checked("[name=administers]")
    page.press("[name=password]", "Enter")


def _until_figures(page: Any) -> None:
    """The overview counts calls of the vendor, as soon as these are read."""
    for _look in range(30):
        values = page.locator("[data-metric=attempts] data, data").evaluate_all(
            "all => all.map((one) => Number(one.value))"
        )
        if any(value > 0 for value in values):
            return
        page.wait_for_timeout(2000)
        page.reload()
    raise AssertionError(page.locator("main").inner_text())
