"""The callback loop: calls that answer calls, and missed calls nobody has followed up."""
