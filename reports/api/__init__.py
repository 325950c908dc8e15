"""Our REST API, and below ``vendor`` the vendors' own form, both served from the mirror."""
