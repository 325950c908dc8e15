"""The roof as an app: what keeps the site running on one machine, and the commands that need every other part."""
