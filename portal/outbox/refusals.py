"""What a mail backend raises when it knows that a message was not taken."""


class NotTaken(Exception):
    """The message did not leave. Anything else a backend raises leaves open whether it did.

    ``permanent``: trying again is in vain. ``address_dead``: the fault is the recipient's address, not ours.
    """

    def __init__(self, reply: str, *, permanent: bool = False, address_dead: bool = False) -> None:
        super().__init__(reply)
        self.reply = reply
        self.permanent = permanent
        self.address_dead = address_dead
