"""A vendor that does not exist: this folder is all there is of it, as of any vendor."""
