"""The wall and those behind it: tenants, people, grants and keys."""
