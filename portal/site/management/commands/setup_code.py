"""Tell the code that opens an empty portal, where `serve` is not what starts it."""

from typing import Any

from portal.site.setup import invitation_to_set_up
from portal.tenants.command import Command as BaseCommand


class Command(BaseCommand):
    help = "Tells a new code for the first page of an empty portal. Of one that has people nothing is told."

    def handle(self, *args: Any, **options: Any) -> None:
        if told := invitation_to_set_up():
            self.stdout.write(told)
