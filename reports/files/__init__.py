"""Files: the same rows as the screen, in forms that other programs open."""
