"""What the sweep does when the portal itself is dead: it needs no broker, no worker and, to send a mail, no database.

A file in ``DATA_DIR`` remembers who is to be written to and whether they know already that the database is down. An
address to ping (``DEAD_MANS_URL``) covers the rest: it hears nothing when the machine is gone or nobody runs the sweep.
"""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from email.utils import make_msgid, parseaddr
from urllib.parse import parse_qsl

from django.conf import settings
from django.core.mail import get_connection
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.formats import figures
from portal.lib.outward.asking import ask
from portal.lib.outward.errors import Unreachable
from portal.outbox.mail import Mail
from portal.outbox.refusals import NotTaken
from portal.outbox.render import Rendered, letter

logger = logging.getLogger("ringbook.watchdog")


@dataclass(slots=True)
class Memory:
    """``readers`` maps addresses to languages. ``down_since`` is when the database was first found down, as ISO text;
    ``notified`` are the addresses that were written to about it.
    """

    readers: dict[str, str] = field(default_factory=dict)
    down_since: str = ""
    notified: list[str] = field(default_factory=list)


def report_database_down() -> None:
    """Mail that the database does not answer, once to each reader, straight to the mail server."""
    memory = _load()
    memory.down_since = memory.down_since or timezone.now().isoformat()
    since = datetime.fromisoformat(memory.down_since)
    named = {address.lower(): settings.LANGUAGE_CODE for address in settings.ALARM_MAILS}
    readers = {address: memory.readers.get(address, language) for address, language in named.items()} or memory.readers
    waiting = {address: language for address, language in readers.items() if address not in memory.notified}
    memory.notified += _send(waiting, since, over=False)
    _save(memory)


def report_database_up(readers: Mapping[str, str]) -> None:
    """Remember who is to be written to, and mail that the database answers again to those who know that it did not."""
    memory = _load()
    if memory.down_since:
        languages = {address: readers.get(address, settings.LANGUAGE_CODE) for address in memory.notified}
        _send(languages, datetime.fromisoformat(memory.down_since), over=True)
    if memory != (current := Memory(dict(readers))):
        _save(current)


def ping() -> None:
    """Tell whoever watches this portal from outside that all is well. Never raises."""
    if not settings.DEAD_MANS_URL:
        return
    url, _separator, query = settings.DEAD_MANS_URL.partition("?")
    try:
        reply = ask(url, allow_private=True, params=dict(parse_qsl(query, keep_blank_values=True)))
    except Unreachable as error:
        logger.warning("DEAD_MANS_URL could not be reached: %s", error)
    else:
        if not 200 <= reply.status < 300:
            logger.warning("DEAD_MANS_URL answered with status %s.", reply.status)


def _send(readers: Mapping[str, str], since: datetime, *, over: bool) -> list[str]:
    """The addresses whose mail the server took."""
    taken = []
    for address, language in readers.items():
        with translation.override(language):
            mail = _mail(since, over=over)
        headers = {"Auto-Submitted": "auto-generated", "Message-ID": make_msgid(domain=_domain())}
        message = Mail(mail.subject, mail.text, to=[address], headers=headers)
        message.attach_alternative(mail.html, "text/html")
        try:
            get_connection().send_messages([message])
        except (NotTaken, OSError) as error:
            logger.error("the mail that the database is down was not taken: %s", type(error).__name__)
        else:
            taken.append(address)
    return taken


def _mail(since: datetime, *, over: bool) -> Rendered:
    moment = figures.moment(since, "UTC", now=timezone.now())
    if over:
        subject = _("The database answers again")
        text = _("The database didn't answer from %(moment)s UTC on. It answers again.") % {"moment": moment}
        return letter(subject, [text], None)
    subject = _("The database doesn't answer")
    lines = [
        _("Ringbook can't reach its database since %(moment)s UTC. Pages, syncs and mails have stopped.")
        % {"moment": moment},
        _("Start the database, or check DATABASE_URL. Nothing that was stored is lost, and syncs catch up afterwards."),
    ]
    return letter(subject, lines, None, small=[_("You get one more mail when the database answers again.")])


def _domain() -> str:
    """The sender's: this machine's own name would be asked of a name server, which may be down as well."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]


def _load() -> Memory:
    try:
        kept = json.loads((settings.DATA_DIR / "watchdog.json").read_text(encoding="utf-8"))
        return Memory(**kept)
    except (OSError, ValueError, TypeError):
        return Memory()


def _save(memory: Memory) -> None:
    path = settings.DATA_DIR / "watchdog.json"
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(memory), file)
        draft.replace(path)
    except OSError as error:
        logger.error("%s could not be written: %s", path.name, error.strerror)
