"""What a page says behind the reader's back: the console, errors of scripts, violations of the policy; and axe-core."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_playwright_python

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
GRAVE = ("serious", "critical")
_LISTEN = """
  addEventListener("securitypolicyviolation", (event) =>
    console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
# Marks texts whose tags and attributes, up to the root, are those of others: the first two and the last one stay, since
# a style may count. Where a part leads and what it is called has no style; everything else may have.
_ALIKE = """() => {
  const places = /^(id|href|title|datetime|value|name|for|headers|content|[xyd]|[xy][12])$/;
  const unstyled = (name) => places.test(name) || /^aria-(label|labelledby|describedby)$/.test(name);
  const ways = new Map([[null, ""]]);
  const way = (part) => {
    if (!ways.has(part)) {
      const own = [...part.attributes].filter((each) => !unstyled(each.name) && each.name !== "data-alike");
      ways.set(part, `${way(part.parentElement)}>${part.tagName} ${own.map((each) => each.name + "=" + each.value)}`);
    }
    return ways.get(part);
  };
  const groups = new Map();
  const speaks = (each) => each.nodeType === Node.TEXT_NODE && each.data.trim();
  for (const part of document.body.querySelectorAll("*")) {
    if (![...part.childNodes].some(speaks)) continue;
    if (!groups.has(way(part))) groups.set(way(part), []);
    groups.get(way(part)).push(part);
  }
  for (const parts of groups.values()) for (const part of parts.slice(2, -1)) part.setAttribute("data-alike", "");
}"""


@dataclass
class Watch:
    """Everything that the pages of a context complained of, with the page's address."""

    said: list[str] = field(default_factory=list)

    def context(self, context: Any) -> None:
        """Watch all pages of a context, those to come included."""
        context.add_init_script(_LISTEN)
        context.on("page", self._page)

    def _page(self, page: Any) -> None:
        def heard(message: Any) -> None:
            # That a page's own address answers 400 to a wrong question is the browser's remark, not the page's.
            if message.type in ("error", "warning") and "status of 400" not in message.text:
                self.said.append(f"{page.url}: {message.text}")

        page.on("console", heard)
        page.on("pageerror", lambda error: self.said.append(f"{page.url}: {error}"))


def grave(page: Any) -> list[str]:
    """What axe-core finds serious or critical, a line for each element.

    The script is evaluated through the debugger, which the page's own policy does not reach; the policy stays in force
    for everything that the page does. Contrast, which takes four times as long as all other rules, is asked of the
    first two and the last of those parts that have all their styles in common.
    """
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE)
        page.evaluate("axe.configure({rules: [{id: 'color-contrast', selector: ':not([data-alike])'}]})")
    page.evaluate(_ALIKE)
    options = {"resultTypes": ["violations"], "elementRef": False, "preload": False, "iframes": False}
    found = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]} | {node['failureSummary'].splitlines()[-1].strip()}"
        for rule in found["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


def pushed_aside(page: Any) -> list[str]:
    """The elements that make a page wider than its window; nothing where it fits."""
    found: list[str] = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          const held = (part) => part.closest(".wide, .map, .tall, nav, svg") !== null;
          return [...document.querySelectorAll("main *, header *")]
            .filter((part) => part.getBoundingClientRect().right > width + 1 && !held(part))
            .map((part) => `${part.parentElement.tagName} > ${part.outerHTML.slice(0, 140)}`).slice(0, 6);
        }"""
    )
    return found


def complaints(page: Any, case: str) -> list[str]:
    """What is grave on a page, and what leans out of it; a line each, with the case."""
    return [f"{case}: {said}" for said in (*grave(page), *(f"leans out: {part}" for part in pushed_aside(page)))]
