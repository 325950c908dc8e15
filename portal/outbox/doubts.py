"""What nobody vouches for."""


class Doubtful(Exception):
    """It is not signed by whom it is said to be from. The text is for the log and holds nothing that was sent."""
