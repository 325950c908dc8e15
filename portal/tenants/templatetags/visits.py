"""What a page leaves out on an administrator's visit: he sees no control that would be refused to him.

``{% members_only %}`` holds what changes something or hands out a file. ``{% told_by_form %}`` is a form whose fields
also tell how things stand: a visit is shown them, and can't fill them in.
"""

from typing import Any

from django import template
from django.forms.utils import flatatt
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


def is_visit(context: template.Context) -> bool:
    """Whether an administrator who is no member looks at the page."""
    return getattr(context["request"], "visit", None) is not None


@register.simple_block_tag(takes_context=True)
def members_only(context: template.Context, content: SafeString) -> str:
    """``{% members_only %}…{% endmembers_only %}``: for whoever belongs to the company."""
    return "" if is_visit(context) else content


@register.simple_block_tag(takes_context=True)
def told_by_form(context: template.Context, content: SafeString, **attributes: Any) -> str:
    """``{% told_by_form class="mail-form" %}…{% endtold_by_form %}``: a form that is posted. Buttons that tell nothing
    belong into ``members_only``.
    """
    if is_visit(context):
        return format_html('<fieldset disabled class="told {}">{}</fieldset>', attributes.get("class", ""), content)
    return format_html('<form method="post"{}>{}</form>', flatatt(attributes), content)
