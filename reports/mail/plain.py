"""The sections of a mail as lines of text, each whole in itself: no columns that only a fixed pitch keeps in order."""

from collections.abc import Callable, Iterator

from django.utils.translation import gettext as _

from portal.formats.figures import NO_BASE
from reports.mail.compose import Column, Mail


def blocks(mail: Mail) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Heading and lines of each section that has any."""
    for key in mail.sections:
        lines = (*_TABLES.get(key, _nothing)(mail), *mail.lines.get(key, ()))
        if more := mail.left_out.get(key):
            lines = (*lines, more)
        if lines:
            link = mail.links.get(key)
            yield mail.labels[key], (*lines, f"{link[0]}: {link[1]}") if link else lines


def _nothing(mail: Mail) -> Iterator[str]:
    yield from ()


def _headlines(mail: Mail) -> Iterator[str]:
    if not mail.compares:
        yield from (f"{line.label}: {line.now}" for line in mail.headlines)
        return
    _now, before, usual = mail.columns
    for line in mail.headlines:
        change = f" ({line.change})" if line.change else ""
        yield f"{line.label}: {line.now}{change} · {before.name}: {line.before} · {_named(usual)}: {line.usual}"


def _named(column: Column) -> str:
    return f"{column.name} ({column.days})" if column.days else column.name


def _days(mail: Mail) -> Iterator[str]:
    for line in mail.days:
        calls, callbacks = line.said
        rate = "" if line.rate == NO_BASE else _("%(rate)s connected") % {"rate": line.rate}
        yield f"{line.label}: {' · '.join(filter(None, (calls, rate, callbacks)))}"


def _hours(mail: Mail) -> Iterator[str]:
    for line in mail.hours:
        hour = _("%(hour)s h") % {"hour": line.label}
        counts = (f"{day} {shade.count}" for day, shade in zip(mail.weekdays, line.shades, strict=True) if shade.level)
        yield f"{hour}: {' · '.join(counts) or '–'}"


def _agents(mail: Mail) -> Iterator[str]:
    for line in mail.agents:
        rate = line.rate if line.small else _("%(rate)s connected") % {"rate": line.rate}
        change = f" ({line.change})" if line.change else ""
        yield f"{line.name}: {line.said} · {rate}{change} · {_('average length %(time)s') % {'time': line.duration}}"


def _campaigns(mail: Mail) -> Iterator[str]:
    for line in mail.campaigns:
        yield _("%(name)s: calls in the period %(calls)s · in all %(total)s · completed %(rate)s") % {
            "name": line.name,
            "calls": line.calls,
            "total": line.total,
            "rate": line.rate,
        }


def _callbacks(mail: Mail) -> Iterator[str]:
    for line in mail.sources:
        yield f"{line.name}: {line.said} · {_('after %(time)s in the median') % {'time': line.median}}"


_TABLES: dict[str, Callable[[Mail], Iterator[str]]] = {
    "headlines": _headlines,
    "days": _days,
    "hours": _hours,
    "agents": _agents,
    "campaigns": _campaigns,
    "callbacks": _callbacks,
}
