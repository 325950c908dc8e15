"""Answers kept while mails of one tenant are made: readers with equal rights rest on the same figures, asked once."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from django.utils import translation

from portal.outbox.render import Rendered
from reports.definitions.periods import Period
from reports.files.rights import shown
from reports.mail.answers import SavedFacts, SheetAsked, asked_of, gather_saved
from reports.mail.beside import CallbackLoop, Correction, Reported, callback_loop, campaigns_in_progress, last_report
from reports.mail.chart import picture_of
from reports.mail.content import title_of, views_of
from reports.mail.enclosed import LABELS, Enclosed, EnclosureOrder, enclose
from reports.mail.facts import CORRECTED, Facts, Picture, Wanted, covers, gather
from reports.mail.models import Contents, Delivery, Subscription
from reports.mail.rights import NotAllowed
from reports.queries.answer import Answer, Cell
from reports.queries.ask import ask_together
from reports.queries.campaigns.progress import Progress
from reports.queries.completeness.freshness import completeness
from reports.queries.question import Filters, Question, read_calls
from reports.queries.rows import relabelled
from reports.queries.scope import Scope
from reports.queries.selector import resolve
from reports.saved.models import SavedView

STREAMS = ("calls", "callbacks")
Beside = tuple[CallbackLoop | None, tuple[Progress, ...]]
MOST_RENDERED = 20


@dataclass(frozen=True, slots=True)
class Cover:
    """What the figures of a reader cover: names of environments, and how many agents when not all of them."""

    environments: tuple[str, ...]
    agent_count: int | None

    @property
    def nothing(self) -> bool:
        return not self.environments or self.agent_count == 0


class Cupboard:
    """For one run at one instant: nothing in it is looked up a second time."""

    def __init__(self, at: datetime, *, files: bool = True) -> None:
        """Without ``files`` nothing that is enclosed is written: for who only looks at a mail."""
        self.at, self._with_files = at, files
        self._charts: dict[Any, Picture | None] = {}
        self._enclosed: tuple[Any, Enclosed] = ((), Enclosed())
        self._filters: dict[int, Filters] = {}
        self._complete: dict[tuple[Filters, Period, Scope], bool] = {}
        self._answers: dict[tuple[tuple[Question, ...], Scope], tuple[str | None, tuple[Answer, ...]]] = {}
        self._besides: dict[tuple[Filters, Period, Scope], Beside] = {}
        self._facts: dict[tuple[Wanted, Scope, str | None], Facts] = {}
        self._views: dict[int, tuple[SavedView, ...]] = {}
        self._asked: dict[Any, tuple[SheetAsked, ...]] = {}
        self._saved_facts: dict[Any, SavedFacts] = {}
        self._rights: dict[tuple[Filters, Scope], dict[str, Any]] = {}
        self._reported: dict[tuple[int, Period, Scope], Reported | None] = {}
        self._today: dict[tuple[Filters, Period, Scope], dict[str, Cell]] = {}
        self._covers: dict[tuple[Filters, Scope], Cover] = {}
        self._snapshots: dict[Hashable, dict[str, Any]] = {}
        self._rendered: dict[Hashable, Rendered] = {}
        self._reply_to: dict[int, str] = {}

    def complete(self, delivery: Delivery, scope: Scope) -> bool:
        """Whether the answers that the mail is made of are whole. For one that was tried before ledgers are asked
        first: as long as a day was not read, nothing is computed again.
        """
        key, is_again = (self.filters(delivery, scope), delivery.period, scope), delivery.claims > 1
        if is_again and key not in self._complete and delivery.subscription.shows == Contents.SECTIONS:
            filters, period, _ = key
            stand = completeness(scope, period, filters, streams=STREAMS, now=self.at)
            self._complete[key] = covers(stand, period, self.at)
        standings = self.facts(delivery, scope).standings if self._complete.get(key, True) else ()
        return bool(standings) and all(covers(each, delivery.period, self.at) for each in standings)

    def facts(self, delivery: Delivery, scope: Scope) -> Facts | SavedFacts:
        """In the language of its reader, as labels are part of an answer; raises NotAllowed where what is saved is not
        open to the mail, or nothing of it to the reader."""
        with translation.override(delivery.recipient.language):
            if delivery.subscription.shows != Contents.SECTIONS:
                return self._saved(delivery, scope)
            facts = self._facts_of(delivery, scope)
            return replace(facts, correction=self._correction(delivery, scope))

    def chart(self, delivery: Delivery, scope: Scope) -> Picture | None:
        """The small chart of a mail that wants one; in the active language, drawn once for readers of equal rights."""
        subscription = delivery.subscription
        if subscription.shows != Contents.SECTIONS or not subscription.chart or "days" not in subscription.parts:
            return None
        key = self._key(delivery, scope)
        if key not in self._charts:
            self._charts[key] = picture_of(self._facts_of(delivery, scope))
        return self._charts[key]

    def _key(self, delivery: Delivery, scope: Scope) -> tuple[Wanted, Scope, str | None]:
        filters = self.filters(delivery, scope)
        wanted = Wanted(delivery.kind, delivery.period, filters, delivery.subscription.compares)
        return wanted, scope, translation.get_language()

    def _facts_of(self, delivery: Delivery, scope: Scope) -> Facts:
        filters, key = self.filters(delivery, scope), self._key(delivery, scope)
        if key not in self._facts:
            facts = gather(key[0], scope=scope, ask_all=self._ask_all, stand=partial(completeness, now=self.at))
            loop, campaigns = self._beside(filters, delivery.period, scope)
            self._facts[key] = replace(facts, loop=loop, campaigns=campaigns)
        return self._facts[key]

    def _ask_all(self, questions: Sequence[Question], scope: Scope) -> tuple[Answer, ...]:
        """In the active language, though asked once for readers of all: of an answer only its labels are words."""
        key, language = (tuple(questions), scope), translation.get_language()
        if key not in self._answers:
            self._answers[key] = (language, ask_together(questions, scope, now=self.at))
        asked_in, answers = self._answers[key]
        return answers if asked_in == language else tuple(map(relabelled, answers))

    def _beside(self, filters: Filters, period: Period, scope: Scope) -> Beside:
        """Callbacks and campaigns, asked once for readers of all languages. Only what callbacks lack is said in words,
        so a loop that lacks something is asked for in each."""
        key = (filters, period, scope)
        loop, campaigns = self._besides.get(key, (None, None))
        if campaigns is None or (loop is not None and loop.breakdown.lacking):
            loop = callback_loop(filters, period, scope, now=self.at)
        if campaigns is None:
            campaigns = campaigns_in_progress(filters, period, scope, now=self.at)
        self._besides[key] = (loop, campaigns)
        return loop, campaigns

    def snapshot(self, delivery: Delivery, scope: Scope, facts: Facts | SavedFacts) -> dict[str, Any]:
        """What is kept of a mail's figures: the same for readers of equal rights, whatever language they read."""
        if delivery.subscription.shows != Contents.SECTIONS:
            return facts.snapshot()
        key = self._key(delivery, scope)[:2]
        if key not in self._snapshots:
            self._snapshots[key] = facts.snapshot()
        return self._snapshots[key]

    def demand_something(self, delivery: Delivery, scope: Scope) -> None:
        """Raises NotAllowed where the mail would show its reader nothing, or what it shows is not open to it."""
        if self.cover(delivery, scope).nothing:
            raise NotAllowed("nothing to see")
        if delivery.subscription.shows != Contents.SECTIONS:
            with translation.override(delivery.recipient.language):
                self.asked(delivery, scope)

    def asked(self, delivery: Delivery, scope: Scope) -> tuple[SheetAsked, ...]:
        """What a mail of something saved asks of its period; in the active language, which refusals are in."""
        subscription, views = delivery.subscription, self.views(delivery)
        kept = tuple((view.pk, view.name, view.query) for view in views)
        key = (kept, subscription.compares, delivery.period, scope, translation.get_language())
        if key not in self._asked:
            asked = asked_of(views, scope, delivery.period, compares=subscription.compares)
            if all(each.question is None for each in asked):
                raise NotAllowed("nothing to see")
            self._asked[key] = asked
        return self._asked[key]

    def views(self, delivery: Delivery) -> tuple[SavedView, ...]:
        """What is saved and shown; looked up once for a mail. Raises NotOpen."""
        key = delivery.subscription_id
        if key not in self._views:
            self._views[key] = views_of(delivery.subscription)
        return self._views[key]

    def _saved(self, delivery: Delivery, scope: Scope) -> SavedFacts:
        asked, title = self.asked(delivery, scope), title_of(delivery.subscription)
        key = (asked, title, delivery.kind, scope, translation.get_language())
        if key not in self._saved_facts:
            self._saved_facts[key] = gather_saved(
                title, delivery.kind, delivery.period, asked, scope=scope, ask_all=self._ask_all
            )
        return self._saved_facts[key]

    def _correction(self, delivery: Delivery, scope: Scope) -> Correction | None:
        """What the last report told, beside what stands today."""
        filters = self.filters(delivery, scope)
        key = (delivery.subscription_id, delivery.period, scope)
        if key not in self._reported:
            self._reported[key] = last_report(delivery, filters, scope)
        reported = self._reported[key]
        if reported is None:
            return None
        asked = (filters, reported.period, scope)
        if asked not in self._today:
            question = Question(CORRECTED, reported.period, (), filters, compare=False)
            (answer,) = self._ask_all([question], scope)
            self._today[asked] = answer.totals
        return Correction(reported, self._today[asked])

    def cover(self, delivery: Delivery, scope: Scope) -> Cover:
        key = (self.filters(delivery, scope), scope)
        if key not in self._covers:
            selector = resolve(*key)
            names = sorted(environment.name for environment in selector.environments.values())
            self._covers[key] = Cover(tuple(names), None if selector.agent_ids is None else len(selector.agent_ids))
        return self._covers[key]

    def rendered(self, key: Hashable, render: Callable[[], Rendered]) -> Rendered:
        """What was rendered for a key, which holds all that it depends on; of the last few, as mails are large."""
        if key not in self._rendered:
            self._rendered = dict(list(self._rendered.items())[-MOST_RENDERED:])
            self._rendered[key] = render()
        return self._rendered[key]

    def reply_to(self, subscription: Subscription, look_up: Callable[[Subscription], str]) -> str:
        """Where answers to a mail go; looked up once for a mail."""
        if subscription.pk not in self._reply_to:
            self._reply_to[subscription.pk] = look_up(subscription)
        return self._reply_to[subscription.pk]

    def enclosed(self, delivery: Delivery, scope: Scope) -> Enclosed:
        """In the active language. Only the last is kept: files are large."""
        subscription = delivery.subscription
        wanted = tuple(key for key in LABELS if key in subscription.attachments)
        order = EnclosureOrder(
            wanted,
            delivery.period,
            tuple(parse_qsl(subscription.filters)),
            delivery.tenant.slug,
            compares=subscription.compares,
            asked=self._questions(delivery, scope),
        )
        key = (order, scope, translation.get_language())
        if self._enclosed[0] != key:
            self._enclosed = (key, enclose(order, scope, self.at, make=self._with_files))
        return self._enclosed[1]

    def _questions(self, delivery: Delivery, scope: Scope) -> tuple[tuple[str, Question], ...]:
        if delivery.subscription.shows == Contents.SECTIONS:
            return ()
        return tuple((each.title, each.question) for each in self.asked(delivery, scope) if each.question is not None)

    def rights(self, delivery: Delivery, scope: Scope) -> dict[str, Any]:
        """What of the tenant the mail shows. Callbacks rest on attempts of other agents than those chosen as well."""
        key = (self.filters(delivery, scope), scope)
        if key not in self._rights:
            self._rights[key] = shown(replace(key[0], agents=(), source_agents=()), scope)
        return self._rights[key]

    def filters(self, delivery: Delivery, scope: Scope) -> Filters:
        key = delivery.subscription_id
        if key not in self._filters:
            self._filters[key] = read_calls(dict(parse_qsl(delivery.subscription.filters)), scope).filters
        return self._filters[key]
