"""The platform's administrators are told by mail what is wrong: each problem once, and once when it is over.

The rows are the memory, so any number of looks tells once. What begins, or is over, in one look stands in one mail. See
portal/decisions/0047-visits-and-alarms.md.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts.letters import put_letter
from portal.formats import figures
from portal.outbox import post, rounds
from portal.outbox.models import Letter
from portal.outbox.render import Button, letter
from portal.site.models import Alarm
from portal.site.wrongs import everything
from portal.site.wrongs.work import silent_queues
from portal.site.wrongs.wrong import Kind, Wrong
from portal.tenants.models.people import User

WELL_FOR = timedelta(minutes=15)  # before a problem counts as over
SUBJECT_ROOM = 80  # characters for the problem that a subject names
MOST_LINES = 30  # of one mail; the console has all


def watch() -> int:
    """Open and close alarms by what is wrong now, and mail about them; how many problems there are. Safe in any number
    of copies.
    """
    now = timezone.now()
    alarming = {wrong.key: wrong for wrong in everything.found(now) if wrong.alarming}
    known = {alarm.key: alarm for alarm in Alarm.objects.filter(closed_at=None)}
    with transaction.atomic():
        begun = [alarm for key, wrong in alarming.items() if key not in known and (alarm := _open(wrong, now))]
        over = []
        for key, alarm in known.items():
            if key in alarming:
                alarm.relapse()
            elif alarm.recover(now, WELL_FOR):
                over.append(alarm)
        if begun or over:
            _tell(begun, over, now)
    return len(alarming)


def deliver_where_nobody_does() -> int:
    """Send the platform's own mails from this very process while no worker does; how many left. For ``sweep``, which a
    machine's own clock may run: a dead beat or worker can't tell of itself.
    """
    if "default" not in silent_queues(timezone.now()):
        return 0
    return rounds.go_platform_round()


def readers() -> dict[str, str]:
    """Who is written to, each with his language: those that ALARM_MAILS names, else every active administrator."""
    people = User.objects.filter(is_active=True, is_staff=True).order_by("pk")
    languages = {user.email.lower(): user.language for user in people}
    named = [address.lower() for address in settings.ALARM_MAILS]
    return {address: languages.get(address) or settings.LANGUAGE_CODE for address in named or languages}


def objection(message: Letter) -> str:
    """Why an alarm may not leave any more."""
    return "" if message.to in readers() else "no longer an administrator"


def _open(wrong: Wrong, now: datetime) -> Alarm | None:
    """The alarm, to whoever opens it."""
    facts = {"began_at": wrong.since, "opened_at": now, "kind": wrong.kind, "whose": wrong.whose[:300]}
    alarm, is_new = Alarm.objects.get_or_create(key=wrong.key[:200], closed_at=None, defaults=facts)
    return alarm if is_new else None


def _tell(begun: Sequence[Alarm], over: Sequence[Alarm], now: datetime) -> None:
    last = f"{max(alarm.pk for alarm in begun or over)}:{'open' if begun else 'over'}"
    for address, language in readers().items():
        with translation.override(language):
            wrongs = {wrong.key: wrong for wrong in everything.found(now)}  # in this language
            lines = [_line(alarm, wrongs.get(alarm.key)) for alarm in begun]
            lines += [_("Over: %(what)s") % {"what": _line(alarm, None)} for alarm in over]
            if len(lines) > MOST_LINES:
                left = len(lines) - MOST_LINES
                more = ngettext("%(count)s more", "%(count)s more", left) % {"count": figures.decimal(left)}
                lines = [*lines[:MOST_LINES], more]
            mail = letter(
                _subject(begun, over),
                lines,
                Button(_("Look at the administration"), f"{settings.BASE_URL}{reverse('admin:index')}"),
                small=[_("Each problem is told once when it begins and once when it is over.")],
            )
            digest = hashlib.sha256(address.encode()).hexdigest()[:16]
            put_letter(
                mail, to=address, reference=f"alarm:{last}:{digest}", conduct=post.Conduct(rule="alarm", urgent=True)
            )


def _subject(begun: Sequence[Alarm], over: Sequence[Alarm]) -> str:
    """What it is about and whose, as far as one line goes."""
    alarms = begun or over
    first = Truncator(_line(alarms[0], None)).chars(SUBJECT_ROOM)
    if len(alarms) == 1:
        text = _("Needs you: %(what)s") if begun else _("Over: %(what)s")
        return text % {"what": first}
    count = len(alarms)
    if begun:
        text = ngettext(
            "%(count)s problem needs you, first: %(problem)s", "%(count)s problems need you, first: %(problem)s", count
        )
    else:
        text = ngettext(
            "%(count)s problem is over, first: %(problem)s", "%(count)s problems are over, first: %(problem)s", count
        )
    return text % {"count": figures.decimal(count), "problem": first}


def _line(alarm: Alarm, wrong: Wrong | None) -> str:
    """A problem in one line: its kind, what it is about, and what is wrong as long as it is."""
    parts = [str(Kind(alarm.kind).label), alarm.whose, wrong.what if wrong else ""]
    if wrong and wrong.since:
        since = figures.moment(wrong.since, "UTC", now=timezone.now())
        parts.append(_("since %(moment)s UTC") % {"moment": since})
    return " · ".join(filter(None, parts))
