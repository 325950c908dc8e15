"""Nobody acts on what carries more rights than their own: each object that does, each act, each kind of smaller rights.

The acts are those of ``matrix.toml``, which holds every address of the site. An address that changes something has to
be about an object of :data:`KINDS`, or :data:`OTHERS` has to say why it carries no rights of another person.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client

from portal.accounts.models import IdentityProvider, Invitation
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey, digest
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Environment
from reports.handover.models import Destination, ExportSchedule, Handover
from reports.saved.models import Board, ShareLink
from tests.conftest import member
from tests.isolation.exchange import Kept, pressed
from tests.isolation.principals import Principal, sign_in
from tests.isolation.routes import Row, matrix
from tests.isolation.world import NOW, Companies, Side
from tests.walls.rows import row_of

pytestmark = pytest.mark.django_db

COMPANY = "the company"
# What acts with rights, by the name of its id in the matrix, and whether the world's shows whole numbers.
KINDS = {
    "destination": True,
    "schedule": True,
    "handover": True,
    "api_key": True,
    "board": True,
    "report": True,
    "mail": False,
    "delivery": False,
    "alert": False,
    "post": False,
    "share_link": False,
    "connection": False,
    "member": True,
    "invitation": True,
    COMPANY: True,
}
OF_OWNERS = ("member", "invitation", COMPANY)
# What is set for everybody in the company, and so acts on whoever has the most rights.
OF_ALL = (
    "/t/{tenant}/settings/sign-in/",
    "/t/{tenant}/team/sign-on/",
    "/t/{tenant}/team/sign-on/act/",
    "/t/{tenant}/privacy/",
    "/t/{tenant}/erasures/",
)
OTHERS = {
    "call": "a flag is the call's, which one has to see",
    "contact_id": "shows a number to who may look it up",
    "note": "its author's, or a manager's who sees the call",
    "view": "a view of the list of calls shows each reader what that reader may see",
    "export": "its asker's alone",
    "vendor": "makes something new",
    "provider": "signs in, before anybody has rights",
    "confirm": "a signed link of its reader's own",
    "leave": "a signed link of its reader's own",
    "shared": "asks for a password, and changes nothing",
    "uidb36": "one's own password",
    "passkey": "one's own",
}
# What is sent, where it is not what the matrix sends.
ACTS: dict[tuple[str, str], list[dict[str, str]]] = {
    ("/t/{tenant}/keys/{key}/rotate/", "POST"): [{"ends": "24"}],
    ("/t/{tenant}/reports/saved/{view}/", "POST"): [
        {"act": "rename", "name": "Mine"},
        {"act": "replace", "query": "metrics=attempts&by=day"},
        {"act": "share"},
        {"act": "unshare"},
        {"act": "delete"},
    ],
    ("/t/{tenant}/reports/boards/{board}/", "POST"): [
        {"act": "rename", "name": "Mine"},
        *({"act": act, "view": "{report}"} for act in ("add", "off", "up", "down")),
        *({"act": act} for act in ("share", "unshare", "delete")),
    ],
    ("/t/{tenant}/exports/scheduled/{schedule}/act/", "POST"): [
        {"act": act} for act in ("pause", "resume", "try", "confirm", "remove")
    ],
    ("/t/{tenant}/exports/destinations/{destination}/", "POST"): [{"folder": "mine"}],
    ("/t/{tenant}/exports/destinations/{destination}/act/", "POST"): [
        {"act": act} for act in ("confirm", "look", "try", "remove")
    ],
    ("/t/{tenant}/alerts/{alert}/act/", "POST"): [
        {"act": act} for act in ("pause", "resume", "test", "secret", "remove")
    ],
    ("/t/{tenant}/connections/{connection}/", "POST"): [{"base_url": "https://elsewhere.example"}],
    ("/t/{tenant}/connections/{connection}/act/", "POST"): [
        {"act": act} for act in ("pause", "resume", "read", "reread", "remove")
    ],
    ("/t/{tenant}/team/{member}/", "POST"): [{"role": "viewer", "which_environments": "all", "which_agents": "all"}],
    ("/t/{tenant}/team/{member}/act/", "POST"): [{"act": "remove"}],
    ("/t/{tenant}/team/invitations/{invitation}/act/", "POST"): [{"act": "resend"}, {"act": "withdraw"}],
    ("/t/{tenant}/team/sign-on/act/", "POST"): [{"act": "remove"}],
    ("/t/{tenant}/mail/{mail}/act/", "POST"): [
        {"act": act} for act in ("pause", "resume", "test", "languages", "remove")
    ],
    ("/api/v1/destinations/{id}/", "PATCH"): [{"bucket": "mine"}, {"folder": "mine"}, {"name": "Mine"}],
    ("/api/v1/export-schedules/{id}/", "PATCH"): [{"hour": "4"}],
    ("/api/v1/boards/{id}/", "PATCH"): [{"name": "Mine"}],
    ("/api/v1/saved-reports/{id}/", "PATCH"): [{"query": "metrics=attempts&by=day"}, {"name": "Mine"}],
}
SMALLER = ("another environment", "fewer agents", "no numbers", "lower role")
REFUSED = (403, 404)
# Refused in words on the page that they lead back to; that nothing has changed is looked at for each.
IN_WORDS = ((302, "/t/{tenant}/team/{member}/act/"), (302, "/t/{tenant}/team/invitations/{invitation}/act/"))


@dataclass(frozen=True)
class Act:
    kind: str
    row: Row
    method: str
    body: dict[str, str] | None

    def sent(self, ids: dict[str, str]) -> str:
        if self.body is None:
            return self.row.sent(self.method, ids)
        filled = {name: value.format(**ids) for name, value in self.body.items()}
        return json.dumps(filled) if self.row.route.startswith("/api/") else urlencode(filled)

    def __str__(self) -> str:
        return f"{self.method} {self.row.route} {self.body or ''}"


def acts() -> list[Act]:
    found = []
    for row in matrix().values():
        kind = COMPANY if row.route in OF_ALL else next((name for name in KINDS if name in row.names), None)
        for method in row.expected.keys() - {"GET"} if kind and not row.route.startswith("/hooks/") else ():
            found += [Act(str(kind), row, method, body) for body in ACTS.get((row.route, method), [None])]
    return sorted(found, key=str)


@pytest.fixture
def carried(five_companies: Companies, sides: dict[str, Side]) -> Side:
    """Acme, with an owner's rights on everything: all environments and agents, whole numbers where there are any."""
    acme, owner = sides["acme"], five_companies.people["owner"]
    with wall.tenant(acme.tenant):
        row_of(IdentityProvider, acme.tenant, {})
        invitation = Invitation.objects.get(public_id=acme.ids["invitation"])
        Grant.objects.filter(pk=invitation.grant_id).update(all_environments=True, agent_keys=[], sees_numbers=True)
        of_files = Grant.objects.filter(pk__in=ExportSchedule.objects.values("grant"))
        of_files.update(sees_numbers=True)
        Destination.objects.filter(public_id=acme.ids["destination"]).update(creator=owner)
        key = ApiKey.objects.get(public_id=acme.ids["api_key"])
        ApiKey.objects.filter(pk=key.pk).update(
            environment=None, role=Role.MANAGER, revoked_at=None, expires_at=NOW + timedelta(days=9), made_by=owner
        )
        Grant.objects.filter(pk=key.grant_id).update(all_environments=True, agent_keys=[], sees_numbers=True)
        board = Board.objects.get(public_id=acme.ids["board"])
        ShareLink.objects.create(
            tenant=acme.tenant, board=board, maker=owner, digest=digest("link-of-board"),
            grant=Grant.objects.create(tenant=acme.tenant), expires_at=NOW + timedelta(days=7),
        )  # fmt: skip
        ExportSchedule.objects.create(
            tenant=acme.tenant, name="Board", what="board", query=urlencode({"board": board.public_id}), format="xlsx",
            language="en", zone="UTC", creator=owner, active=False,
            grant=Grant.objects.create(tenant=acme.tenant, sees_numbers=True),
        )  # fmt: skip
        assert Handover.objects.get(public_id=acme.ids["handover"]).schedule.grant.sees_numbers
    return acme


def smaller(side: Side, how: str, least: Role) -> User:
    """Of the role that it takes, or of the one below."""
    environments: list[Environment] = []
    if how == "another environment":
        with wall.tenant(side.tenant):
            environments = list(Environment.objects.filter(provider="originsai"))
    role = {Role.MANAGER: Role.VIEWER, Role.OWNER: Role.MANAGER}[least] if how == "lower role" else least
    user = member(side.tenant, f"smaller-{least}@acme.example", role, *environments, numbers=how != "no numbers")
    if how == "fewer agents":
        with wall.tenant(side.tenant):
            own = Membership.objects.get(user=user).grant_id
            Grant.objects.filter(pk=own).update(agent_keys=["agent-1", "7"])
    return user


def signed_in(user: User) -> Principal:
    client = Client()
    sign_in(client, user)
    return Principal(user.email, "acme", client, {"Accept-Language": "en"}, ())


def test_every_address_that_changes_something_is_about_a_kind_that_is_known() -> None:
    unknown = [
        route
        for route, row in matrix().items()
        for named in [set(row.names) - {"tenant"}]
        if row.expected.keys() - {"GET"} and named and not named & (KINDS.keys() | OTHERS.keys())
    ]
    assert not unknown, f"Say in {__file__} with whose rights these act, or why with nobody's: {unknown}"


@pytest.mark.parametrize("how", SMALLER)
def test_who_has_smaller_rights_changes_nothing(carried: Side, how: str) -> None:
    managers, owners = (signed_in(smaller(carried, how, least)) for least in (Role.MANAGER, Role.OWNER))
    kept, done = Kept.of(carried.tenant), []
    for act in acts():
        if how == "no numbers" and not KINDS[act.kind]:
            continue
        path, _used = act.row.path(carried.ids)
        who = owners if act.kind in OF_OWNERS else managers
        told = pressed(who, path, act.method, act.sent(carried.ids), kept)
        if told.status not in REFUSED and (told.status, act.row.route) not in IN_WORDS:
            done.append(f"{act}: {told.status}")
    assert not done, "\n".join(done)


def test_who_has_all_rights_does_each(five_companies: Companies, carried: Side) -> None:
    """The other way round: each act is one that there is, and is refused for no other reason."""
    managers, owners = (signed_in(five_companies.people[name]) for name in ("manager", "owner"))
    member(carried.tenant, "second@acme.example", Role.OWNER, numbers=True)
    refused = []
    for act in acts():
        path, _used = act.row.path(carried.ids)
        who = owners if act.kind in OF_OWNERS else managers
        told = pressed(who, path, act.method, act.sent(carried.ids))
        if told.status in REFUSED or told.status >= 500:
            refused.append(f"{act}: {told.status}")
    assert not refused, "\n".join(refused)
