"""Scheduled mails: set up, looked at before they go, and what was sent."""
