"""Single sign-on: a company's people sign in by its own identity provider, by OpenID Connect."""
