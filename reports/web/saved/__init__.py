"""Saved views and reports: kept and changed from the pages that show them."""
