"""One pass of the sweeper."""

from typing import Any

from portal.outbox.tasks import sweep_outbox
from portal.site import alarms
from portal.tenants.command import DONE
from portal.tenants.command import Command as BaseCommand
from reports.files.tasks import sweep_exports
from reports.privacy.erasing import sweep as sweep_erasures
from reports.privacy.retention.nightly import sweep as sweep_retention
from sync.reading.sweep import forget_old_runs, recheck, sweep
from sync.tasks import hint_due


class Command(BaseCommand):
    help = (
        "End runs whose process is gone, and hint the workers at what is due: streams to read, mails to send, "
        "files to make. Tells administrators what is wrong."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        ended, forgotten, hinted, mails = sweep(), forget_old_runs(), hint_due(), sweep_outbox()
        exports, erased, retained = sweep_exports(), sweep_erasures(), sweep_retention()
        recheck()
        alarms.watch()
        alarms.deliver_where_nobody_does()
        if not self._json:
            self.stdout.write(
                f"{ended} runs ended, {hinted} streams due, {mails} mails issued again, "
                f"{exports} files to be made again, {forgotten} old runs forgotten, {erased} persons erased, "
                f"{retained} classes looked through"
            )
        self.finish(
            DONE,
            {
                "ended": ended,
                "due": hinted,
                "mails": mails,
                "exports": exports,
                "forgotten": forgotten,
                "erased": erased,
                "retained": retained,
            },
        )
