"""Talkover's form of its read API."""
