"""The list of calls, with views that are kept."""
