"""The memory of one web worker while eight readers open the widest overview at once. Prints one JSON line.

A process of its own, so that its memory is its own; ``python -m bench.reports`` runs it. Every reader is a member with
a grant of his own, as one reader alone may not ask so much at once.
"""

import argparse
import json
import os
import threading
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from bench.memory import Growth  # noqa: E402
from bench.seeding import SLUG  # noqa: E402
from portal.accounts.members import add_member, add_person, whole  # noqa: E402
from portal.lib.heap import share_one_heap  # noqa: E402
from portal.tenants import wall  # noqa: E402
from portal.tenants.models.people import Membership, Role, User  # noqa: E402
from portal.tenants.models.tenants import Tenant  # noqa: E402


def signed_in(number: int) -> Client:
    tenant, email = Tenant.objects.get(slug=SLUG), f"reader{number}@ringbook.example"
    with wall.tenant(tenant):
        if not Membership.objects.filter(user__email=email).exists():
            add_member(tenant, add_person(email), whole(Role.OWNER))
    client = Client(headers={"host": "127.0.0.1"}, raise_request_exception=False)
    client.force_login(User.objects.get(email=email))
    return client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--readers", type=int, default=8)
    asked = parser.parse_args()
    share_one_heap()  # as a web process does
    clients = [signed_in(number) for number in range(asked.readers)]
    clients[0].get(f"/t/{SLUG}/settings/")  # the worker has its templates and routes, and idles
    statuses: list[int] = []
    together = threading.Barrier(asked.readers)

    def read(client: Client) -> None:
        together.wait()
        statuses.append(client.get(asked.address).status_code)
        connection.close()

    threads = [threading.Thread(target=read, args=(client,)) for client in clients]
    memory, began = Growth(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "mb": memory.peak(), "statuses": statuses}))


if __name__ == "__main__":
    main()
