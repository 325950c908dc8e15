"""Schedules, destinations and what became of files, in the active language; shared by page, mail and API."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.formats import figures
from portal.obstacles import in_words
from reports.definitions import spans
from reports.handover.handing import NotTaken
from reports.handover.models import Destination, ExportSchedule, Handover, Way
from reports.handover.rows import ENDED, STANDING
from reports.mail.due import Kind

# Why a file was not handed over, or not yet.
REASONS: Mapping[str, str | Promise] = {
    "address": gettext_lazy("The server's address is none that may be asked from here."),
    "fault": gettext_lazy("It could not be made or handed over. The fault is ours; it has been noted."),
    "file away": gettext_lazy("The file made here could not be read."),
    "folder": gettext_lazy("The folder or bucket is not there, or may not be written to."),
    "host key": gettext_lazy("The server showed another key than the one that was confirmed. Nothing was sent to it."),
    "key unreadable": gettext_lazy("The private key or its password cannot be read."),
    "left": gettext_lazy("Nobody is left to whom it goes."),
    "login": gettext_lazy("The server refused the user, the key or the password."),
    "network": gettext_lazy("The server was not reached, or broke the connection."),
    "no destination": gettext_lazy("The destination was removed, or its server's key is not confirmed."),
    "no package": gettext_lazy("A package that this needs is not installed here."),
    "no question": gettext_lazy("What it asks for cannot be asked any more."),
    "no room": gettext_lazy("The files of the company fill their room."),
    "nobody to read": gettext_lazy("None of those to whom it goes sees all that it shows."),
    "nobody vouches": gettext_lazy("Whoever set it up may not do so any more. Save it, and it is yours."),
    "not made": gettext_lazy("The file could not be made."),
    "report empty": gettext_lazy("No report is left on its board."),
    "report gone": gettext_lazy("Its board was deleted. It rests until another one is chosen."),
    "report not shared": gettext_lazy("Its board is not shared any more. It rests until somebody has it go on."),
    "about one person": gettext_lazy("What is on its board is about one number or contact, which is not sent."),
    "nothing to see": gettext_lazy("Whoever set it up sees nothing of it any more."),
    "passed over": gettext_lazy("Only the latest period is handed over after a pause, as the schedule says."),
    "paused": gettext_lazy("It was paused."),
    "refused": gettext_lazy("The server refused the file."),
    "removed": gettext_lazy("The schedule was removed."),
    "secret": gettext_lazy("The stored secret does not open. Enter it again."),
    "suspended": gettext_lazy("Its destination was changed. The file waits until the schedule is confirmed."),
    "too long": gettext_lazy("It has more rows or columns than a PDF holds. Choose XLSX or CSV, or fewer days."),
    "timeout": gettext_lazy("The server did not answer in time."),
}
SPANS: Mapping[str, str | Promise] = {
    "": gettext_lazy("The period before"),
    **{span: spans.SPANS[span] for span in ENDED},
    STANDING: gettext_lazy("None: the list as it stands"),
}


def reason(word: str) -> str:
    """A sentence, "" for none."""
    return str(REASONS.get(word, REASONS["fault"])) if word else ""


def failure(error: NotTaken) -> str:
    """What went wrong, for whoever set the destination up."""
    return " ".join(filter(None, (reason(error.reason), in_words(error.reply))))


def reply(handover: Handover) -> str:
    """What the other side said of a file, or what kept it from being reached."""
    return in_words(handover.reply)


def rhythm(schedule: ExportSchedule) -> str:
    """``weekly, Monday, 08:00, São Paulo``."""
    day = [str(schedule.get_weekday_display())] if schedule.kind == Kind.WEEKLY else []
    hour = f"{schedule.hour:02}:00"
    return ", ".join([str(schedule.get_kind_display()), *day, hour, figures.zone_name(schedule.zone)])


def goes_to(schedule: ExportSchedule) -> str:
    """Where its files go, in a few words."""
    if schedule.way == Way.PUT and schedule.destination is not None:
        return schedule.destination.name
    return str(Way(schedule.way).label)


def suspended(schedule: ExportSchedule) -> str:
    """Why nothing is handed over, and what to do; "" for a schedule that is not suspended."""
    if schedule.suspended_at is None:
        return ""
    return _(
        "This schedule is suspended because its destination was changed. Check where its files go now, then confirm it "
        "or choose another destination. Files that become due wait until then."
    )


def place(destination: Destination) -> str:
    """Where a destination is, without anything secret."""
    if destination.kind == "sftp":
        return f"sftp://{destination.login}@{destination.host}:{destination.port}/{destination.folder.lstrip('/')}"
    return f"{destination.host.rstrip('/')}/{destination.bucket}/{destination.folder}"
