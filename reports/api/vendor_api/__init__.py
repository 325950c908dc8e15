"""The vendors' own form, served from history: the documented answers, read-only, without limit or retention."""
