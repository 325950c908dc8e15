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

from portal.accounts import visits
from portal.accounts.sessions import SessionStore
from portal.audit.record import record
from portal.outbox.models import PlatformMessage
from portal.tenants import wall
from portal.tenants.models.people import Role, User
from portal.tenants.models.tenants import Tenant
from reports.mail.subscriptions import create_weekly
from sync.connections import Description, add_connection
from sync.models.connections import Connection
from sync.reading.runner import pull
from sync.sandbox.server import Sandbox
from tests.browser.kept import Outside, keep
from tests.conftest import member
from tests.walls.rows import MODELS, row_of

DAYS = 8
AT_ONCE = {"UPSTREAM_RATE_PER_MINUTE": 1_000_000, "UPSTREAM_ALLOW_PRIVATE": True}
LANGUAGES = ("en", "pt-br")


@dataclass(eq=False)
class Served:
    """``url`` is the server's, ``readers`` the people by language; each sees everything."""

    url: str
    tenant: Tenant
    readers: dict[str, User] = field(default_factory=dict, kw_only=True)

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


@dataclass(eq=False)
class Town(Served):
    """``box`` is whom its calls were read from, ``outside`` what people without an account open."""

    box: Sandbox
    outside: Outside = field(default_factory=Outside)


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
                with wall.tenant(tenant):
                    town.outside = keep(tenant, town.readers["en"])
            yield town
        finally:
            server.stop()


@contextmanager
def build_console() -> Iterator[Served]:
    """The portal, served, with a row of every table: its readers administer it, and one visits the company."""
    server = LiveServer("localhost")
    try:
        cache.clear()
        tenant = Tenant.objects.create(slug="acme", name="Acme", zone="America/Sao_Paulo", language="pt-br")
        console, rows = Served(server.url, tenant), {}
        for language, name in zip(LANGUAGES, ("root", "raiz"), strict=True):
            root = User.objects.create_superuser(f"{name}@ringbook.example", "correct horse battery")
            record("administrator.added", tenant_id=None, about={"user": root.pk})
            console.readers[language] = root
        with wall.tenant(tenant):
            for model in MODELS:
                if model not in rows:
                    row_of(model, tenant, rows)
        visits.begin(tenant, "A figure that the owner asked about", user=console.readers["en"], address=None)
        PlatformMessage.objects.create(
            reference="reset:1", to="gone@people.example", subject="A new password", message_id="<1@x>", state="failed"
        )
        yield console
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
