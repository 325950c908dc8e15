"""Runs the statements of one page: within its deadline, and never more of one tenant or reader at once than may be."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from hashlib import sha256

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from portal.lib.alone import alone
from portal.storage import Away, NotThere
from reports.columns import engine
from reports.columns.engine import Failed, Rows, Statement, Tables, TooLong, TooMuch
from reports.queries.question import QuestionError
from reports.queries.scope import Scope

logger = logging.getLogger("ringbook.reports")
Runner = Callable[[Statement], Rows]
TENANT_AT_ONCE = 8
READER_AT_ONCE = 4
RETRY_SECONDS = 2
MOST_KEPT = 2_000  # rows of an answer that is kept for others
_patience: ContextVar[float] = ContextVar("patience", default=1.0)  # seconds to wait for a turn


class NotNow(Exception):
    """A question that nothing is wrong with cannot be answered at the moment. Pages and API say so with ``status``."""

    status = 503
    retry_after = 5

    def __str__(self) -> str:
        return _("Figures cannot be computed at the moment. Ask again in a moment.")


class TooManyAtOnce(NotNow):
    """So many questions of this tenant or this reader are being computed that no further one begins."""

    status = 429
    retry_after = RETRY_SECONDS

    def __str__(self) -> str:
        return _("So many questions are being answered that this one has to wait. Ask again in a moment.")


class DataChanged(NotNow):
    """A column file went while it was read, as of a reader that began before it was replaced."""

    def __str__(self) -> str:
        return _("The data changed while this was answered. Ask again in a moment.")


@contextmanager
def patient() -> Iterator[None]:
    """Within it questions wait for their turn as long as a question may take: nobody sits before a file or a mail."""
    token = _patience.set(float(settings.QUESTION_SECONDS))
    try:
        yield
    finally:
        _patience.reset(token)


class Turns:
    """Runs statements one after the other. The first, or :meth:`begin`, takes a turn; :meth:`close` gives it back."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        # A statement may compute so long, and a page may wait as long again for its turns.
        self._deadline = time.monotonic() + 2 * settings.QUESTION_SECONDS
        self._reading_until = 0.0
        self._held: list[str] = []
        self._tables = Tables()

    def begin(self) -> float:
        """Take the turn before calls are read from the mirror; until when, of :func:`time.monotonic`, they may be: for
        half of the time there is, so that what is there is answered all the same. Raises NotNow.
        """
        if not self._held:
            self._take()
        if not self._reading_until:
            now = time.monotonic()
            self._reading_until = now + (self._deadline - now) / 2
        return self._reading_until

    def __call__(self, statement: Statement) -> Rows:
        """The rows; raises QuestionError past the deadline or beyond the memory, and NotNow."""
        if not self._held:
            self._take()
        try:
            return engine.run(
                statement,
                deadline=self._deadline,
                seconds=settings.QUESTION_SECONDS,
                tables=self._tables,
                asker=(self.scope.tenant_id, self.scope.reader),
            )
        except TooLong:
            logger.warning("a question of tenant %s took too long", self.scope.tenant_id)
            text = _("This took longer than %(seconds)s seconds: ask for a shorter period or fewer groupings.")
            raise QuestionError({"by": text % {"seconds": settings.QUESTION_SECONDS}}) from None
        except TooMuch:
            logger.warning("a question of tenant %s needs too much memory", self.scope.tenant_id)
            text = _("This needs more memory than a question may have: ask for a shorter period or fewer groupings.")
            raise QuestionError({"by": text}) from None
        except Away as error:
            logger.warning("the engine of figures does not answer: %s", error)
            raise NotNow from None
        except Failed:
            logger.exception("a question of tenant %s could not be computed", self.scope.tenant_id)
            raise NotNow from None
        except NotThere:
            logger.warning("a column file went while a question of tenant %s was answered", self.scope.tenant_id)
            raise DataChanged from None

    def kept(self, statement: Statement) -> Rows:
        """As calling it, for figures that many readers ask for: the rows are kept for whoever asks the same again.

        Files never change and stand in the statement by their names, as scope, filters and moment do: what was kept is
        right for ever. Nothing of single calls, contacts or numbers goes this way.
        """
        whole = statement.alone
        if not settings.ANSWERS_KEPT_SECONDS:
            return self(statement)
        key = f"columns:{sha256(repr((whole.sql, whole.params)).encode()).hexdigest()}"
        if (rows := _cached(key)) is not None:
            return rows
        with alone(key, self._deadline):  # a start page that eight readers open at once is computed once
            if (rows := _cached(key)) is None:
                rows = self(statement)
                if len(rows) <= MOST_KEPT:
                    with suppress(Exception):
                        cache.set(key, rows, timeout=settings.ANSWERS_KEPT_SECONDS)
        return rows

    def close(self) -> None:
        self._tables.close()
        with suppress(Exception):
            cache.delete_many(self._held)
        self._held = []

    def _take(self) -> None:
        tenant, reader = f"asking:{self.scope.tenant_id}", f"asking:{self.scope.tenant_id}:{self.scope.reader}"
        for name, most in ((reader, READER_AT_ONCE), (tenant, TENANT_AT_ONCE)):
            self._held.append(_slot(name, most, self.close))


def _cached(key: str) -> Rows | None:
    with suppress(Exception):  # without the shared cache it is computed
        rows = cache.get(key)
        return None if rows is None else [tuple(row) for row in rows]
    return None


def _slot(name: str, most: int, give_back: Callable[[], None]) -> str:
    until = time.monotonic() + _patience.get()
    while True:
        for place in range(most):
            key = f"{name}:{place}"
            try:
                if cache.add(key, 1, timeout=2 * settings.QUESTION_SECONDS + 10):
                    return key
            except Exception:  # noqa: BLE001 - without the shared cache nobody is refused; the engine's own turns hold
                return key
        if time.monotonic() > until:
            give_back()
            raise TooManyAtOnce
        time.sleep(0.05)
