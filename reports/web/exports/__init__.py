"""Files that were asked for."""
