"""The weekly mail on the narrow screens it is read on."""

from re import sub

import pytest
from django.utils import translation

from reports.mail.render import CUT_AT
from tests.browser.mail_pictures import weeks
from tests.reports.mail.test_compose import make

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
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
TORN_FIGURES = """() => {
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    if (texts.currentNode.parentElement.closest("td") === null) continue;
    for (const figure of texts.currentNode.data.matchAll(/[\\d.,:]*\\d(\\u00a0[%\\w]+)?/gu)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, figure.index);
      range.setEnd(texts.currentNode, figure.index + figure[0].length);
      if (new Set([...range.getClientRects()].map((line) => line.top)).size > 1) found.push(figure[0]);
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


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_no_figure_of_any_week_is_torn_on_a_phone(chromium, language) -> None:
    """Nor where there are hundreds of agents with long names, and six digits to the hour."""
    page = chromium.new_page(viewport={"width": 360, "height": 800})
    with translation.override(language):
        mails = dict(weeks())
    kinds = {"usual", "empty", "huge", "incomplete", "report", "board", "alert", "consent", "invitation"}
    assert set(mails) == kinds
    for name, mail in mails.items():
        page.set_content(mail.html)
        assert page.evaluate(TORN_FIGURES) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
    page.close()


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_no_mail_is_so_large_that_a_mail_program_hides_its_end(language) -> None:
    with translation.override(language):
        for name, mail in weeks():
            without_image = sub(r"data:image/png;base64,[^\"]*", "cid:chart", mail.html)  # that travels beside it
            assert len(without_image.encode()) < CUT_AT, name
