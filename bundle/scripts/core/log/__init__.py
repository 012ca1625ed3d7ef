"""What a command tells while it runs: how much, how far it is, and in which words.

>>> set_verbosity("quiet")  # warnings, errors and the result alone
>>> about(170)
'about 3 min'
"""

from .progress import Progress, advance, expect
from .verbosity import CLOCK, LINE, VERBOSITIES, set_up_process, set_verbosity, tell_result
from .words import about, by, counted, duration, size

__all__ = [
    "CLOCK",
    "LINE",
    "VERBOSITIES",
    "Progress",
    "about",
    "advance",
    "by",
    "counted",
    "duration",
    "expect",
    "set_up_process",
    "set_verbosity",
    "size",
    "tell_result",
]
