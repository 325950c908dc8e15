"""What a page offers its reader: its links, and its forms as a browser would send them if nothing was filled in."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urldefrag, urlencode, urljoin, urlsplit

Pair = tuple[str, str]
_SENT_WHEN_CHECKED = ("checkbox", "radio")


@dataclass
class Form:
    """``presses``: for each of its buttons, where it goes and what it adds."""

    method: str
    action: str
    fields: list[Pair] = field(default_factory=list)
    presses: list[tuple[str, list[Pair]]] = field(default_factory=list)

    def sent(self) -> list[tuple[str, str]]:
        """Address and body of each way to send it."""
        presses = self.presses or [(self.action, [])]
        return [(inside(action), urlencode([*self.fields, *more])) for action, more in presses]


class Offers(HTMLParser):
    """``links`` and ``forms`` of a page that has the address ``page``."""

    def __init__(self, page: str, body: str) -> None:
        super().__init__()
        self.page = page
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select = ""
        self._options: list[tuple[str, bool]] = []
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag in ("a", "img", "iframe") and (address := told.get("href") or told.get("src")):
            self.links.append(inside(urljoin(self.page, address)))
        elif tag == "form":
            self._form = Form(told.get("method", "get").lower(), urljoin(self.page, told.get("action") or self.page))
            self.forms.append(self._form)
        elif self._form is not None and "disabled" not in told:
            self._hold(self._form, tag, told)

    def _hold(self, form: Form, tag: str, told: dict[str, str]) -> None:
        name, kind, value = told.get("name", ""), told.get("type", ""), told.get("value", "")
        if tag == "button" and kind in ("", "submit"):
            form.presses.append(
                (urljoin(self.page, told.get("formaction") or form.action), [(name, value)] if name else [])
            )
        elif tag == "input" and name and (kind not in _SENT_WHEN_CHECKED or "checked" in told):
            form.fields.append((name, value if "value" in told or kind not in _SENT_WHEN_CHECKED else "on"))
        elif tag == "textarea" and name:
            form.fields.append((name, ""))
        elif tag == "select":
            self._select, self._options = name, []
        elif tag == "option":
            self._options.append((value, "selected" in told))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select" and self._form is not None and self._options:
            chosen = [value for value, is_chosen in self._options if is_chosen] or [self._options[0][0]]
            self._form.fields += [(self._select, value) for value in chosen]
            self._options = []


def inside(address: str) -> str:
    """The address without what stands behind #; nothing for one that is no page of the portal's."""
    parts = urlsplit(urldefrag(address).url)
    return "" if parts.scheme or parts.netloc or parts.path.startswith("/static/") else parts.geturl()
