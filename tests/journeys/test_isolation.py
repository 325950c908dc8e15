"""Another tenant's ids answer like ids that nobody has, on every address of the site, whoever asks.

Two tenants hold the same vendor's ids and a mark of their own in every text and number. Each address is taken from the
resolver; one that this table does not know fails. What is foreign has to equal what is absent: status, headers, body.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern
from django.utils.http import int_to_base36

from portal.accounts.keys import NewKey, issue_key, revoke_key
from portal.accounts.models import Invitation
from portal.audit.chain import append
from portal.audit.models import Entry, EntryHead
from portal.tenants import wall
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Environment, Tenant
from reports.annotations.models import CallNote
from reports.files.models import Export
from reports.mail import links
from reports.mail.models import Delivery, Recipient, Subscription
from reports.mail.subscriptions import add_recipient, create_weekly
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from reports.web.models import SavedView
from sync.models.callbacks import CallbackDay
from sync.models.campaigns import Campaign, CampaignCall
from sync.models.connections import Connection
from sync.models.runs import Gap, Window
from tests import databases, factories
from tests.conftest import member
from tests.walls.rows import MODELS, row_of, values_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 7, 10, 15, tzinfo=UTC)
DAYS = [date(2026, 7, day) for day in range(1, 11)]
NUMBERS = {"acme": "11987654321", "globex": "41912345678"}
TALKOVER, ORIGINSAI = "/vendor/talkover/api/v1", "/vendor/originsai/api"

# Every address outside the console, and what it names in its path.
ROUTES = {
    "/": (),
    "/livez": (),
    "/readyz": (),
    "/metrics": (),
    "/accounts/": (),
    "/accounts/sessions/end/": (),
    "/accounts/second-factor/": (),
    "/accounts/2fa/": (),
    "/accounts/2fa/passkeys/": (),
    "/accounts/2fa/authenticate/": (),
    "/accounts/2fa/reauthenticate/": (),
    "/accounts/2fa/app/add/": (),
    "/accounts/2fa/app/remove/": (),
    "/accounts/2fa/codes/": (),
    "/accounts/2fa/codes/new/": (),
    "/accounts/2fa/codes/download/": (),
    "/accounts/2fa/passkeys/login/": (),
    "/accounts/2fa/passkeys/add/": (),
    "/accounts/2fa/passkeys/reauthenticate/": (),
    "/accounts/2fa/passkeys/{pk}/remove/": ("pk",),
    "/setup/": (),
    "/accounts/login/": (),
    "/t/{tenant}/settings/sign-in/": ("tenant",),
    "/accounts/logout/": (),
    "/accounts/inactive/": (),
    "/accounts/reauthenticate/": (),
    "/accounts/password/change/": (),
    "/accounts/password/set/": (),
    "/accounts/password/reset/": (),
    "/accounts/password/reset/done/": (),
    "/accounts/password/reset/key/{uidb36}-{key}/": ("uidb36", "key"),
    "/accounts/password/reset/key/done/": (),
    "/accounts/invitation/{secret}/": ("confirm",),
    "/accounts/language/": (),
    "/accounts/sso/": (),
    "/accounts/sso/{provider}/": ("invitation",),  # one that is no provider's: who knows the address may begin there
    "/accounts/sso/{provider}/return/": ("invitation",),
    "/t/{tenant}/": ("tenant",),
    "/t/{tenant}/agents/": ("tenant",),
    "/t/{tenant}/audit/": ("tenant",),
    "/t/{tenant}/audit/audit.csv": ("tenant",),
    "/t/{tenant}/audit/audit.jsonl": ("tenant",),
    "/t/{tenant}/campaigns/": ("tenant",),
    "/t/{tenant}/campaigns/{campaign}/": ("tenant", "campaign"),
    "/t/{tenant}/callbacks/": ("tenant",),
    "/t/{tenant}/calls.csv": ("tenant",),
    "/t/{tenant}/calls/": ("tenant",),
    "/t/{tenant}/calls/views/": ("tenant",),
    "/t/{tenant}/calls/views/{view}/": ("tenant", "view"),
    "/t/{tenant}/contacts/{contact_id}/": ("tenant", "contact_id"),
    "/t/{tenant}/contacts/{contact_id}/reveal/": ("tenant", "contact_id"),
    "/t/{tenant}/look-up/": ("tenant",),
    "/t/{tenant}/reports/": ("tenant",),
    "/t/{tenant}/reports/query/": ("tenant",),
    "/t/{tenant}/exports/": ("tenant",),
    "/t/{tenant}/exports/list/": ("tenant",),
    "/t/{tenant}/exports/{export}/download/": ("tenant", "export"),
    "/t/{tenant}/exports/{export}/again/": ("tenant", "export"),
    "/t/{tenant}/exports/{export}/delete/": ("tenant", "export"),
    "/t/{tenant}/mail/": ("tenant",),
    "/t/{tenant}/mail/new/": ("tenant",),
    "/t/{tenant}/mail/{mail}/": ("tenant", "mail"),
    "/t/{tenant}/mail/{mail}/act/": ("tenant", "mail"),
    "/t/{tenant}/mail/{mail}/preview/": ("tenant", "mail"),
    "/t/{tenant}/mail/{mail}/preview/body/": ("tenant", "mail"),
    "/t/{tenant}/mail/deliveries/{delivery}/again/": ("tenant", "delivery"),
    "/t/{tenant}/privacy/": ("tenant",),
    "/t/{tenant}/erasures/": ("tenant",),
    "/t/{tenant}/connections/": ("tenant",),
    "/t/{tenant}/settings/brand/": ("tenant",),
    "/t/{tenant}/brand.css": ("tenant",),
    "/t/{tenant}/brand/logo": ("tenant",),
    "/brand.css": (),
    "/brand/logo": (),
    "/t/{tenant}/connections/many/": ("tenant",),
    "/t/{tenant}/connections/many/template.csv": ("tenant",),
    "/t/{tenant}/connections/new/": ("tenant",),
    "/t/{tenant}/connections/new/{vendor}/": ("tenant", "vendor"),
    "/t/{tenant}/connections/{connection}/": ("tenant", "connection"),
    "/t/{tenant}/connections/{connection}/act/": ("tenant", "connection"),
    "/t/{tenant}/connections/{connection}/start/": ("tenant", "connection"),
    "/api/v1/audit/": (),
    "/api/v1/audit/csv/": (),
    "/api/v1/audit/lines/": (),
    "/t/{tenant}/team/": ("tenant",),
    "/t/{tenant}/team/invite/": ("tenant",),
    "/t/{tenant}/team/{member}/": ("tenant", "member"),
    "/t/{tenant}/team/{member}/act/": ("tenant", "member"),
    "/t/{tenant}/team/sign-on/": ("tenant",),
    "/t/{tenant}/team/sign-on/act/": ("tenant",),
    "/t/{tenant}/team/invitations/{invitation}/act/": ("tenant", "invitation"),
    "/t/{tenant}/keys/": ("tenant",),
    "/t/{tenant}/keys/{key}/rotate/": ("tenant", "api_key"),
    "/t/{tenant}/keys/{key}/revoke/": ("tenant", "api_key"),
    "/t/{tenant}/calls/{call}/": ("tenant", "call"),
    "/t/{tenant}/calls/{call}/payload.json": ("tenant", "call"),
    "/t/{tenant}/calls/{call}/flags/": ("tenant", "call"),
    "/t/{tenant}/calls/{call}/notes/": ("tenant", "call"),
    "/t/{tenant}/calls/{call}/notes/{note}/": ("tenant", "call", "note"),
    "/mail/confirm/{token}": ("confirm",),
    "/mail/leave/{token}": ("leave",),
    "/api/schema/": (),
    "/api/docs/": (),
    "/api/v1/environments/": (),
    "/api/v1/environments/{id}/": ("environment",),
    "/api/v1/agents/": (),
    "/api/v1/calls/": (),
    "/api/v1/calls/csv/": (),
    "/api/v1/calls/{id}/": ("call",),
    "/api/v1/contacts/": (),
    "/api/v1/contacts/{contact_id}/": ("contact_id",),
    "/api/v1/contacts/{contact_id}/reveal/": ("contact_id",),
    "/api/v1/campaigns/": (),
    "/api/v1/campaigns/{id}/": ("campaign",),
    "/api/v1/callbacks/days/": (),
    "/api/v1/callbacks/open/": (),
    "/api/v1/callbacks/returns/": (),
    "/api/v1/exports/": (),
    "/api/v1/exports/{id}/": ("export",),
    "/api/v1/exports/{id}/download/": ("export",),
    "/api/v1/subscriptions/": (),
    "/api/v1/subscriptions/{id}/": ("mail",),
    "/api/v1/subscriptions/{id}/test/": ("mail",),
    "/api/v1/subscriptions/{id}/resend/": ("mail",),
    "/api/v1/deliveries/": (),
    "/api/v1/metrics/": (),
    "/api/v1/reports/": (),
    "/api/v1/reports/query/": (),
    "/api/v1/{rest}": ("slug",),
    f"{TALKOVER}/health": (),
    f"{TALKOVER}/calls": (),
    f"{TALKOVER}/agents": (),
    f"{TALKOVER}/agents/{{agent_id}}": ("agent_key",),
    f"{TALKOVER}/agents/{{agent_id}}/calls": ("agent_key",),
    f"{TALKOVER}/callback-agents": (),
    f"{TALKOVER}/callback-agents/stats": (),
    f"{TALKOVER}/campaigns": (),
    f"{TALKOVER}/campaigns/{{campaign_id}}": ("campaign_key",),
    f"{TALKOVER}/{{rest}}": ("slug",),
    f"{ORIGINSAI}/agents/{{agent_id}}/call_stats": ("agent_number",),
    f"{ORIGINSAI}/{{rest}}": ("slug",),
}
# Ids that an address takes as a parameter.
QUERIES = {
    "/t/{tenant}/": ("environment={environment}", "agent={agent}"),
    "/t/{tenant}/agents/": ("environment={environment}", "agent={agent}"),
    "/t/{tenant}/campaigns/": ("environment={environment}", "agent={agent}"),
    "/t/{tenant}/callbacks/": ("environment={environment}", "agent={agent}"),
    "/t/{tenant}/calls/": (
        "environment={environment}",
        "agent={agent}",  # a number that is asked for is shown again, masked: the API's list below is asked for one
        "contact={contact_id}&testing=include",
        "view={view}&status=completed",
    ),
    "/t/{tenant}/reports/query/": ("environment={environment}&by=day", "agent={agent}&by=agent"),
    "/t/{tenant}/calls.csv": (
        "environment={environment}",
        "agent={agent}",
        "campaign={campaign}",
        "number={number}",
    ),
    "/t/{tenant}/exports/": (
        "what=calls&environment={environment}",
        "what=calls&agent={agent}",
        "what=callbacks&environment={environment}",
        "what=campaigns&agent={agent}",
        "number={number}",
    ),
    "/t/{tenant}/mail/{mail}/preview/": ("reader={reader}",),
    "/api/v1/deliveries/": ("subscription={mail}",),
    "/api/v1/agents/": ("environment={environment}", "tenant={tenant}"),
    "/api/v1/environments/": ("tenant={tenant}",),
    "/api/v1/calls/": (
        "environment={environment}",
        "agent={agent}",
        "number={number}&number_match=exact",
        "contact={contact_id}",
    ),
    "/api/v1/contacts/": ("number=%2B55{number}",),
    "/api/v1/calls/csv/": ("environment={environment}", "agent={agent}", "tenant={tenant}"),
    "/api/v1/campaigns/": ("environment={environment}",),
    "/api/v1/callbacks/days/": ("environment={environment}",),
    "/api/v1/callbacks/open/": ("environment={environment}", "agent={agent}"),
    "/api/v1/callbacks/returns/": ("environment={environment}", "agent={agent}"),
    "/api/v1/reports/query/": (
        "environment={environment}&by=day",
        "agent={agent}&by=agent",
        "metrics=attempts,callbacks_received&number={number}&number_match=exact",
    ),
    f"{TALKOVER}/calls": ("agent_id={agent_key}", "search=%2B55{number}"),
    f"{TALKOVER}/campaigns": ("agent_id={agent_key}",),
}
# Where an own id is answered with what it names, by whom. Elsewhere it may be refused, too.
READ_BY = {
    "/t/{tenant}/": ("ana", "bruno", "carla"),
    "/t/{tenant}/agents/": ("ana", "bruno", "carla"),
    "/t/{tenant}/campaigns/": ("ana", "bruno", "carla"),
    "/t/{tenant}/campaigns/{campaign}/": ("ana", "bruno", "carla"),
    "/t/{tenant}/callbacks/": ("ana", "bruno", "carla"),
    "/t/{tenant}/calls.csv": ("ana", "bruno", "carla"),
    "/t/{tenant}/exports/": ("ana", "bruno", "carla"),
    "/t/{tenant}/exports/list/": ("ana", "bruno", "carla"),
    "/api/v1/exports/{id}/": ("ana", "carla"),
    "/t/{tenant}/mail/": ("ana", "bruno", "carla"),
    "/t/{tenant}/mail/new/": ("ana", "bruno", "carla"),
    "/t/{tenant}/mail/{mail}/": ("ana", "carla"),
    "/t/{tenant}/mail/{mail}/preview/": ("ana", "carla"),
    "/t/{tenant}/mail/{mail}/preview/body/": ("ana", "carla"),
    "/api/v1/subscriptions/{id}/": ("ana", "carla"),
    "/api/v1/deliveries/": ("ana", "bruno", "carla", "key", "sales-key", "their-key"),
    "/t/{tenant}/calls/{call}/": ("ana", "bruno", "carla"),
    "/t/{tenant}/calls/{call}/payload.json": ("ana", "bruno", "carla"),
    "/t/{tenant}/contacts/{contact_id}/": ("ana", "bruno", "carla"),
    "/mail/confirm/{token}": ("anonymous", "ana", "carla"),
    "/mail/leave/{token}": ("anonymous", "ana", "carla"),
    "/api/v1/environments/{id}/": ("ana", "bruno", "carla", "key", "sales-key", "their-key"),
    "/api/v1/campaigns/{id}/": ("ana", "bruno", "carla", "key", "sales-key", "their-key"),
    "/api/v1/calls/{id}/": ("ana", "bruno", "carla", "key", "sales-key", "their-key"),
    f"{TALKOVER}/agents/{{agent_id}}": ("sales-key", "their-key"),
    f"{TALKOVER}/agents/{{agent_id}}/calls": ("sales-key", "their-key"),
    f"{TALKOVER}/campaigns/{{campaign_id}}": ("sales-key", "their-key"),
    f"{ORIGINSAI}/agents/{{agent_id}}/call_stats": ("care-key",),
}
PRINCIPALS = (
    "anonymous", "ana", "bruno", "carla", "key", "sales-key", "care-key", "their-key", "revoked",
)  # fmt: skip
THEIRS = {"carla", "their-key"}
NOBODYS = {"anonymous", "revoked"}


@dataclass(frozen=True)
class Side:
    """A tenant with what it holds: ids by the names that addresses give them, and the keys of its rows."""

    tenant: Tenant
    ids: dict[str, str]
    secrets: tuple[str, ...]  # texts that nobody else may read


def canary(slug: str) -> str:
    return f"CANARY-{slug}"


def stock(environment: Environment, only: str) -> tuple[Any, Any]:
    """Agents, calls, a campaign and callbacks: ids alike in both tenants, and some, ending in ``only``, of this one."""
    slug, tenant_id = environment.tenant.slug, environment.tenant_id
    mark, number = canary(slug), f"+55{NUMBERS[slug]}"
    numeric = environment.provider == "originsai"
    made = []
    pairs = (("7", "call-1"), (only, f"call-{only}")) if numeric else (("agent-1", "call-1"), (f"agent-{only}",) * 2)
    for agent_key, call_key in pairs:
        told = {"id": call_key, "call_id": call_key, "name": mark, "to": number, "to_number": number}
        told |= {"created_at": "2026-07-08T15:00:00Z", "agent": {"id": agent_key, "name": mark}}
        element = json.dumps(told)
        agent = factories.agent(environment, agent_key, name=mark, label=mark, payload=element, takes_callbacks=True,
                                callback_payload=element)  # fmt: skip
        call = factories.call(environment, call_key, agent=agent, raw=element, to_number=number, hangup_cause=mark)
        made.append((agent, call))
        campaign = Campaign.objects.create(
            tenant_id=tenant_id, environment=environment, external_id=agent_key.replace("agent", "campaign"), name=mark,
            status="active", agent=agent, payload=element, detail_payload=element, changed_at=NOW,
        )  # fmt: skip
        CampaignCall.objects.create(tenant_id=tenant_id, environment=environment, campaign=campaign, call_key=call_key)
    for day in DAYS:
        CallbackDay.objects.create(
            tenant_id=tenant_id, environment=environment, day=day, received=7, answered=5, unmatched=1, payload="{}",
            sources=[{"agent": "agent-1", "name": mark, "count": 7}], digest=b"0" * 16, changed_at=NOW,
        )  # fmt: skip
        for stream in ("calls", "callbacks"):
            Window.objects.create(
                tenant_id=tenant_id, environment=environment, stream=stream, part=str(day), day=day, state="complete",
                read_at=NOW - timedelta(minutes=5),
            )  # fmt: skip
    Gap.objects.create(
        tenant_id=tenant_id, environment=environment, stream="calls", part="2026-07-07", day=date(2026, 7, 7),
        fault="server", detail=mark, opened_at=NOW,
    )  # fmt: skip
    Connection.objects.create(
        tenant_id=tenant_id, environment=environment, provider=environment.provider, token=f"token-{mark}",
        base_url=f"https://{mark.lower()}.example", since=DAYS[0],
    )  # fmt: skip
    return made[0]


def side(tenant: Tenant, only: str, reader: str) -> Side:
    """Fills a tenant: what its environments hold, a mail with a reader, and a row of every other table."""
    Tenant.objects.filter(pk=tenant.pk).update(name=canary(tenant.slug))
    tenant.refresh_from_db()
    with wall.tenant(tenant):
        sales, care = (Environment.objects.select_related("tenant").get(provider=name) for name in VENDORS)
        for environment in (sales, care):
            environment.name = f"{canary(tenant.slug)} {environment.provider}"
            environment.save()
        agent, call = stock(sales, only)
        stock(care, "7001" if tenant.slug == "acme" else "7002")
        subscription = create_weekly(tenant, reader, "en", name=canary(tenant.slug))
        recipient = add_recipient(subscription, f"guest@{tenant.slug}.example", language="en")
        tokens = {purpose: links.address(recipient, purpose).rsplit("/", 1)[1] for purpose in ("confirm", "leave")}
        rows: dict[type, Any] = {Environment: sales}
        for model in MODELS:
            if model is Entry:  # a link of the chain, whose head comes with it
                append(Entry(**values_of(Entry, tenant, rows)))
            elif model not in (Environment, EntryHead):
                row_of(model, tenant, rows)
        view = str(SavedView.objects.values_list("public_id", flat=True)[0])
        api_key = str(ApiKey.objects.values_list("public_id", flat=True)[0])
        member = str(Membership.objects.values_list("public_id", flat=True)[0])
        invitation = str(Invitation.objects.values_list("public_id", flat=True)[0])
        note = str(CallNote.objects.values_list("public_id", flat=True)[0])
        campaign = str(Campaign.objects.get(environment=sales, agent=agent).public_id)
        export = Export.objects.create(
            tenant=tenant, user=User.objects.get(email=reader), what="calls", format="csv", title=canary(tenant.slug)
        )
        holder = User.objects.create_user(f"holder@{tenant.slug}.example")  # no asker, whose pages would ask for it
        connection = str(Connection.objects.order_by("pk")[0].public_id)
        passkey = Authenticator.objects.create(
            user=holder, type=Authenticator.Type.WEBAUTHN, data={"name": canary(tenant.slug)}
        )
        delivery = Delivery.objects.create(
            tenant=tenant, subscription=subscription, recipient=recipient, period_start=DAYS[0], period_end=DAYS[7],
            zone="UTC", due_at=NOW, held_until=NOW,
        )  # fmt: skip
        held = [Environment, type(agent), type(call), Campaign, Subscription, Recipient, Delivery, Export]
        keys = [str(key) for model in held for key in model.objects.values_list(_public(model), flat=True)]
    ids = {
        "tenant": tenant.slug,
        "slug": tenant.slug + "/",
        "environment": str(sales.public_id),
        "agent": str(agent.public_id),
        "campaign": campaign,
        "call": str(call.pk),
        "note": note,
        "member": member,
        "invitation": invitation,
        "api_key": api_key,
        "view": view,
        "contact_id": contact_id(f"55{NUMBERS[tenant.slug]}", Scope(tenant.pk, "UTC", frozenset())),
        "export": str(export.public_id),
        "mail": str(subscription.public_id),
        "reader": str(recipient.public_id),
        "delivery": str(delivery.public_id),
        "number": NUMBERS[tenant.slug],
        "agent_key": f"agent-{only}",
        "campaign_key": f"campaign-{only}",
        "agent_number": "7001" if tenant.slug == "acme" else "7002",
        "uidb36": int_to_base36(User.objects.get(email=reader).pk),
        "pk": str(passkey.pk),
        "connection": connection,
        "vendor": "talkover",
        "key": "set-password",
        **tokens,
    }
    return Side(tenant, ids, (canary(tenant.slug), NUMBERS[tenant.slug], *keys))


VENDORS = ("talkover", "originsai")
ABSENT = {
    "tenant": "nobody",
    "slug": "nobody/",
    "environment": str(uuid4()),
    "agent": str(uuid4()),
    "campaign": str(uuid4()),
    "export": str(uuid4()),
    "mail": str(uuid4()),
    "reader": str(uuid4()),
    "delivery": str(uuid4()),
    "call": str(uuid4()),
    "note": str(uuid4()),
    "member": str(uuid4()),
    "connection": str(uuid4()),
    "vendor": "talkover",
    "invitation": str(uuid4()),
    "api_key": str(uuid4()),
    "view": str(uuid4()),
    "contact_id": "A" * 32,
    "number": "21900000000",
    "agent_key": "agent-nobody",
    "campaign_key": "campaign-nobody",
    "agent_number": "7999",
    "uidb36": int_to_base36(2_000_000_000),
    "pk": "2000000000",
    "key": "set-password",
    "confirm": "1-1-1.1abc.nobody",
    "leave": "1-1-1.1abc.nobody",
}


def _public(model: type) -> str:
    return "public_id" if any(field.name == "public_id" for field in model._meta.fields) else "pk"


@dataclass(frozen=True)
class Companies:
    sides: dict[str, Side]
    people: dict[str, User]
    keys: dict[str, str]  # secrets, by the principal's name


@databases.world
def two_companies() -> Iterator[Companies]:
    """Acme and Globex with the same vendors' ids, who reads there, and their keys."""
    with time_machine.travel(NOW, tick=False):
        acme = Tenant.objects.create(slug="acme", name="Acme", zone="America/Sao_Paulo", language="pt-br")
        globex = Tenant.objects.create(slug="globex", name="Globex", zone="Asia/Kathmandu", language="en")
        sales, care, foreign, _ = [environment(tenant, name) for tenant in (acme, globex) for name in VENDORS]
        people = {
            "ana": member(acme, "ana@acme.example", Role.OWNER, numbers=True),
            "bruno": member(acme, "bruno@acme.example", Role.VIEWER, sales),
            "carla": member(globex, "carla@globex.example", Role.OWNER, numbers=True),
        }
        sides = {
            "acme": side(acme, "acme-only", people["ana"].email),
            "globex": side(globex, "globex-only", people["carla"].email),
        }
        keys = {
            "key": issue_key(acme, NewKey("all", sees_numbers=True)),
            "sales-key": issue_key(acme, NewKey("sales", environment=sales, sees_numbers=True)),
            "care-key": issue_key(acme, NewKey("care", environment=care, sees_numbers=True)),
            "their-key": issue_key(globex, NewKey("theirs", environment=foreign, sees_numbers=True)),
            "revoked": issue_key(acme, NewKey("old", environment=sales, sees_numbers=True)),
        }
        revoke_key(keys["revoked"][0])
    yield Companies(sides, people, {name: secret for name, (_key, secret) in keys.items()})


def environment(tenant: Tenant, provider: str) -> Environment:
    with wall.tenant(tenant):
        return Environment.objects.create(tenant=tenant, name=provider, provider=provider)


@pytest.fixture
def sides(two_companies) -> Iterator[dict[str, Side]]:
    with time_machine.travel(NOW, tick=False):
        yield two_companies.sides


@pytest.fixture
def visitors(two_companies, sides) -> dict[str, tuple[Client, dict[str, str]]]:
    """A client for each principal, with the headers it sends."""
    keys = two_companies.keys
    found = {}
    for name in PRINCIPALS:
        headers = {"Authorization": f"Bearer {keys[name]}"} if name in keys else {}
        found[name] = (Client(), headers | {"Accept-Language": "en"})
    for name, user in two_companies.people.items():
        found[name][0].force_login(user)
    return found


def addresses() -> list[str]:
    """Every address of the site as the resolver knows it, the console's included."""
    found: list[str] = []

    def look(patterns: list[Any], before: str) -> None:
        for pattern in patterns:
            text = before + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                found.append(text)
            else:
                look(pattern.url_patterns, text)

    look(get_resolver().url_patterns, "/")
    return found


def plain(address: str) -> str:
    """``/t/<slug:tenant>/`` as ``/t/{tenant}/``, and likewise for patterns."""
    text = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", re.sub(r"\(\?P<(\w+)>[^()]*\)\??", r"{\1}", address))
    return text.replace("^", "").replace("$", "")


def test_every_address_of_the_site_is_in_the_table():
    outside = {plain(address) for address in addresses() if not address.startswith("/admin/")}
    assert outside == set(ROUTES)


@dataclass(frozen=True)
class Exchange:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


def visit(visitor: tuple[Client, dict[str, str]], path: str, method: str = "GET") -> Exchange:
    client, headers = visitor
    answer = client.generic(method, path, headers=headers)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    cookies = [(f"cookie {name}", morsel.value) for name, morsel in answer.cookies.items()]
    return Exchange(answer.status_code, tuple(sorted([*answer.headers.items(), *cookies])), body.decode())


def but(told: Exchange, ids: dict[str, str]) -> Exchange:
    """The same answer without what the question brought and what is drawn by chance."""

    def cleaned(text: str) -> str:
        for value in sorted(set(ids.values()), key=len, reverse=True):
            # A short number stands for itself only as a part of an address.
            short = rf"(?<=/){value}(?=[-/&\"'?\s]|$)|(?<=%2F){value}(?=%2F|-|$)"
            text = re.sub(short if len(value) < 4 else re.escape(value), "ID", text)
        return re.sub(r'(csrfmiddlewaretoken" value=|nonce[=-]"?)"?[\w/+=-]+', r"\1", text)

    headers = [
        (name, "" if name in ("cookie csrftoken", "Content-Length", "X-Request-ID", "Date") else cleaned(value))
        for name, value in told.headers
    ]
    return Exchange(told.status, tuple(headers), cleaned(told.body))


def leaked(told: Exchange, secrets: tuple[str, ...], asked: dict[str, str]) -> list[str]:
    """Which of another's texts an answer holds, beyond what its question brought along."""
    whole = "\n".join([told.body, *(f"{name}: {value}" for name, value in told.headers)]).lower()
    return [text for text in secrets if text.lower() in whole and text not in asked.values()]


def filled(route: str, names: tuple[str, ...], ids: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The address with ids in it, and those ids."""
    used = {name: ids[name] for name in names}
    parts = re.findall(r"\{(\w+)\}", route)
    return route.format(**dict(zip(parts, used.values(), strict=True))), used


def foreign_ids(ids: dict[str, str]) -> dict[str, str]:
    """Another's, as a stranger can know them: a signed link is known to its reader alone, so its signature is off."""
    return ids | {name: ids[name][:-1] + ("A" if ids[name][-1] != "A" else "B") for name in ("confirm", "leave")}


@pytest.mark.parametrize("name", PRINCIPALS)
def test_foreign_is_absent_on_every_address(sides, visitors, name):
    here, there = ("globex", "acme") if name in THEIRS else ("acme", "globex")
    own, theirs = sides[here], foreign_ids(sides[there].ids)
    hidden = sides[there].secrets + (sides[here].secrets if name in NOBODYS else ())
    for route, names in ROUTES.items():
        for method in ("GET", "POST"):
            queries = QUERIES.get(route, ()) if method == "GET" else ()
            questions = [(f"{route}?{query}", names) for query in queries] + [(route, names)]
            for question, parts in questions:
                case = (name, method, question)
                asked = ask_for(question, parts, own.ids, theirs)
                answers = {}
                for whose, (path, used) in asked.items():
                    if method == "POST" and whose == "own":
                        continue  # pressing the buttons of one's own pages is for other tests
                    told = visit(visitors[name], path, method)
                    secrets = sides[there].secrets if route.startswith("/mail/") else hidden
                    assert not leaked(told, secrets, used), case
                    assert told.status < 500 or route == "/readyz", case
                    answers[whose] = but(told, used)
                if "foreign" in answers:
                    assert answers["foreign"] == answers["absent"], case
                if method == "GET" and name in READ_BY.get(question, ()):
                    assert answers["own"].status == 200, case


def ask_for(
    question: str, names: tuple[str, ...], own: dict[str, str], theirs: dict[str, str]
) -> dict[str, tuple[str, dict[str, str]]]:
    """The address with one's own ids, with another's and with nobody's. A query is asked at one's own address."""
    route, _, query = question.partition("?")
    if not query:
        sets = {"own": own, "foreign": theirs, "absent": ABSENT} if names else {"own": own}
        return {whose: filled(route, names, ids) for whose, ids in sets.items()}
    path, named = filled(route, names, own)
    found = {}
    for whose, ids in (("own", own), ("foreign", theirs), ("absent", ABSENT)):
        used = {part: ids[part] for part in re.findall(r"\{(\w+)\}", query)}
        found[whose] = (f"{path}?{query.format(**used)}", named | used)
    return found


@pytest.mark.parametrize("name", ["anonymous", "ana", "bruno", "key"])
def test_the_console_is_closed_to_whoever_is_no_administrator(sides, visitors, name):
    """Every address of it, whatever it names: to the sign-in, and not a word of anybody."""
    with wall.tenant(sides["acme"].tenant):
        own = str(Membership.objects.order_by("pk")[0].pk)
    with wall.tenant(sides["globex"].tenant):
        other = str(Membership.objects.order_by("pk")[0].pk)
    hidden = sides["globex"].secrets + sides["acme"].secrets
    console = [plain(address) for address in addresses() if address.startswith("/admin/")]
    assert len(console) > 100
    for route in console:
        route = re.sub(r"\{app_label\}|tenants\|.*(?=/)", "sync", route)
        for method in ("GET", "POST"):
            answers = []
            for key in (own, other, "987654321"):
                path = re.sub(r"\{\w+\}", key, route)
                told = visit(visitors[name], path, method)
                if not path.startswith(("/admin/login/", "/admin/logout/")):
                    assert told.status in (302, 404, 405, 403), (path, method, told.status)
                    assert not leaked(told, hidden, {}), (path, method)
                answers.append(but(told, {"key": key}))
                if "{" not in route:
                    break
            assert all(answer == answers[0] for answer in answers), (route, method)


def test_the_marks_would_be_seen(sides, visitors):
    """The other way round: each tenant's own marks are there for its own people, so a leak could be seen."""
    for name, slug in (("ana", "acme"), ("carla", "globex")):
        mark = canary(slug)
        pages = [f"/t/{slug}/", f"/t/{slug}/calls.csv", "/api/v1/environments/", "/api/v1/agents/", "/api/v1/calls/"]
        for path in pages:
            assert mark in visit(visitors[name], path).body, path
        for path in pages[1:2] + pages[4:]:
            assert NUMBERS[slug] in visit(visitors[name], path).body, path
    for name, slug in (("sales-key", "acme"), ("their-key", "globex")):
        for path in ("/calls", "/agents", "/campaigns", "/callback-agents", "/callback-agents/stats"):
            assert canary(slug) in visit(visitors[name], TALKOVER + path).body, path


def test_the_same_vendors_ids_are_two_things(sides, visitors):
    """A call, an agent and a campaign that both tenants have under one id: each key reads its own."""
    for name, slug, other in (("sales-key", "acme", "globex"), ("their-key", "globex", "acme")):
        for path in ("/agents/agent-1", "/agents/agent-1/calls", "/campaigns/campaign-1"):
            told = visit(visitors[name], TALKOVER + path)
            assert (told.status, canary(slug) in told.body) == (200, True), path
            assert not leaked(told, sides[other].secrets, {}), path
    ids = {UUID(sides[slug].ids["call"]) for slug in sides}
    assert len(ids) == 2
