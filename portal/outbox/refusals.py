"""What a mail backend raises when it knows that a message was not taken."""

# Kept as the reply where no server gave one; portal.outbox.server has them in words.
FOLDER, UNWRITABLE, DIED = "folder", "unwritable", "died"


class NotTaken(Exception):
    """The message did not leave. Anything else a backend raises leaves open whether it did.

    ``permanent``: trying again is in vain. ``address_dead``: the fault is the recipient's address, not ours.
    ``put_off``: a server that was spoken to asks for patience with this recipient or message. ``nobody_there``: no
    server listens, so no other message would leave either.
    """

    def __init__(
        self,
        reply: str,
        *,
        permanent: bool = False,
        address_dead: bool = False,
        put_off: bool = False,
        nobody_there: bool = False,
    ) -> None:
        super().__init__(reply)
        self.reply = reply
        self.permanent = permanent
        self.address_dead = address_dead
        self.put_off = put_off
        self.nobody_there = nobody_there
