"""Every bound on what a vendor may cost: seconds, bytes, elements. Decision 24 says why each number is what it is.

Read where they are used and never copied, so that a bound has one place. Seconds are those the vendor keeps us waiting:
while the reader itself is busy, no clock runs.
"""

from dataclasses import dataclass

KIB, MIB = 1024, 1024 * 1024

# --- time ---

CONNECT_SECONDS = 5.0  # for one address to take the connection
SILENCE_SECONDS = 20.0  # without a byte, once the answer began
TOTAL_SECONDS = 60.0  # from the question to the last byte, and besides them
BYTES_A_SECOND = MIB  # a second for so many bytes that the answer may have
LONGEST_SECONDS = 600.0  # for any one answer, however large it may be
SLOW_SECONDS = 20.0  # over so long
SLOW_RATE = 2 * KIB  # fewer bytes a second than these are too slow
ASK_SECONDS = 600.0  # from the first failure of a request on it may be tried again

CLOCKS_APART = 60.0  # between the vendor's clock and ours, before it is told

# --- bytes ---

ERROR_BYTES = 16 * KIB  # of an answer that is not a success, read for its message
PACKED_BYTES = 12 * MIB  # that may come of nearly nothing, when an answer is compressed,
UNPACKED_TIMES = 100  # and besides them, so many times the bytes received: JSON that repeats itself comes to thirty
JUNK_BYTES = MIB  # that may come without, and besides, twice as many of content: heads, empty members, one-byte chunks

LIGHT_BYTES = 512 * KIB  # an answer up to here is read without asking for room
MIDDLE_BYTES = 2 * MIB  # room for an answer of this size is taken first, then for the largest
COPIES = 6  # times the bytes of a document that it takes while it is decoded, in the worst of texts
HEAVY_BYTES = 72 * MIB  # of all heavy answers together: received, decoded, not yet written
QUEUE_BYTES = 16 * MIB  # of records made of light answers that are not yet written
RECORD_BYTES = KIB  # of a record besides its raw text

# --- content ---

SMALL_ELEMENT_BYTES = 64 * KIB  # elements up to here are taken apart side by side, longer ones one after the other
ELEMENT_BYTES = 4 * MIB  # of one element; a longer one is set aside
ELEMENT_VALUES = 200_000  # values in one element: the emptiest take seventy bytes for their three
DEPTH = ELEMENT_VALUES  # brackets that are open at once; a document of more is refused whole
STEPS = 2_000_000  # brackets, strings and commas of a document that are looked at one by one,
BYTES_A_STEP = 16  # and besides them, one for so many bytes: real histories have one in some two hundred
BROKEN_BYTES = MIB  # kept of an element that can't be read
PAGE_ELEMENTS = 2_000  # of one page: a hundred are asked for
COMMAS = 20_000  # in a document, up to which it is taken apart at once and then counted
LIST_ELEMENTS = 250_000  # of a day, a history or a list, in all its answers
NAMELESS_ELEMENTS = 10_000  # of those, elements without an id
CAMPAIGN_CALLS = 50_000  # that one campaign names
LIST_REQUESTS = 20_000  # that one day or list may call for


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of an answer: decoded bytes at most, and seconds until it begins."""

    most_bytes: int
    first_byte: float

    @property
    def seconds(self) -> float:
        """For the whole of it."""
        return min(TOTAL_SECONDS + self.most_bytes / BYTES_A_SECOND, LONGEST_SECONDS)


PAGE = Expected(12 * MIB, 20.0)  # of a list, or a single thing
HISTORY = Expected(512 * MIB, 60.0)  # of an agent, which the vendor gathers before it begins
