"""Reuse freed memory for the next window or step, instead of returning it to the system.

The C library returns every large block to the system at once and then asks for it again; the system clears it page by
page. For activations of a hundred megabytes that took a third of the prediction time. glibc can be told to keep the
memory (`mallopt(3)`); without glibc (macOS, Windows) these functions do nothing.
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache

# from <malloc.h>
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
NEVER = -1
# in bytes; larger blocks are whole volumes, which are made once and must be returned when freed; older releases of
# glibc accept only the second value
MAX_KEPT = (2**30, 2**25)


@cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


@cache
def keep_freed_memory() -> bool:
    """Make the process keep freed blocks smaller than a gibibyte, to use them again.

    Threads other than the first gain less: glibc keeps their memory in heaps of 64 MiB.

    Returns:
        Whether the C library supports this.
    """
    libc = _glibc()
    if libc is None:
        return False
    trims = libc.mallopt(M_TRIM_THRESHOLD, NEVER)
    return bool(trims) and any(libc.mallopt(M_MMAP_THRESHOLD, size) for size in MAX_KEPT)


def return_freed_memory() -> None:
    """Return the kept memory to the system; call it after a piece of work, not during it."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)
