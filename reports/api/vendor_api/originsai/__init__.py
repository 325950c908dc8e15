"""OriginsAI's form of its one endpoint."""
