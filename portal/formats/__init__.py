"""How numbers, days and durations are written in each language.

``<language>/formats.py`` holds the patterns, found by Django through ``FORMAT_MODULE_PATH``; ``figures`` turns values
into text with them. A further language is one folder here and one catalogue in ``portal/locale``.
"""

from django.utils.translation import gettext_noop

# Django's own words that our catalogue writes otherwise: its Portuguese leaves the accent out of "Sáb".
OWN_WORDS = (gettext_noop("Sat"),)
