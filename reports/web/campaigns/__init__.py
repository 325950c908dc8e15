"""Campaigns, and one of them."""
