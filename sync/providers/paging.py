"""The walk over the pages of a part, and the judgement whether it was read whole.

Upstream lists have no promised order and no frozen view: rows slide between pages while they are read. A walk therefore
trusts nothing but agreement: every page names the same total, no id comes twice, no page is empty before the last, and
there are as many distinct ids as the total says; elements without an id can't be told apart and are only counted. A
walk that saw anything else did not read the part whole. Pure: it sends nothing and keeps no time.
"""

from collections.abc import Mapping, Sequence

from sync.providers import limits
from sync.providers.base import Ask, Page, Part, Provider
from sync.providers.errors import UpstreamError
from sync.taxonomy import Fault


class Count:
    """Elements of one answer, or of all answers of a part; :meth:`add` raises TOO_LARGE beyond what there may be."""

    def __init__(self) -> None:
        self._elements = 0
        self._nameless = 0

    def add(self, keys: Sequence[str]) -> None:
        self._elements += len(keys)
        self._nameless += sum(key[:1] == "?" for key in keys)
        if self._nameless > limits.NAMELESS_ELEMENTS:
            raise UpstreamError(
                Fault.TOO_LARGE, f"The answer holds more than {limits.NAMELESS_ELEMENTS:,} elements without an id."
            )
        if self._elements > limits.LIST_ELEMENTS:
            raise UpstreamError(Fault.TOO_LARGE, f"The answer holds more than {limits.LIST_ELEMENTS:,} elements.")


class _List:
    """One paged answer of a walk."""

    __slots__ = ("keys", "last_page", "nameless", "total")

    def __init__(self, page: Page) -> None:
        self.total = page.total
        self.last_page = page.last_page
        self.keys: set[str] = set()
        self.nameless = 0  # elements without an id


class Walk:
    """Asks go out through :meth:`next`, answers come in through :meth:`take`, :meth:`close` and :meth:`fail`."""

    def __init__(self, provider: Provider, part: Part, settings: Mapping[str, str]) -> None:
        self.provider = provider
        self.part = part
        self.keys: set[str] = set()  # of every element seen, broken ones included
        self.total: int | None = None  # what the vendor said there is, summed over the part's paged lists
        self.fault: Fault | None = None
        self.detail = ""
        self._ready = list(reversed(provider.asks(part, settings)))
        self._open: set[Ask] = set()
        self._asked: set[Ask] = set(self._ready)
        self._count = Count()
        self._lists: dict[tuple[str, str, tuple[tuple[str, str], ...]], _List] = {}

    @property
    def over(self) -> bool:
        """Nothing more to ask and nothing under way."""
        return not self._open and (not self._ready or self.fault is not None)

    @property
    def whole(self) -> bool:
        return self.over and self.fault is None

    def next(self) -> Ask | None:
        """The next request to send, None when none is ready now."""
        if self.fault is not None or not self._ready:
            return None
        ask = self._ready.pop()
        self._open.add(ask)
        return ask

    def put_back(self, ask: Ask) -> None:
        """An ask that was taken but is to be sent later."""
        self._open.discard(ask)
        self._ready.append(ask)

    def take(self, ask: Ask, page: Page) -> None:
        """A chunk of the answer to ``ask``. Paged answers come in one chunk."""
        try:
            self._count.add([key for key in page.keys if key not in self.keys])  # an answer may come once more
        except UpstreamError as error:
            self._blame(error.fault, error.detail)
        self.keys.update(page.keys)
        if ask.paged and page.total is None:
            self._blame(Fault.FORM, f"page {ask.page} names no total")
        elif ask.paged:
            self._take_page(ask, page)
        for further in self.provider.follow(self.part, ask, page):
            if further not in self._asked:
                self._asked.add(further)
                self._ready.append(further)
        if len(self._asked) > limits.LIST_REQUESTS:
            self._blame(Fault.TOO_LARGE, f"more than {limits.LIST_REQUESTS:,} requests are called for")

    def close(self, ask: Ask) -> None:
        """The answer to ``ask`` is at its end."""
        self._open.discard(ask)
        if not self._open and not self._ready and self.fault is None:
            self._judge()

    def fail(self, ask: Ask, fault: Fault, detail: str = "") -> None:
        """``ask`` failed for good. An optional one is done without."""
        if ask.optional and fault in {Fault.FORBIDDEN, Fault.NOT_FOUND, Fault.REFUSED}:
            self.close(ask)
            return
        self._open.discard(ask)
        self._blame(fault, detail)

    def _take_page(self, ask: Ask, page: Page) -> None:
        name = (ask.kind, ask.path, ask.params)
        listed = self._lists.get(name)
        if listed is None:
            listed = self._lists[name] = _List(page)
            self._plan(ask, listed)
        elif (page.total, page.last_page) != (listed.total, listed.last_page):
            self._blame(Fault.DRIFT, f"total went from {listed.total} to {page.total} while page {ask.page} was read")
        named = [key for key in page.keys if not key.startswith("?")]
        fresh = set(named)
        if len(fresh) < len(named) or fresh & listed.keys:
            self._blame(Fault.DRIFT, f"page {ask.page} repeats an element of an earlier page")
        if not page.keys and listed.total and ask.page <= (listed.last_page or 1):
            self._blame(Fault.EMPTY_PAGE, f"page {ask.page} of {listed.last_page} is empty")
        listed.keys |= fresh
        listed.nameless += len(page.keys) - len(named)

    def _plan(self, ask: Ask, listed: _List) -> None:
        last = listed.last_page or 1
        if last > limits.LIST_REQUESTS:
            self._blame(Fault.FORM, f"{last} pages are promised")
            return
        # Last page first out of the list's end, so that pages leave in their order.
        further = [ask.at(number) for number in range(last, 0, -1) if number != ask.page]
        self._asked.update(further)
        self._ready.extend(further)

    def _judge(self) -> None:
        totals = [listed.total for listed in self._lists.values() if listed.total is not None]
        self.total = sum(totals) if totals else None
        for listed in self._lists.values():
            distinct = len(listed.keys) + listed.nameless
            if listed.total is not None and distinct != listed.total:
                self._blame(Fault.DRIFT, f"{distinct} distinct elements of {listed.total}")

    def _blame(self, fault: Fault, detail: str) -> None:
        if self.fault is None:
            self.fault, self.detail = fault, detail
