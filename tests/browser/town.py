"""A portal that is served: a company mirrored from both sandboxes, and a reader for each language."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.cache import cache
from django.core.management import call_command
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from portal.accounts.sessions import SessionStore
from portal.tenants import wall
from portal.tenants.models.people import Role, User
from portal.tenants.models.tenants import Tenant
from reports.mail.subscriptions import create_weekly
from sync.connections import Description, add_connection
from sync.models.connections import Connection
from sync.reading.runner import pull
from sync.sandbox.server import Sandbox
from tests.conftest import member

DAYS = 8
AT_ONCE = {"UPSTREAM_RATE_PER_MINUTE": 1_000_000, "UPSTREAM_ALLOW_PRIVATE": True}
LANGUAGES = ("en", "pt-br")


@dataclass(eq=False)
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
def build(
    *, language: str = "pt-br", before: Callable[[Sandbox], None] | None = None, **sandbox: Any
) -> Iterator[Town]:
    """The portal, served and filled, in the database that the caller has opened.

    ``language`` is the company's; ``before`` changes what the vendors tell, before it is read.
    """
    with Sandbox(**{"days": DAYS, "calls_per_day": 30} | sandbox) as box:
        server = LiveServer("localhost")
        try:
            with override_settings(**AT_ONCE):
                cache.clear()
                tenant = Tenant.objects.create(slug="acme", name="Acme", zone="America/Sao_Paulo", language=language)
                town = Town(server.url, tenant, box)
                for spoken, name in zip(LANGUAGES, ("ana", "bia"), strict=True):
                    town.readers[spoken] = member(tenant, f"{name}@acme.example", Role.OWNER, numbers=True)
                if before:
                    before(box)
                fill(town)
                create_weekly(tenant, town.readers["en"].email, language)
            yield town
        finally:
            server.stop()


def fill(town: Town, since: date | None = None) -> None:
    """Everything that both vendors tell, read over HTTP and counted."""
    box, since = town.box, since or (town.box.now - timedelta(days=town.box.days + 1)).date()
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
