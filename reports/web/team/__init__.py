"""The page of members and invitations."""
