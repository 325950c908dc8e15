"""The cast: Ana owns the tenant Acme, Bruno reads one of its environments, Carla is of another tenant."""

import os
import tempfile
from collections.abc import Iterator

# Before anything reads the settings: a suite writes nowhere but here, and its sandboxes live on loopback.
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="ringbook-test-")
os.environ.setdefault("UPSTREAM_ALLOW_PRIVATE", "true")

import pytest
from django.conf import settings
from django.core.cache import cache
from django.utils import translation

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Environment, Tenant


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only PostgreSQL can show where there is none. Left out, not skipped: the other run has it."""
    if not settings.POSTGRESQL:
        left_out = [item for item in items if item.get_closest_marker("postgresql")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped") and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _fast_and_local(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()  # it lives as long as the process: sign-ins of other tests would count towards the limit


@pytest.fixture(autouse=True)
def _one_language() -> Iterator[None]:
    """What language a test leaves active must not be the next one's."""
    translation.activate("en")
    yield
    translation.deactivate()


def member(tenant: Tenant, email: str, role: Role, *environments: Environment, numbers: bool = False) -> User:
    user = User.objects.create_user(email, "correct horse battery", name=email.split("@")[0].title())
    with wall.tenant(tenant):
        grant = Grant.objects.create(tenant=tenant, all_environments=not environments, sees_numbers=numbers)
        grant.environments.set(environments)
        Membership.objects.create(tenant=tenant, user=user, role=role, grant=grant)
    return user


@pytest.fixture
def acme(db) -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme", zone="America/Sao_Paulo", language="pt-br")


@pytest.fixture
def globex(db) -> Tenant:
    return Tenant.objects.create(slug="globex", name="Globex", zone="Asia/Kathmandu", language="en")


@pytest.fixture
def sales(acme) -> Environment:
    """Acme's Talkover environment."""
    with wall.tenant(acme):
        return Environment.objects.create(tenant=acme, name="Sales", provider="talkover")


@pytest.fixture
def care(acme) -> Environment:
    """Acme's OriginsAI environment."""
    with wall.tenant(acme):
        return Environment.objects.create(tenant=acme, name="Care", provider="originsai")


@pytest.fixture
def foreign(globex) -> Environment:
    """Globex's Talkover environment."""
    with wall.tenant(globex):
        return Environment.objects.create(tenant=globex, name="Sales", provider="talkover")


@pytest.fixture
def ana(acme) -> User:
    return member(acme, "ana@acme.example", Role.OWNER, numbers=True)


@pytest.fixture
def bruno(acme, sales) -> User:
    return member(acme, "bruno@acme.example", Role.VIEWER, sales)


@pytest.fixture
def carla(globex) -> User:
    return member(globex, "carla@globex.example", Role.OWNER, numbers=True)


@pytest.fixture
def behind_acme(acme):
    """Opens Acme's wall for the whole test."""
    with wall.tenant(acme):
        yield acme


@pytest.fixture(scope="session")
def on_postgresql() -> bool:
    return bool(settings.POSTGRESQL)
