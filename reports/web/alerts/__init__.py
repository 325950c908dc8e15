"""Alerts: set up, tried on the last four weeks, paused, removed; and what they told."""
