"""Who asks: everybody that an installation knows, and those that it does not know any more."""

from dataclasses import dataclass
from typing import Any

import pytest
from allauth.account.internal.flows import reauthentication
from django.http import HttpRequest
from django.test import Client

from portal.accounts.admissions import ProviderBackend
from portal.tenants.admission import Admission
from portal.tenants.models.people import User
from tests.isolation.world import Companies, Side, hidden_marks

# In the order of the world: of Acme unless the name says otherwise.
HELD = "held"  # of both companies, come by Acme's single sign-on and so held to it
MEMBERS = ("viewer", "one-agent", "one-environment", "both", HELD, "manager", "owner")
ELSEWHERE = ("their-owner", "empty-owner")  # members of other tenants
OUTSIDE = ("ex-member", "closed-owner", "administrator")  # signed in, and members of nothing that is open
VISITOR = "visitor"  # an administrator who visits Acme
LIVE_KEYS = ("key", "manager-key", "owner-key", "sales-key", "care-key")
DEAD_KEYS = ("revoked-key", "expired-key", "closed-key")
PRINCIPALS = ("anonymous", *MEMBERS, *ELSEWHERE, *OUTSIDE, VISITOR, *LIVE_KEYS, "their-key", *DEAD_KEYS)
GROUPS = {
    "all": PRINCIPALS,
    "people": (*MEMBERS, *ELSEWHERE, *OUTSIDE, VISITOR),
    "members": MEMBERS,
    "viewers": ("viewer", "one-agent", "one-environment", "both", HELD),
    "managers": ("manager", "owner"),
    "elsewhere": (*ELSEWHERE, "their-key"),
    "outside": (*OUTSIDE, VISITOR),
    "keys": LIVE_KEYS,
    "manager-keys": ("manager-key", "owner-key"),
    "dead-keys": DEAD_KEYS,
} | {name: (name,) for name in PRINCIPALS}
MASKED = {"viewer", "one-agent", "one-environment", "both", HELD, "key", VISITOR}
HIDDEN = {
    "one-agent": ("-hidden", "-care"),
    "one-environment": ("-care", "-second"),
    "sales-key": ("-care", "-second"),
    "care-key": ("-sales", "-hidden"),
}


def longer(*names: str) -> list[Any]:
    """All of them; those beyond ``names`` are asked by `make isolation` alone."""
    late = pytest.mark.isolation_long
    return [pytest.param(name, marks=() if name in names else late) for name in PRINCIPALS]


@dataclass(frozen=True)
class Principal:
    """``home``: whose wall is open to him, "" for nobody's. ``secrets``: what he may never be shown."""

    name: str
    home: str
    client: Client
    headers: dict[str, str]
    secrets: tuple[str, ...]

    @property
    def abroad(self) -> str:
        """The tenant whose ids are foreign to him."""
        return "globex" if self.home == "acme" else "acme"


def principal(name: str, companies: Companies) -> Principal:
    client = Client()
    if name in companies.people:
        sign_in(client, companies.people[name], companies.sides["acme"] if name == HELD else None)
        asking = HttpRequest()  # he gave his password just now, so that no page asks for it again
        asking.session = client.session
        reauthentication.record_authentication(asking, companies.people[name], "password", reauthenticated=True)
        asking.session.save()
    else:
        client.get("/")  # the first page asks, once, whether the portal is empty
    bearer = {"Authorization": f"Bearer {companies.keys[name]}"} if name in companies.keys else {}
    home = (
        "acme" if name in (*MEMBERS, VISITOR, *LIVE_KEYS) else "globex" if name in ("their-owner", "their-key") else ""
    )
    own = companies.people[name].email if name in companies.people else ""
    hidden = _hidden(name, home, own, companies.sides)
    return Principal(name, home, client, bearer | {"Accept-Language": "en"}, hidden)


def sign_in(client: Client, user: User, held_to: Side | None = None) -> None:
    """By password, or by the provider of the company that the session is then held to."""
    if held_to is None:
        client.force_login(user)
        return
    user = User.objects.get(pk=user.pk)  # the other's session is not held
    user.admission = Admission(held_to=held_to.tenant.pk)
    client.force_login(user, backend=f"{ProviderBackend.__module__}.{ProviderBackend.__qualname__}")


def _hidden(name: str, home: str, own: str, sides: dict[str, Side]) -> tuple[str, ...]:
    """The texts that he may not read; ``own`` is his own address, wherever he was a member."""
    others = [side for slug, side in sides.items() if slug != home]
    hidden = [text for side in others for text in side.secrets]
    hidden += [mark for word in HIDDEN.get(name, ()) for mark in hidden_marks("acme", word)]
    if name in MASKED:
        hidden += [text for text in sides["acme"].secrets if text.isdigit()]
    return tuple(text for text in dict.fromkeys(hidden) if text != own)
