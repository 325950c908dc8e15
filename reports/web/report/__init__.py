"""Any question as a page."""
