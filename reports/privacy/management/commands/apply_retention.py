"""Take away now what a company has kept long enough, or only tell what that would be."""

from argparse import ArgumentParser
from typing import Any

from portal.privacy.models import Removal, Retention
from portal.privacy.registry import DataClass
from portal.privacy.retention import days_of
from portal.tenants import wall
from portal.tenants.command import DONE, NOT_COMPLETE, find_tenant
from portal.tenants.command import Command as BaseCommand
from portal.tenants.models.tenants import Tenant
from portal.work.clock import database_now
from reports.privacy.retention import nightly
from reports.privacy.retention.preview import preview
from reports.privacy.retention.space import give_back


class Command(BaseCommand):
    help = (
        "Take away what a company has kept for as many days as its owner said, without waiting for the night. Calls "
        "and figures stay. With --preview nothing goes: it only tells what would."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--preview", action="store_true", help="only tell what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = find_tenant(options["tenant"])
        with wall.tenant(tenant):
            if options["preview"]:
                self._preview(tenant)
                return
            rules = Retention.objects.filter(days__isnull=False)
            rules.update(due_at=database_now())
            done = [nightly.work(pk, turn=None) for pk in nightly.in_order(rules)]
            today = database_now().astimezone(tenant.tzinfo).date()
            amounts = dict(Removal.objects.filter(day=today).values_list("what", "amount"))
        give_back()
        if not self._json:
            told = [f"{what.value}: {amounts[what]} today" for what in DataClass if what in amounts]
            self.stdout.write("\n".join(told) or "Nothing went.")
            if not all(done):
                self.stdout.write("Another process is at some of it already.")
        self.finish(DONE if all(done) else NOT_COMPLETE, {"status": "done" if all(done) else "waiting", **amounts})

    def _preview(self, tenant: Tenant) -> None:
        made = preview(tenant, days_of(tenant.pk), database_now())
        if not self._json:
            lines = [f"{each.what.value}: {each.total} of before {each.since:%Y-%m-%d %H:%M %Z}" for each in made]
            self.stdout.write("\n".join(lines) or "Everything is kept for good.")
        self.finish(DONE, {each.what.value: each.total for each in made})
