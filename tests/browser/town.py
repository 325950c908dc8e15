"""One portal for all tests of a module: a company mirrored from both sandboxes, and a reader for each language."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from portal.tenants import wall
from portal.tenants.models.people import Role, User
from portal.tenants.models.tenants import Tenant
from sync.connections import Description, add_connection
from sync.models.connections import Connection
from sync.runner import pull
from sync.sandbox.server import Sandbox
from tests.conftest import member

DAYS = 8
LIKE_THE_FIXTURES = {
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
    "EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend",
    "CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    "UPSTREAM_RATE_PER_MINUTE": 1_000_000,
    "UPSTREAM_ALLOW_PRIVATE": True,
}
LANGUAGES = ("en", "pt-br")


@dataclass
class Town:
    """``url`` is the server's, ``readers`` the people by language; each sees everything."""

    url: str
    tenant: Tenant
    box: Sandbox
    readers: dict[str, User] = field(default_factory=dict)

    def cookie(self, language: str) -> dict[str, str]:
        """What signs a reader of this language in."""
        user = self.readers[language]
        User.objects.filter(pk=user.pk).update(language=language)
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        return {"name": settings.SESSION_COOKIE_NAME, "value": str(session.session_key), "url": self.url}

    def page(self, path: str = "") -> str:
        """The address of a page of the company."""
        return f"{self.url}/t/{self.tenant.slug}/{path}"


@contextmanager
def build(*, before: Callable[[Sandbox], None] | None = None, **sandbox: Any) -> Iterator[Town]:
    """The portal, served and filled. The database has to be open to the caller; it is emptied in the end.

    ``before`` changes what the vendors tell, before it is read.
    """
    with override_settings(**LIKE_THE_FIXTURES), Sandbox(**{"days": DAYS, "calls_per_day": 30} | sandbox) as box:
        cache.clear()
        tenant = Tenant.objects.create(slug="acme", name="Acme", zone="America/Sao_Paulo", language="pt-br")
        server = LiveServer("localhost")
        server._live_server_modified_settings.enable()
        try:
            town = Town(server.url, tenant, box)
            for language, name in zip(LANGUAGES, ("ana", "bia"), strict=True):
                town.readers[language] = member(tenant, f"{name}@acme.example", Role.OWNER, numbers=True)
            if before:
                before(box)
            fill(town)
            yield town
        finally:
            server._live_server_modified_settings.disable()
            _let_answers_end()
            server.stop()
            call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
            # Under the event loop of a browser this is another connection than the suite's, which closes only its own.
            connections.close_all()


def _let_answers_end() -> None:
    """Threads of the server hold its connection to the database: one that ends after the server is a fault of its own.

    A browser keeps its connections for a moment after its pages are closed; more than that is not waited for.
    """
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(timeout=5)


def fill(town: Town) -> None:
    """Everything that both vendors tell, read over HTTP and counted."""
    box, since = town.box, (town.box.now - timedelta(days=town.box.days + 1)).date()
    agents = ",".join(f"{number}:{name}" for number, name in box.originsai_agents.items())
    described = (
        Description("Sales", "talkover", box.talkover_url, since, token=box.talkover_token),
        Description(
            "Care", "originsai", box.originsai_url, since, token=box.originsai_token, settings={"agents": agents}
        ),
    )
    with wall.tenant(town.tenant):
        for description in described:
            made = add_connection(town.tenant, description)
            report = pull(Connection.objects.select_related("tenant").get(pk=made.pk))
            assert report.status == "complete", report
    call_command("rebuild_rollups", stdout=io.StringIO())
