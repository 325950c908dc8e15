"""A real browser against a real server; skipped, with the reason, where there is no Chromium."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connections

from tests.browser import BROWSERS, installed
from tests.browser.town import Town
from tests.browser.watch import Watch, complaints

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE = 60_000  # milliseconds, on a busy machine
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 375, "height": 812}
# Two ways of looking that differ in everything: for pages of which each is looked at once, by turns.
TURNS = (("en", WIDE, "light"), ("pt-br", NARROW, "dark"))


@pytest.fixture(scope="package")
def chromium(django_db_setup):
    """One for all tests here: they follow each other."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = installed()
    if not program:
        pytest.skip(f"There is no browser: none of {', '.join(BROWSERS)}.")
    with pytest.MonkeyPatch.context() as patch, playwright.sync_playwright() as run:
        # Playwright keeps an event loop running in this thread, which Django would take for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        playwright.expect.set_options(timeout=PATIENCE)
        browser = run.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()
        connections.close_all()  # what was opened under that loop is another connection than the suite's


@pytest.fixture
def town(served_town) -> Town:
    """One portal, filled once, for all tests that only read."""
    return served_town


@dataclass
class Visit:
    """Opens pages of signed-in readers of the town; a page that complains is named in ``watch``."""

    chromium: Any
    town: Town
    watch: Watch = field(default_factory=Watch)
    contexts: list[Any] = field(default_factory=list)

    def open(self, path: str = "", language: str = "en", **options: Any) -> Any:
        return self.goto(self.context(language, **options).new_page(), path)

    def context(self, language: str = "en", *, signed_in: bool = True, **options: Any) -> Any:
        context = self.chromium.new_context(**{"viewport": WIDE, "locale": "en"} | options)
        context.set_default_timeout(PATIENCE)
        if signed_in:
            context.add_cookies([self.town.cookie(language)])
        self.watch.context(context)
        self.contexts.append(context)
        return context

    def goto(self, page: Any, path: str) -> Any:
        page.goto(path if path.startswith("http") else self.town.page(path))
        return page


@dataclass
class Look:
    """Opens each page in the next of two ways, and keeps in ``found`` what is wrong with it."""

    visit: Visit
    options: dict[str, Any]
    found: list[str] = field(default_factory=list)
    pages: list[Any] = field(default_factory=list)
    count: int = 0

    def __call__(self, path: str, press: Callable[[Any], None] | None = None) -> None:
        """``press`` goes on from the page to what is to be looked at."""
        language = TURNS[self.count % 2][0]
        page = self._next()
        answer = page.goto(f"{self.visit.town.url}{path}")
        if press:
            press(page)
        if answer.status != 200 or page.locator("html").get_attribute("lang") != language:
            self.found.append(f"{path} answers {answer.status}, or not in {language}")
        self.found += complaints(page, f"{path} in {language}")

    def _next(self) -> Any:
        if not self.pages:
            for language, size, scheme in TURNS:
                options = {"viewport": size, "color_scheme": scheme, "locale": language, "reduced_motion": "reduce"}
                self.pages.append(self.visit.context(language, **options, **self.options).new_page())
        self.count += 1
        return self.pages[(self.count - 1) % 2]


@pytest.fixture
def look(visit):
    """Looks at pages by turns; fails when anything is wrong with one of them."""
    look = Look(visit, {})
    yield look
    assert look.found == [], "\n".join(look.found)


@pytest.fixture
def look_from_outside(visit):
    """The same, signed out."""
    look = Look(visit, {"signed_in": False})
    yield look
    assert look.found == [], "\n".join(look.found)


@pytest.fixture
def visit(chromium, town):
    """Opens pages of the town; fails when a page said anything on the console or met the policy."""
    visit = Visit(chromium, town)
    yield visit
    for context in visit.contexts:
        context.close()
    assert visit.watch.said == []
