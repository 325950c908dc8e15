"""The audit as its company's owners read it."""
