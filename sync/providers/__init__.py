"""Vendors: one folder each, plain Python, no Django. ``registry.PROVIDERS`` lists them."""
