"""The lists of the loaded calls, asked as the role that DATABASE_URL names. Prints one JSON line of milliseconds."""

import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from portal.tenants import row_security, wall  # noqa: E402
from portal.tenants.models.tenants import Environment, Tenant  # noqa: E402
from reports.queries.calls.lists import page  # noqa: E402
from reports.queries.question import CallQuestion, read_calls  # noqa: E402
from reports.queries.scope import Scope  # noqa: E402
from sync.models.calls import Call  # noqa: E402

REPEATS = 40


def main() -> None:
    tenant = Tenant.objects.get(slug="bench")
    with wall.tenant(tenant):
        environments = frozenset(Environment.objects.values_list("pk", flat=True))
        scope = Scope(tenant.pk, tenant.zone, environments, sees_numbers=True)
        number = Call.objects.exclude(contact="").order_by("started_at").values_list("contact", flat=True)[1000]
        deep = page(CallQuestion(), scope, size=500).next

        def of(**filters: str) -> Callable[[], object]:
            question = read_calls(filters, scope)
            return lambda: page(question, scope)

        asked = {
            "calls, first page": of(),
            "calls, 500 deep": lambda: page(CallQuestion(), scope, cursor=deep),
            "calls, by last change": lambda: page(CallQuestion(), scope, ordering="-changed_at"),
            "calls answered, of a week": of(date_from="2026-01-05", date_to="2026-01-11", outcome="connected"),
            "number, exact": of(number=number, number_match="exact"),
            "number, begins": of(number=number[:10], number_match="begins"),
            "number, ends": of(number=number[-6:], number_match="ends"),
            "number, contains": of(number=number[3:10], number_match="contains"),
        }
        told: dict[str, Any] = {"in force": row_security.in_force()}
        for name, ask in asked.items():
            ask()
            seconds = []
            for _ in range(REPEATS):
                began = time.perf_counter()
                ask()
                seconds.append(time.perf_counter() - began)
            told[name] = statistics.median(seconds) * 1000
    print(json.dumps(told))


if __name__ == "__main__":
    main()
