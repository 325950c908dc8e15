"""What the vendors' own form of the API needs."""
