"""How obligations are worked off: rows claimed with a lease, hints through the broker, and the database asked again."""
