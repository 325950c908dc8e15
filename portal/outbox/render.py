"""Mails as HTML and as text, both complete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mrml
from django.template.loader import render_to_string

from portal.tenants.brand import RINGBOOK, Look

_OPTIONS = mrml.RenderOptions(disable_comments=True, fonts={})  # by itself it would link fonts from another's server


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Button:
    """The one thing that a mail asks its reader to do."""

    label: str
    link: str


def html(template: str, context: Mapping[str, Any]) -> str:
    """In the colours of the ``look`` among the context, or else Ringbook's."""
    return str(
        mrml.to_html(render_to_string(template, {"look": RINGBOOK} | dict(context)), render_options=_OPTIONS).content
    )


def letter(  # noqa: PLR0913  # a letter has this many parts, the lesser ones by name
    subject: str,
    paragraphs: Sequence[str],
    button: Button | None,
    *,
    facts: Sequence[tuple[str, str]] = (),
    small: Sequence[str] = (),
    links: Sequence[Button] = (),
    look: Look = RINGBOOK,
) -> Rendered:
    """A short mail: a few paragraphs, ``facts`` by their labels, a button, and below it in small print what else is to
    know and to press."""
    context = {
        "subject": subject,
        "paragraphs": paragraphs,
        "button": button,
        "facts": facts,
        "small": small,
        "links": links,
        "look": look,
    }
    return Rendered(subject, render_to_string("mail/letter.txt", context), html("mail/letter.mjml", context))
