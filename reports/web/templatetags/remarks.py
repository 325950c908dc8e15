"""Flags of calls as words."""

from django import template

from reports.annotations.flags import FLAGS

register = template.Library()


@register.filter
def flag_word(flag: str) -> str:
    return str(FLAGS.get(flag, flag))
