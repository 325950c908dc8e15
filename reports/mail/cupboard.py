"""Answers kept while mails of one tenant are made: readers with equal rights rest on the same figures, asked once."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from django.utils import translation

from reports.definitions.periods import Period
from reports.files.rights import shown
from reports.mail.beside import Correction, Reported, callback_loop, campaigns_in_progress, last_report
from reports.mail.due import Kind
from reports.mail.enclosed import LABELS, Enclosed, EnclosureOrder, enclose
from reports.mail.facts import CORRECTED, Facts, covers, gather
from reports.mail.models import Delivery
from reports.queries.answer import Cell
from reports.queries.ask import ask_together
from reports.queries.completeness.freshness import completeness
from reports.queries.question import Filters, Question, read_calls
from reports.queries.scope import Scope
from reports.queries.selector import resolve

STREAMS = ("calls", "callbacks")


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
        self._enclosed: tuple[Any, Enclosed] = ((), Enclosed())
        self._filters: dict[int, Filters] = {}
        self._complete: dict[tuple[Filters, Period, Scope], bool] = {}
        self._facts: dict[tuple[Kind, Filters, Period, Scope, str | None], Facts] = {}
        self._rights: dict[tuple[Filters, Scope], dict[str, Any]] = {}
        self._reported: dict[tuple[int, Period, Scope], Reported | None] = {}
        self._today: dict[tuple[Filters, Period, Scope], dict[str, Cell]] = {}
        self._covers: dict[tuple[Filters, Scope], Cover] = {}

    def complete(self, delivery: Delivery, scope: Scope) -> bool:
        """Whether the answers that the mail is made of are whole. Ledgers are asked first: as long as a day was not
        read, nothing is computed.
        """
        key = (self.filters(delivery, scope), delivery.period, scope)
        if key not in self._complete:
            filters, period, _ = key
            stand = completeness(scope, period, filters, streams=STREAMS, now=self.at)
            self._complete[key] = covers(stand, period, self.at)
        return self._complete[key] and covers(
            self.facts(delivery, scope).figures.completeness, delivery.period, self.at
        )

    def facts(self, delivery: Delivery, scope: Scope) -> Facts:
        """In the language of its reader, as labels are part of an answer."""
        with translation.override(delivery.recipient.language):
            facts = self._facts_of(delivery, scope)
            return replace(facts, correction=self._correction(delivery, scope))

    def _facts_of(self, delivery: Delivery, scope: Scope) -> Facts:
        kind, filters = delivery.kind, self.filters(delivery, scope)
        key = (kind, filters, delivery.period, scope, translation.get_language())
        if key not in self._facts:
            facts = gather(
                kind,
                delivery.period,
                filters,
                scope=scope,
                ask_all=partial(ask_together, now=self.at),
                stand=partial(completeness, now=self.at),
            )
            self._facts[key] = replace(
                facts,
                loop=callback_loop(filters, delivery.period, scope, now=self.at),
                campaigns=campaigns_in_progress(filters, delivery.period, scope, now=self.at),
            )
        return self._facts[key]

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
            (answer,) = ask_together([question], scope, now=self.at)
            self._today[asked] = answer.totals
        return Correction(reported, self._today[asked])

    def cover(self, delivery: Delivery, scope: Scope) -> Cover:
        key = (self.filters(delivery, scope), scope)
        if key not in self._covers:
            selector = resolve(*key)
            names = sorted(environment.name for environment in selector.environments.values())
            self._covers[key] = Cover(tuple(names), None if selector.agent_ids is None else len(selector.agent_ids))
        return self._covers[key]

    def enclosed(self, delivery: Delivery, scope: Scope) -> Enclosed:
        """In the active language. Only the last is kept: files are large."""
        subscription = delivery.subscription
        wanted = tuple(key for key in LABELS if key in subscription.attachments)
        order = EnclosureOrder(wanted, delivery.period, tuple(parse_qsl(subscription.filters)), delivery.tenant.slug)
        key = (order, scope, translation.get_language())
        if self._enclosed[0] != key:
            self._enclosed = (key, enclose(order, scope, self.at, make=self._with_files))
        return self._enclosed[1]

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
