"""Requests to servers that others name: vendors' and identity providers'."""
