"""Memory that one window or step has freed serves the next one, instead of going back to the system in between.

The C library gives every large block back to the system at once and asks for it again; the system then clears it, page
by page. For activations of a hundred megabytes that took a third of the time of a prediction. glibc can be told
otherwise (`mallopt(3)`); where there is no glibc (macOS, Windows) nothing here does anything.
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache

# of <malloc.h>
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
NEVER = -1
# bytes; larger blocks are whole volumes, which are made once and must go when they are freed; older releases of glibc
# accept no more than the second
MAX_KEPT = (2**30, 2**25)


@cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


@cache
def keep_freed_memory() -> bool:
    """Let the process keep blocks below a gibibyte when they are freed, for its next ones.

    What threads other than the first allocate profits less: glibc keeps it in heaps of 64 MiB.

    Returns:
        Whether the C library knows how.
    """
    libc = _glibc()
    if libc is None:
        return False
    trims = libc.mallopt(M_TRIM_THRESHOLD, NEVER)
    return bool(trims) and any(libc.mallopt(M_MMAP_THRESHOLD, size) for size in MAX_KEPT)


def return_freed_memory() -> None:
    """Give back what is kept; worth it when a piece of work has ended, not within it."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)
