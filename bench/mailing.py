"""What ``bench.mails`` does through Ringbook itself: seeding, and each way to make and send. Prints a JSON line."""

import cProfile
import gc
import json
import os
import pstats
import sys
import time
from collections import Counter
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.db import connection  # noqa: E402

from bench.memory import resident  # noqa: E402
from portal.accounts.members import add_member, add_person, whole  # noqa: E402
from portal.outbox import post, rounds  # noqa: E402
from portal.outbox.models import Message  # noqa: E402
from portal.tenants import wall  # noqa: E402
from portal.tenants.models.grants import Grant  # noqa: E402
from portal.tenants.models.people import Role  # noqa: E402
from portal.tenants.models.tenants import Environment, Tenant  # noqa: E402
from reports.columns.refresh import rebuild  # noqa: E402
from reports.mail import deliveries, links, send  # noqa: E402
from reports.mail.cupboard import Cupboard  # noqa: E402
from reports.mail.making import make  # noqa: E402
from reports.mail.models import Delivery, Recipient, Subscription  # noqa: E402
from reports.mail.rights import scope_of  # noqa: E402
from reports.mail.subscriptions import add_recipient, create_weekly  # noqa: E402
from sync.models.calls import Call  # noqa: E402
from tests.reports.mail.conftest import DUE, mirror  # noqa: E402

EACH = 1000  # mails between two looks at the memory
ROOMS = {
    "queries": ("django/db", "psycopg", "duckdb"),
    "templates": ("django/template", "django/utils", "templates/"),
    "MJML": ("mrml",),
    "Ringbook": ("/portal/", "/reports/", "/sync/"),
}


def seed(companies: int, readers: int) -> dict:
    for number in range(companies):
        slug = f"c{number:03}"
        tenant = Tenant.objects.create(slug=slug, name=f"Company {number}", zone="America/Sao_Paulo", language="pt-br")
        owner = f"owner@{slug}.example"
        add_member(tenant, add_person(owner), whole(Role.OWNER))
        with wall.tenant(tenant):
            both = [
                Environment.objects.create(tenant=tenant, name=name, provider="talkover") for name in ("Sales", "Care")
            ]
            for environment in both:
                mirror(environment, scale=2)
                rebuild(environment)
        mail = create_weekly(tenant, owner, "en", since=DUE - timedelta(days=1))
        with wall.tenant(tenant):
            for place in range(1, readers):
                narrow, outside = place % 4 == 0, place % 2
                language, email = ("pt-br", "en")[place % 4 < 2], f"reader{place}@{slug}.example"
                grant = Grant.objects.create(tenant=tenant, all_environments=not narrow)
                grant.environments.set(both[:1] if narrow else [])
                if not outside:
                    membership = add_member(tenant, add_person(email), whole(Role.VIEWER))
                    type(membership).objects.filter(pk=membership.pk).update(grant=grant)
                add_recipient(mail, email, language=language, grant=grant if outside else None)
            Recipient.objects.update(confirmed_at=DUE - timedelta(days=2))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with wall.every_tenant("the bench"):
        return {"calls": Call.objects.count()}


def attach() -> dict:
    with wall.every_tenant("the bench"):
        return {"mails": Subscription.objects.update(attachments=["xlsx"])}


def forget() -> dict:
    """As if nothing had been made yet, nor any question for consent asked."""
    with wall.every_tenant("the bench"):
        Delivery.objects.all().delete()
        Message.objects.all().delete()
        return {"mails": Subscription.objects.update(next_due=DUE, last_period_start=None)}


class Queries:
    """Counts statements."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, execute, sql, params, many, context):
        self.number += 1
        return execute(sql, params, many, context)


def of(first: int, last: int) -> list[Tenant]:
    return list(Tenant.objects.order_by("slug")[first:last])


def ours(first: int, last: int) -> dict:
    """Each company's mails made, then sent: what the two tasks of a worker do, one after the other."""
    made, sent, seconds, queries, memory = 0, 0, Counter(), Queries(), {}
    for tenant in of(first, last):
        with wall.tenant(tenant):
            began = time.perf_counter()
            keys: list[int] = []
            with connection.execute_wrapper(queries):
                send.send_tenant(DUE, lambda _tenant, key, keys=keys: keys.append(key))
            middle = time.perf_counter()
            states = rounds.finish_round()
            seconds.update(made=middle - began, left=time.perf_counter() - middle)
            made += len(keys)
            sent += sum(state == "sent" for state in states.values())
        if made // EACH > len(memory):
            memory[made] = round(resident())
    return told(made, sent, seconds, queries) | {"memory": memory | {made: round(resident())}}


def naive(first: int, last: int) -> dict:
    """Everything asked anew for each reader, and a connection for each mail."""
    made, sent, seconds, queries = 0, 0, Counter(), Queries()
    for tenant in of(first, last):
        with wall.tenant(tenant):
            deliveries.open_due(DUE)
            for delivery in deliveries.waiting(DUE):
                began = time.perf_counter()
                with connection.execute_wrapper(queries):
                    deliveries.claim(delivery)
                    message = _made(delivery).put(delivery, reference=f"report:{delivery.public_id}", rule="report")
                    deliveries.settle(delivery, "posted", message=message)
                middle = time.perf_counter()
                made, sent = made + 1, sent + (post.deliver(message.pk) == "sent")
                seconds.update(made=middle - began, left=time.perf_counter() - middle)
    return told(made, sent, seconds, queries)


def _made(delivery: Delivery):
    scope, cupboard = scope_of(delivery.recipient, delivery.subscription), Cupboard(DUE)
    cupboard.demand_something(delivery, scope)
    cupboard.complete(delivery, scope)
    return make(delivery, scope, DUE, cupboard=cupboard, leave_url=links.address(delivery.recipient, links.LEAVE))


def told(made: int, sent: int, seconds: Counter, queries: Queries) -> dict:
    if made == 0:
        sys.exit("nothing was due")
    rates = {"made": made / seconds["made"], "left": sent / seconds["left"]}
    return {"mails": made, "sent": sent, **rates, "queries": queries.number / made}


def profile(first: int, last: int) -> dict:
    """Of the time of making, how much of a hundred goes where."""
    watch, made = cProfile.Profile(), []
    for tenant in of(first, last):
        with wall.tenant(tenant):
            watch.enable()
            send.send_tenant(DUE, lambda _tenant, key: made.append(key))
            watch.disable()
    spent: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for (file, line, name), (_calls, _own, inside, *_more) in pstats.Stats(watch).stats.items():
        text = f"{file}:{name}"
        spent[next((room for room, words in ROOMS.items() if any(word in text for word in words)), "other")] += inside
        lines[f"{'/'.join(file.split('/')[-2:])}:{line}:{name}"] += inside
    whole = sum(spent.values())
    rooms = {name: round(100 * part / whole, 1) for name, part in spent.most_common()}
    return {"rooms": rooms, "lines": {name: round(100 * part / whole, 1) for name, part in lines.most_common(25)}}


if __name__ == "__main__":
    gc.freeze()  # as a worker does
    ways = {way.__name__: way for way in (seed, attach, forget, ours, naive, profile)}
    print(json.dumps(ways[sys.argv[1]](*map(int, sys.argv[2:]))))
