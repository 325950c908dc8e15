"""A composed mail as HTML and as text, both complete. The HTML stays under the size at which mail programs cut."""

from django.template.loader import render_to_string

from portal.formats import figures
from portal.outbox.render import Rendered, html
from reports.mail.answers import SavedFacts
from reports.mail.compose import Mail, compose
from reports.mail.compose_saved import ROOM, SavedMail, compose_saved, saved_blocks
from reports.mail.facts import Facts, Setting
from reports.mail.plain import blocks

CUT_AT = 100_000  # bytes: a little more, and the largest mail service hides the rest


def render_facts(facts: Facts | SavedFacts, setting: Setting, *, zone: str) -> Rendered:
    """Of what is saved as many rows as there is room for; how many more there are stands below them."""
    if isinstance(facts, Facts):
        return render(compose(facts, setting), zone=zone)
    for room in ROOM:
        rendered = render(compose_saved(facts, setting, room=room), zone=zone)
        if len(rendered.html.encode()) < CUT_AT:
            break
    return rendered


def render(mail: Mail | SavedMail, *, zone: str) -> Rendered:
    context = {
        "mail": mail,
        "setting": mail.setting,
        "look": mail.setting.look,
        "zone": figures.zone_name(zone),
    }
    told = saved_blocks(mail) if isinstance(mail, SavedMail) else blocks(mail)
    text = render_to_string("mail/report.txt", context | {"blocks": tuple(told)})
    # In text a line breaks anywhere: spaces that don't are no help there, and some programs show them as signs.
    return Rendered(mail.subject, text.replace(figures.SPACE, " "), html("mail/report.mjml", context))
