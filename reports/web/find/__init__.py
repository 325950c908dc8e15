"""One field that finds a call, a contact, an agent or a report."""
