"""Tenants: Acme and Globex hold the same vendors' ids and marks of their own, one is empty, one closed.

Every text of a tenant begins with its :func:`canary`. Texts of Acme that only some of its own people may see have one
more word: ``-second`` is the name of the environment that a reader of one environment may not see, ``-care`` stands at
what is in it, ``-hidden`` at the agent that a reader of one agent may not see.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import time_machine
from allauth.mfa.models import Authenticator
from django.utils.http import int_to_base36

from portal.accounts import visits
from portal.accounts.keys import NewKey, issue_key, revoke_key
from portal.accounts.models import Invitation, Session
from portal.audit.record import record
from portal.privacy.models import Removal, Retention
from portal.privacy.registry import DataClass
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey, digest
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Environment, Tenant
from reports.alerts.models import Alert, WebhookPost
from reports.annotations.models import CallNote
from reports.columns.refresh import refresh_tenant
from reports.files import folder
from reports.files.models import Export, State
from reports.handover.models import Destination, ExportSchedule, FileReader, Handover
from reports.mail import links
from reports.mail.models import Delivery, Recipient, Subscription
from reports.mail.subscriptions import add_recipient, create_weekly
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from reports.saved.models import Board, BoardPlace, SavedView, ShareLink, ViewOf
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.calls import Call
from sync.models.campaigns import Campaign, CampaignCall
from sync.models.connections import Connection
from sync.models.runs import Gap, Window
from tests import databases, factories
from tests.conftest import member
from tests.walls.rows import MODELS, row_of

NOW = datetime(2026, 7, 10, 15, tzinfo=UTC)
DAYS = [date(2026, 7, day) for day in range(1, 11)]
TALKOVER, ORIGINSAI = "/vendor/talkover/api/v1", "/vendor/originsai/api"
VENDORS = ("talkover", "originsai")

# National digits that only one tenant's numbers begin with; of a hidden agent's and of the other environment, too.
NUMBERS = {"acme": "11987654321", "globex": "41912345678"}
APART = {"acme": {"-care": "11955554321", "-hidden": "11944444321"}, "globex": {"-care": "41955555678"}}
CALLS = {"acme": 7, "globex": 11}  # of one agent: sums betray whose they are
ABSENT = {
    "tenant": "nobody",
    "slug": "nobody/",
    "environment": str(uuid4()),
    "agent": str(uuid4()),
    "campaign": str(uuid4()),
    "export": str(uuid4()),
    "mail": str(uuid4()),
    "reader": str(uuid4()),
    "alert": str(uuid4()),
    "schedule": str(uuid4()),
    "handover": str(uuid4()),
    "destination": str(uuid4()),
    "post": str(uuid4()),
    "delivery": str(uuid4()),
    "call": str(uuid4()),
    "note": str(uuid4()),
    "view": str(uuid4()),
    "report": str(uuid4()),
    "board": str(uuid4()),
    "share_link": str(uuid4()),
    "shared": "nobodys-link",
    "contact_id": "Q" * 32,
    "number": "21900000000",
    "agent_key": "agent-nobody",
    "campaign_key": "campaign-nobody",
    "agent_number": "7999",
    "uidb36": int_to_base36(2_000_000_000),
    "key": "set-password",
    "passkey": "987654321",
    "session": "0" * 64,
    "confirm": "1-1-1.1abc.nobody",
    "leave": "1-1-1.1abc.nobody",
    "row": "987654321",
    "member": str(uuid4()),
    "api_key": str(uuid4()),
    "connection": str(uuid4()),
    "invitation": str(uuid4()),
    "vendor": "talkover",
}


@dataclass(frozen=True)
class Side:
    """A tenant with what it holds: ids by the names that addresses give them, and what nobody else may read."""

    tenant: Tenant
    ids: dict[str, str]
    secrets: tuple[str, ...]


@dataclass(frozen=True)
class Companies:
    sides: dict[str, Side]
    people: dict[str, User]  # by the principal's name
    keys: dict[str, str]  # secrets, by the principal's name


def canary(slug: str) -> str:
    return f"CANARY-{slug}"


def hidden_marks(slug: str, word: str) -> tuple[str, ...]:
    """What stands in texts and numbers that are marked with ``word``."""
    return tuple(filter(None, (f"{canary(slug)}{word}", APART[slug].get(word))))


@databases.world
def five_companies() -> Iterator[Companies]:
    """Two that are full, one that is empty, one that is closed; who reads there, and their keys.

    A deleted one is a slug that nobody has: ``nobody``, in :data:`ABSENT`.
    """
    with time_machine.travel(NOW, tick=False):
        acme, globex, empty, closed = (
            Tenant.objects.create(slug=slug, name=canary(slug), zone=zone, language=language, active=slug != "closed")
            for slug, zone, language in (
                ("acme", "America/Sao_Paulo", "pt-br"),
                ("globex", "Asia/Kathmandu", "en"),
                ("initech", "UTC", "en"),
                ("closed", "UTC", "en"),
            )
        )
        sales, care, foreign, _ = (environment(tenant, name) for tenant in (acme, globex) for name in VENDORS)
        people = {
            "owner": member(acme, "owner@acme.example", Role.OWNER, numbers=True),
            "manager": member(acme, "manager@acme.example", Role.MANAGER, numbers=True),
            "viewer": member(acme, "viewer@acme.example", Role.VIEWER),
            "one-environment": member(acme, "sales@acme.example", Role.VIEWER, sales),
            "one-agent": member(acme, "agent@acme.example", Role.VIEWER),
            "both": member(acme, "both@agency.example", Role.VIEWER),
            "ex-member": member(acme, "former@people.example", Role.OWNER, numbers=True),
            "their-owner": member(globex, "owner@globex.example", Role.OWNER, numbers=True),
            "empty-owner": member(empty, "owner@initech.example", Role.OWNER, numbers=True),
            "closed-owner": member(closed, "owner@closed.example", Role.OWNER, numbers=True),
            "administrator": User.objects.create_superuser("root@ringbook.example", "correct horse battery"),
            "visitor": User.objects.create_superuser("visitor@ringbook.example", "correct horse battery"),
        }
        people["held"] = people["both"]
        with wall.tenant(globex):
            grant = Grant.objects.create(tenant=globex, sees_numbers=True)
            Membership.objects.create(tenant=globex, user=people["both"], role=Role.OWNER, grant=grant)
        sides = {
            "acme": fill(acme, "acme-only", people["owner"]),
            "globex": fill(globex, "globex-only", people["their-owner"]),
        }
        with wall.tenant(acme):
            narrow = Grant.objects.filter(pk=Membership.objects.get(user=people["one-agent"]).grant_id)
            narrow.update(agent_keys=["agent-1", "agent-acme-only"])
            Membership.objects.filter(user=people["ex-member"]).delete()
        keys = {
            "key": issue_key(acme, NewKey("viewer")),
            "manager-key": issue_key(acme, NewKey("manager", role=Role.MANAGER, sees_numbers=True)),
            "owner-key": issue_key(acme, NewKey("owner", role=Role.OWNER, sees_numbers=True)),
            "sales-key": issue_key(acme, NewKey("sales", environment=sales, sees_numbers=True)),
            "care-key": issue_key(acme, NewKey("care", environment=care, sees_numbers=True)),
            "their-key": issue_key(globex, NewKey("theirs", environment=foreign, sees_numbers=True)),
            "closed-key": issue_key(closed, NewKey("closed", role=Role.OWNER, sees_numbers=True)),
            "revoked-key": issue_key(acme, NewKey("old", environment=sales, sees_numbers=True)),
            "expired-key": issue_key(acme, NewKey("over", expires_at=NOW - timedelta(days=1))),
        }
        revoke_key(keys["revoked-key"][0])
        for tenant in (acme, globex):
            with wall.tenant(tenant):
                refresh_tenant()
        visits.begin(acme, "A visit of the world", user=people["visitor"], address=None)
    yield Companies(sides, people, {name: secret for name, (_key, secret) in keys.items()})


def environment(tenant: Tenant, provider: str) -> Environment:
    word = "-second" if provider == "originsai" else "-first"
    with wall.tenant(tenant):
        return Environment.objects.create(tenant=tenant, name=f"{canary(tenant.slug)}{word}", provider=provider)


def fill(tenant: Tenant, only: str, owner: User) -> Side:
    """What the tenant's environments hold, a mail with a reader, a file, and a row of every other table."""
    slug = tenant.slug
    with wall.tenant(tenant):
        sales, care = (Environment.objects.select_related("tenant").get(provider=name) for name in VENDORS)
        agent, call = _stock(sales, only)
        _stock(care, _numeric(slug))
        subscription = create_weekly(tenant, owner.email, "en", name=canary(slug))
        recipient = add_recipient(subscription, f"guest@{slug}.example", language="en")
        tokens = {purpose: links.address(recipient, purpose).rsplit("/", 1)[1] for purpose in ("confirm", "leave")}
        export = _file(tenant, owner, sales)
        delivery = Delivery.objects.create(
            tenant=tenant, subscription=subscription, recipient=recipient, period_start=DAYS[0], period_end=DAYS[7],
            zone="UTC", due_at=NOW, held_until=NOW,
        )  # fmt: skip
        alert = Alert.objects.create(
            tenant=tenant, name=canary(slug), when="below", metric="attempts", value=1, over="today", zone="UTC",
            grant=Grant.objects.create(tenant=tenant), creator=owner,
        )  # fmt: skip
        destination = Destination.objects.create(
            tenant=tenant, name=canary(slug), host=f"{slug}.example", login=canary(slug), secret=canary(slug)
        )
        schedule = ExportSchedule.objects.create(
            tenant=tenant, name=canary(slug), format="csv", language="en", zone="UTC", creator=owner,
            grant=Grant.objects.create(tenant=tenant),
        )  # fmt: skip
        FileReader.objects.create(tenant=tenant, schedule=schedule, user=owner)
        handover = Handover.objects.create(
            tenant=tenant, schedule=schedule, period_start=DAYS[0], period_end=DAYS[1], zone="UTC", due_at=NOW,
            held_until=NOW, state="sent", export=export,
        )  # fmt: skip
        Retention.objects.create(tenant=tenant, what=DataClass.RECORDINGS)  # the page knows these words alone
        Removal.objects.create(tenant=tenant, what=DataClass.RECORDINGS, day=DAYS[0], before=NOW, amount=1)
        record("key.created", tenant_id=tenant.pk, user=owner, about={"key": canary(slug)})
        rows: dict[type, Any] = {
            Environment: sales,
            Connection: Connection.objects.get(environment=sales),
            Alert: alert,
            ExportSchedule: schedule,
            Destination: destination,
        }
        for model in MODELS:
            if not model.objects.exists():
                row_of(model, tenant, rows)
        note = CallNote.objects.create(tenant=tenant, call=call, text=f"{canary(slug)}-sales", author=owner)
        view = SavedView.objects.create(tenant=tenant, owner=owner, name=canary(slug), query="status=completed")
        report = SavedView.objects.create(
            tenant=tenant, owner=owner, page=ViewOf.REPORT, name=canary(slug), query="metrics=attempts", shared=True
        )
        board = Board.objects.create(tenant=tenant, owner=owner, name=canary(slug), shared=True)
        BoardPlace.objects.create(tenant=tenant, board=board, view=report, place=1)
        shared = ShareLink.objects.create(
            tenant=tenant, view=report, maker=owner, digest=digest(f"link-{slug}"), embeds=True,
            grant=Grant.objects.create(tenant=tenant), expires_at=NOW + timedelta(days=7),
        )  # fmt: skip
        holder = User.objects.create_user(f"holder@{slug}.example")
        passkey = Authenticator.objects.create(
            user=holder, type=Authenticator.Type.WEBAUTHN, data={"name": canary(slug)}
        )
        session = Session.objects.create(
            session_key=f"{owner.pk:064x}", user=owner, browser=canary(slug), expire_date=NOW + timedelta(days=7),
            begun_at=NOW, seen_at=NOW,
        )  # fmt: skip
        campaign = Campaign.objects.get(environment=sales, agent=agent)
        membership = Membership.objects.order_by("pk")[0]
        invitation = row_of(Invitation, tenant, {})
        api_key = ApiKey.objects.order_by("pk")[0]
        connection = Connection.objects.order_by("pk")[0]
        held = (
            Environment,
            Agent,
            Call,
            Campaign,
            Subscription,
            Recipient,
            Alert,
            WebhookPost,
            ExportSchedule,
            Handover,
            Destination,
            Delivery,
            Export,
            SavedView,
            Board,
            ShareLink,
            CallNote,
            ApiKey,
        )
        posted = str(WebhookPost.objects.get().public_id)
        public = [str(key) for model in held for key in model.objects.values_list(_public(model), flat=True)]
        emails = Membership.objects.exclude(user__email__startswith="both@").values_list("user__email", flat=True)
        secrets = (canary(slug), session.session_key, *_numbers(slug), *public, *emails, f"guest@{slug}.example")
    ids = {
        "tenant": slug,
        "slug": f"{slug}/",
        "environment": str(sales.public_id),
        "agent": str(agent.public_id),
        "campaign": str(campaign.public_id),
        "call": str(call.pk),
        "note": str(note.public_id),
        "view": str(view.public_id),
        "report": str(report.public_id),
        "board": str(board.public_id),
        "share_link": str(shared.public_id),
        "shared": f"link-{slug}",
        "contact_id": contact_id(f"55{NUMBERS[slug]}", Scope(tenant.pk, "UTC", frozenset())),
        "export": str(export.public_id),
        "mail": str(subscription.public_id),
        "reader": str(recipient.public_id),
        "alert": str(alert.public_id),
        "schedule": str(schedule.public_id),
        "handover": str(handover.public_id),
        "destination": str(destination.public_id),
        "post": posted,
        "delivery": str(delivery.public_id),
        "number": NUMBERS[slug],
        "agent_key": f"agent-{only}",
        "campaign_key": f"campaign-{only}",
        "agent_number": _numeric(slug),
        "uidb36": int_to_base36(owner.pk),
        "key": "set-password",
        "passkey": str(passkey.pk),
        "session": session.session_key,
        "row": str(membership.pk),
        "member": str(membership.public_id),
        "api_key": str(api_key.public_id),
        "connection": str(connection.public_id),
        "invitation": str(invitation.public_id),
        "vendor": "talkover",
        **tokens,
    }
    return Side(tenant, ids, secrets)


def _numeric(slug: str) -> str:
    return "7001" if slug == "acme" else "7002"


def _numbers(slug: str) -> tuple[str, ...]:
    return NUMBERS[slug], *APART[slug].values()


def _stock(environment: Environment, only: str) -> tuple[Agent, Call]:
    """Agents, calls, a campaign and callbacks: ids alike in both tenants, and some, ending in ``only``, of this one."""
    slug, tenant_id = environment.tenant.slug, environment.tenant_id
    care = environment.provider == "originsai"
    pairs = [("7", "call-1", ""), (only, f"call-{only}", "")] if care else [("agent-1", "call-1", "")]
    pairs += [] if care else [(f"agent-{only}", f"call-{only}", ""), ("agent-2", "call-2", "-hidden")]
    made = [_agent_with_calls(environment, "-care" if care else word, agent, call) for agent, call, word in pairs]
    common = {"tenant_id": tenant_id, "environment": environment}
    mark = f"{canary(slug)}{'-care' if care else '-sales'}"
    for day in DAYS:
        CallbackDay.objects.create(
            day=day, received=CALLS[slug], answered=5, unmatched=1, payload="{}", digest=b"0" * 16, changed_at=NOW,
            sources=[{"agent": "agent-1", "name": mark, "count": CALLS[slug]}], **common,
        )  # fmt: skip
        for stream in ("calls", "callbacks"):
            read_at = NOW - timedelta(minutes=5)
            Window.objects.create(stream=stream, part=str(day), day=day, state="complete", read_at=read_at, **common)
    before = date(2026, 7, 7)
    Gap.objects.create(
        stream="calls", part=f"{before}", day=before, fault="server", detail=mark, opened_at=NOW, **common
    )
    Connection.objects.create(
        provider=environment.provider, token=f"token-{mark}", base_url=f"https://{mark.lower()}.example", since=DAYS[0],
        settings={"agents": f"{_numeric(slug)}:{mark}"} if care else {}, **common,
    )  # fmt: skip
    return made[0]


def _agent_with_calls(environment: Environment, word: str, agent_key: str, call_key: str) -> tuple[Agent, Call]:
    slug, tenant_id = environment.tenant.slug, environment.tenant_id
    mark, number = f"{canary(slug)}{word}", f"+55{APART[slug].get(word, NUMBERS[slug])}"
    told = {"id": call_key, "call_id": call_key, "name": mark, "to": number, "to_number": number, "transcript": mark}
    told |= {"created_at": "2026-07-08T15:00:00Z", "agent": {"id": agent_key, "name": mark}}
    element = json.dumps(told)
    texts = {"name": mark, "label": mark, "payload": element, "callback_payload": element}
    agent = factories.agent(environment, agent_key, takes_callbacks=True, **texts)
    with factories.at_once():
        call, *_more = [
            factories.call(
                environment, call_key if not turn else f"{call_key}-{turn}", agent=agent, raw=element, to_number=number,
                hangup_cause=mark, started_at=factories.TIME_ZERO - timedelta(minutes=turn),
            )
            for turn in range(CALLS[slug])
        ]  # fmt: skip
    campaign = Campaign.objects.create(
        tenant_id=tenant_id, environment=environment, external_id=agent_key.replace("agent", "campaign"), name=mark,
        status="active", agent=agent, payload=element, detail_payload=element, changed_at=NOW,
    )  # fmt: skip
    CampaignCall.objects.create(tenant_id=tenant_id, environment=environment, campaign=campaign, call_key=call_key)
    return agent, call


def _file(tenant: Tenant, owner: User, environment: Environment) -> Export:
    """A file that is ready, with the tenant's mark in its name, its title and itself."""
    mark = canary(tenant.slug)
    name = uuid4().hex
    with folder.draft(tenant.pk, name, lambda: None) as draft:
        draft.write(f"{mark},{NUMBERS[tenant.slug]}\n".encode())
        size, digest = draft.publish()
    return Export.objects.create(
        tenant=tenant, user=owner, what="calls", format="csv", dialect="excel", language="en", title=mark,
        name=f"{mark}.csv", file=name, bytes=size, sha256=digest, done=1, complete=True, state=State.READY, as_of=NOW,
        finished_at=NOW, expires_at=NOW + timedelta(days=7),
        rights={"environments": [environment.pk], "agents": None, "numbers": True},
    )  # fmt: skip


def _public(model: type) -> str:
    return "public_id" if any(field.name == "public_id" for field in model._meta.fields) else "pk"
