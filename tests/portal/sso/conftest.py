"""Acme signs in by a provider, well-known or bent; Globex by another."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from portal.accounts.models import Identity, IdentityProvider
from portal.accounts.sso import acts
from portal.tenants import wall
from portal.tenants.models.people import User
from portal.tenants.models.tenants import Tenant
from tests.portal.sso.provider import CLIENT_ID, SECRET, BentProvider

PEOPLE = [
    {"sub": "s-bruno", "email": "bruno@acme.example", "email_verified": True},
    {"sub": "s-ana", "email": "Ana@acme.example", "email_verified": True},
    {"sub": "s-dora", "email": "dora@acme.example", "email_verified": True, "name": "Dora"},
    {"sub": "s-carla", "email": "carla@globex.example", "email_verified": True},
]


@pytest.fixture(scope="session")
def well_known() -> Iterator[str]:
    """The issuer of a provider of the package index, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    people = [word for person in PEOPLE for word in ("--user-claims", json.dumps(person))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *people]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://127.0.0.1:{port}"
    try:
        _wait(issuer, process)
        yield issuer
    finally:
        process.terminate()
        process.wait(20)


def _wait(issuer: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while True:
        try:
            requests.get(f"{issuer}/jwks", timeout=5)
        except requests.ConnectionError:
            assert process.poll() is None, "the provider ended"
            assert time.monotonic() < until, "the provider does not begin"
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def bent() -> Iterator[BentProvider]:
    provider = BentProvider()
    yield provider
    provider.close()


SetUp = Callable[..., IdentityProvider]


@pytest.fixture
def set_up() -> SetUp:
    """Give a tenant a provider, as its owner does."""

    def give(tenant: Tenant, issuer: str, by: User, domain: str = "", **over: bool | str) -> IdentityProvider:
        wanted = {
            "issuer": issuer,
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "domains": (domain or f"{tenant.slug}.example",),
            "required": False,
            "takes_strangers": False,
            "factor_counts": False,
            "factor_acr": "",
        }
        return acts.save(tenant, acts.Wanted(**{**wanted, **over}), by=by)  # type: ignore[arg-type]

    return give


def identities(tenant: Tenant) -> set[tuple[str, str]]:
    with wall.tenant(tenant):
        return set(Identity.objects.values_list("subject", "user__email"))
