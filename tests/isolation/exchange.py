"""A question and its answer, and what else it left: mails, log lines, messages of queues."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from celery.signals import before_task_publish
from django.core import mail
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client

from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.base import TenantModel
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.tenants import Tenant
from tests.isolation.principals import Principal
from tests.walls.rows import MODELS, snapshot

_BY_CHANCE = {"cookie csrftoken", "cookie sessionid", "Content-Length", "X-Request-ID", "Date"}
_JSON = {"/api/", "/vendor/"}
_WRITES = re.compile(r'\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)


@dataclass(frozen=True)
class Exchange:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def whole(self) -> str:
        return "\n".join([str(self.status), self.body, *(f"{name}: {value}" for name, value in self.headers)])


def ask(who: Principal, path: str, method: str = "GET", body: str = "", **headers: str) -> Exchange:
    kind = "application/json" if path.startswith(tuple(_JSON)) else "application/x-www-form-urlencoded"
    given = {**who.headers, **headers}
    answer = who.client.generic(method, path, body, content_type=kind, headers=given)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    cookies = [(f"cookie {name}", morsel.value) for name, morsel in answer.cookies.items()]
    return Exchange(answer.status_code, tuple(sorted([*answer.headers.items(), *cookies])), content.decode())


def visit(visitor: tuple[Client, dict[str, str]], path: str, method: str = "GET") -> Exchange:
    """As :func:`ask`, for who is no principal of these tenants."""
    client, headers = visitor
    return ask(Principal("", "", client, headers, ()), path, method)


def but(told: Exchange, used: dict[str, str]) -> Exchange:
    """The same answer without what the question brought and what is drawn by chance."""

    def cleaned(text: str) -> str:
        for value in sorted(set(used.values()), key=len, reverse=True):
            # A short number stands for itself only as a part of an address.
            short = rf"(?<=/){value}(?=[-/&\"'?\s]|%3F|$)|(?<=%2F){value}(?=%2F|%3F|-|$)"
            text = re.sub(short if len(value) < 4 else re.escape(value), "ID", text)
        return re.sub(r'(csrfmiddlewaretoken" value=|nonce[=-]"?)"?[\w/+=-]+', r"\1", text)

    headers = [(name, "" if name in _BY_CHANCE else cleaned(value)) for name, value in told.headers]
    return Exchange(told.status, tuple(headers), cleaned(told.body))


def leaked(text: str, secrets: tuple[str, ...], asked: dict[str, str]) -> list[str]:
    """Which of the texts that he may not be shown stand there, beyond what the question brought along."""
    whole = text.lower()
    return [secret for secret in secrets if secret.lower() in whole and secret not in asked.values()]


class _Lines(logging.Handler):
    def __init__(self, into: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        self._into.append(logging.Formatter().format(record))


@contextmanager
def overheard() -> Iterator[list[str]]:
    """What is logged, mailed or put into a queue meanwhile, as texts."""
    texts: list[str] = []

    def published(sender: Any = None, body: Any = None, headers: Any = None, **_: Any) -> None:
        texts.append(f"{sender} {body} {headers}")

    before, handler = len(getattr(mail, "outbox", ())), _Lines(texts)
    newest = _newest_message()
    logging.getLogger().addHandler(handler)
    before_task_publish.connect(published, weak=False)
    try:
        yield texts
    finally:
        logging.getLogger().removeHandler(handler)
        before_task_publish.disconnect(published)
    texts += [sent.message().as_string() for sent in mail.outbox[before:]]
    with wall.every_tenant("a test looks"):
        texts += [str(row) for row in Message.objects.filter(pk__gt=newest).values()]


def _newest_message() -> int:
    with wall.every_tenant("a test looks"):
        return Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def rows_of(model: type[TenantModel], tenant: Tenant) -> list[dict[str, Any]]:
    """A tenant's rows of one table, but for when a key was used last."""
    rows = snapshot(model, tenant)
    for row in rows if model is ApiKey else ():
        row.pop("last_used_at")
    return rows


@dataclass(frozen=True)
class Kept:
    """A tenant as it was, to be compared with what it is after others asked."""

    tenant: Tenant
    rows: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, tenant: Tenant) -> "Kept":
        return cls(tenant, {model._meta.db_table: rows_of(model, tenant) for model in MODELS})

    def changed(self, ran: list[str] | None = None) -> list[str]:
        """The tables with other rows now; of those that the statements ``ran`` wrote to, where they are given."""
        wrote = None if ran is None else {found[1] for sql in ran if (found := _WRITES.match(sql))}
        tables = [model for model in MODELS if wrote is None or model._meta.db_table in wrote]
        return [model._meta.label for model in tables if rows_of(model, self.tenant) != self.rows[model._meta.db_table]]


def pressed(
    who: Principal, path: str, method: str = "GET", body: str = "", kept: Kept | None = None, **headers: str
) -> Exchange:
    """An answer whose changes are undone, so that each cell finds the world as it was, and him with his cookies.

    What is ``kept`` has to be as it was before they are.
    """
    cache.clear()
    cookies = deepcopy(who.client.cookies)
    with transaction.atomic():
        with statements() as ran:
            told = ask(who, path, method, body, **headers)
        assert not (changed := kept.changed(ran) if kept else []), (who.name, method, path, changed)
        transaction.set_rollback(True)
    who.client.cookies = cookies
    return told


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that runs meanwhile, without its values: what tells how much work an answer was."""
    found: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found.append(re.sub(r'"s\d+_x\d+"', "savepoint", sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found
