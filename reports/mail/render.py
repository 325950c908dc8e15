"""A composed mail as HTML and as text, both complete. The HTML stays under the size at which mail programs cut."""

from django.template.loader import render_to_string

from portal.formats import figures
from portal.outbox.render import Rendered, html
from reports.mail.compose import Mail
from reports.mail.plain import blocks

CUT_AT = 100_000  # bytes: a little more, and the largest mail service hides the rest


def render(mail: Mail, *, zone: str) -> Rendered:
    context = {
        "mail": mail,
        "setting": mail.setting,
        "look": mail.setting.look,
        "zone": figures.zone_name(zone),
    }
    text = render_to_string("mail/report.txt", context | {"blocks": tuple(blocks(mail))})
    # In text a line breaks anywhere: spaces that don't are no help there, and some programs show them as signs.
    return Rendered(mail.subject, text.replace(figures.SPACE, " "), html("mail/report.mjml", context))
