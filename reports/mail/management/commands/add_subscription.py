"""Schedule a mail, as an administrator at the console."""

from argparse import ArgumentParser
from datetime import UTC
from typing import Any

from django.core.management.base import CommandError

from portal.tenants import wall
from portal.tenants.command import DONE, find_tenant, identifier
from portal.tenants.command import Command as BaseCommand
from reports.mail.plans import EVERY, LANGUAGES, read_plan
from reports.mail.rights import at_the_console
from reports.mail.subscriptions import create
from reports.queries.question import QuestionError

OPTIONS = ("every", "weekday", "hour", "zone", "language", "to", "environment")


class Command(BaseCommand):
    help = "Schedule a mail. Members read by their own rights; any other address is asked first, by mail."
    always_json = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--to", required=True, action="append", metavar="EMAIL", help="may be repeated")
        parser.add_argument(
            "--environment", type=identifier, action="append", default=[], metavar="UUID", help="all by default"
        )
        parser.add_argument("--every", choices=tuple(EVERY), default="week")
        parser.add_argument("--weekday", help="of a weekly mail, 1 for Monday (the default) to 7")
        parser.add_argument("--hour", default="8", help="0 to 23; 8 by default")
        parser.add_argument("--zone", help="IANA time zone; the tenant's by default")
        parser.add_argument("--language", choices=LANGUAGES, help="the tenant's by default")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = find_tenant(options["tenant"])
        values = {name: options[name] for name in OPTIONS if options[name] is not None}
        values["environments"] = [str(public_id) for public_id in values.pop("environment")]
        with wall.tenant(tenant):
            author = at_the_console(tenant)
            try:
                subscription = create(read_plan(values, author), author)
            except QuestionError as error:
                name, text = next(iter(error.errors.items()))
                raise CommandError(f"--{name.removesuffix('s')}: {text}") from error
        due = subscription.next_due
        next_due = None if due is None else due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.finish(DONE, {"subscription": str(subscription.public_id), "next_due": next_due})
