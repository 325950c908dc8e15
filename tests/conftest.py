"""The cast: Ana owns the tenant Acme, Bruno reads one of its environments, Carla is of another tenant."""

import os
import shutil
from collections import defaultdict, deque
from collections.abc import Iterator

import hypothesis
import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import TransactionTestCase, override_settings
from django.utils import translation

from portal.lib.outward.trials import TESTS
from portal.lib.turns import TURNS
from portal.privacy import ledger
from portal.privacy.pending import PENDING
from portal.site.broker import Broker
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Environment, Tenant
from tests import databases
from tests.folder import FOLDER

pytest_plugins = ["tests.order", "tests.s3", "tests.sftp", "tests.worlds"]
# How long an example takes is no property of the code: on a busy machine the first one reads its tables for longer.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped") and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    database = settings.DATABASES["default"]
    databases.prepare(database)
    if not settings.POSTGRESQL:
        database["TEST"]["NAME"] = str(FOLDER / "suite.sqlite3")  # a file, as an installation has one


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        databases.keep_empty()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", databases.empty_what_was_filled)
        yield
    with django_db_blocker.unblock():
        databases.drop(databases.EMPTY)
        databases.serve_as_owner()


@pytest.fixture
def _in_its_world(request, django_db_setup: None, django_db_blocker) -> Iterator[None]:
    """A test that asks for a world speaks to that world's database, before anything opens a transaction."""
    world = databases.world_of(request)
    if world is None:
        yield
        return
    marker = request.node.get_closest_marker("django_db")
    writes = "transactional_db" in request.fixturenames or bool(marker and marker.kwargs.get("transaction"))
    request.getfixturevalue(world.name)
    with django_db_blocker.unblock(), world.opened(writes=writes):
        yield


@pytest.fixture
def _django_db_helper(request, _in_its_world: None) -> None:
    """pytest-django's, which wraps a test in a transaction or empties what it wrote.

    Neither is for a world that a browser looks at: its server answers in other transactions.
    """
    if databases.world_of(request) is None or "chromium" not in request.fixturenames:
        request.getfixturevalue("_django_db_helper")


@pytest.fixture(autouse=True, scope="session")
def _fast_and_local(django_test_environment: None) -> Iterator[None]:
    with override_settings(
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    ):
        yield


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    """The cache lives as long as the process: sign-ins of other tests would count towards the limit."""
    cache.clear()
    TURNS.forget()


@pytest.fixture(autouse=True)
def _nothing_erased() -> Iterator[None]:
    """Files of erasures outlive the rows that a test's end takes back, as beside a restored database."""
    yield
    shutil.rmtree(ledger.home(), ignore_errors=True)
    PENDING.forget()


@pytest.fixture(autouse=True)
def _nothing_tried(monkeypatch) -> None:
    """So does the count of trials of an hour, in which many tests have a tenant of the same number."""
    monkeypatch.setattr(TESTS, "_begun", defaultdict(deque))


@pytest.fixture(autouse=True)
def _links_lead_where_they_did() -> Iterator[None]:
    """A command that serves lets links follow its port, in this process and those that it starts."""
    was, origins = settings.BASE_URL, settings.CSRF_TRUSTED_ORIGINS
    environment = os.environ.get("BASE_URL")
    yield
    settings.BASE_URL, settings.CSRF_TRUSTED_ORIGINS = was, origins
    if environment is None:
        os.environ.pop("BASE_URL", None)


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


@pytest.fixture(scope="session")
def running_broker() -> Iterator[None]:
    """The broker that the settings name answers: the embedded one is started, another is for REDIS_URL to say."""
    if not settings.EMBEDDED_BROKER:
        yield
        return
    broker = Broker(settings.BROKER_SOCKET, settings.DATA_DIR / "broker")
    broker.ensure()
    yield
    broker.stop()
