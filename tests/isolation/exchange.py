"""A question and its answer, and what else it left: mails, log lines, messages of queues."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from celery.signals import before_task_publish
from django.core import mail
from django.db import connection

from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from tests.isolation.principals import Principal
from tests.walls.rows import MODELS, snapshot

_BY_CHANCE = {"cookie csrftoken", "cookie sessionid", "Content-Length", "X-Request-ID", "Date"}
_JSON = {"/api/", "/vendor/"}


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


def but(told: Exchange, used: dict[str, str]) -> Exchange:
    """The same answer without what the question brought and what is drawn by chance."""

    def cleaned(text: str) -> str:
        for value in sorted(set(used.values()), key=len, reverse=True):
            # A short number stands for itself only as a part of an address.
            short = rf"(?<=/){value}(?=[-/&\"'?\s]|$)|(?<=%2F){value}(?=%2F|-|$)"
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


def state_of(tenant: Tenant) -> dict[str, list[dict[str, Any]]]:
    """Every row of a tenant, but for when a key was used last."""
    tables = {model._meta.label: snapshot(model, tenant) for model in MODELS}
    for row in tables["tenants.ApiKey"]:
        row.pop("last_used_at")
    return tables


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that runs meanwhile, without its values: what tells how much work an answer was."""
    found: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found.append(re.sub(r'"s\d+_x\d+"', "savepoint", sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found
