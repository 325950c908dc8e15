"""The weekly mail on the narrow screens it is read on."""

import pytest

from tests.reports.mail.test_compose import make

pytestmark = pytest.mark.browser
BROKEN_WORDS = """() => {
  const found = [];
  for (const cell of document.querySelectorAll("th[scope=col]")) {
    for (const node of cell.childNodes) {
      for (const word of (node.textContent ?? "").matchAll(/\\p{L}+/gu)) {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        if (new Set([...range.getClientRects()].map((line) => line.top)).size > 1) found.push(word[0]);
      }
    }
  }
  return found;
}"""


@pytest.mark.parametrize("language", ["en", "pt-br"])
@pytest.mark.parametrize("width", [360, 375, 430])
def test_no_heading_is_torn_and_nothing_is_pushed_aside(chromium, language, width) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800})
    page.set_content(make(language).html)
    assert page.locator("th[scope=col]").count() > 8
    assert page.evaluate(BROKEN_WORDS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
