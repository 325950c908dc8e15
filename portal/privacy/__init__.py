"""Whose data is kept where, and what was erased: below the mirror, which must not write it again."""
