"""Reuse freed memory for the next window or step, instead of returning it to the system.

The C library returns every large block to the system at once and then asks for it again; the system clears it page by
page. For activations of a hundred megabytes that took a third of the prediction time. glibc can be told to keep the
memory (`mallopt(3)`); without glibc (macOS, Windows) these functions do nothing.
"""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache
from pathlib import Path

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


def free_memory() -> int | None:
    """Return how many bytes of memory a volume may take before the system ends the process.

    That is what Linux calls available, with swap, or a container's limit if that is less; elsewhere the memory of the
    machine. None where nobody says.
    """
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
        return min(sizes["MemAvailable"] + sizes.get("SwapFree", 0), *_container_limits())
    except (OSError, KeyError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows, or no such figure
        return None


def _container_limits() -> list[int]:
    """Return the memory limits of the container (cgroup), or a huge one if there are none."""
    limits = [2**63]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limits.append(int(Path(file).read_text()))
        except (OSError, ValueError):  # no such limit, or `max`
            continue
    return limits
