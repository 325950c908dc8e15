"""The overview: what an operations lead opens every morning."""
