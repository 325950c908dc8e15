"""Moments, waits and agents of a list, in the reader's form."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django import template
from django.utils import formats

from portal.formats import figures

register = template.Library()


@register.filter
def wait(seconds: float) -> str:
    """How long somebody waited: ``2 h 5 min``."""
    return figures.wait(seconds)


@register.filter
def at(when: datetime, zone: str) -> str:
    """A date and a time of day in a zone, in the same form in every row."""
    return formats.date_format(when.astimezone(ZoneInfo(zone)), "SHORT_DATETIME_FORMAT")


@register.filter
def after_name(agent: object, apart: Mapping[str, str]) -> str:
    """What tells an agent, by its public id, from another of its name; nothing where there is none."""
    return apart.get(str(agent), "")
