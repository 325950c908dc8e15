"""From records to rows. One transaction carries rows, payloads, changes, dirty days and the state of windows."""

from sync.mirror.write import Closing, Mirror, Tally

__all__ = ["Closing", "Mirror", "Tally"]
