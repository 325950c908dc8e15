"""How numbers, days and durations are written in each language.

``<language>/formats.py`` holds the patterns, found by Django through ``FORMAT_MODULE_PATH``; ``figures`` turns values
into text with them. A further language is one folder here and one catalogue in ``portal/locale``.
"""
