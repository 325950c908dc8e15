"""A composed mail as HTML and as text, both complete. The HTML stays under the size at which mail programs cut."""

from collections.abc import Sequence

from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.formats import figures
from portal.outbox.render import Rendered, html
from reports.mail.compose import Mail

CUT_AT = 102_000  # bytes: where the largest mail service hides the rest


def render(mail: Mail, *, zone: str) -> Rendered:
    context = {
        "mail": mail,
        "setting": mail.setting,
        "look": mail.setting.look,
        "title": mail.title[:1].upper() + mail.title[1:],
        "zone": figures.zone_name(zone),
    }
    text = render_to_string("mail/report.txt", context | {"tables": _tables(mail)})
    return Rendered(mail.subject, text, html("mail/report.mjml", context))


def _tables(mail: Mail) -> dict[str, list[str]]:
    return {
        "headlines": aligned(
            [
                ("", *mail.columns, pgettext("of a figure", "Change")),
                *((line.label, line.now, line.before, line.usual, line.change) for line in mail.headlines),
            ]
        ),
        "agents": aligned(
            [
                (_("Agent"), _("Calls"), _("Connected"), pgettext("of a figure", "Change"), _("Length")),
                *((line.name, line.attempts, line.rate, line.change, line.duration) for line in mail.agents),
            ]
        ),
        "sources": aligned(
            [
                (_("Agent that had called"), _("Callbacks"), _("Time to callback, median")),
                *((line.name, line.callbacks, line.median) for line in mail.sources),
            ]
        ),
        "days": aligned(
            [
                (_("Day"), _("Calls"), _("Connected"), _("Callbacks")),
                *((line.label, line.attempts, line.rate, line.callbacks) for line in mail.days),
            ]
        ),
        "hours": aligned(
            [
                ("", *mail.weekdays),
                *((f"{line.label} h", *(shade.count for shade in line.shades)) for line in mail.hours),
            ]
        ),
    }


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as columns of text: the first to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
