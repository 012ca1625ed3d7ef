"""Reuse freed memory for the next window or step, instead of returning it to the system.

The C library returns every large block to the system at once and then asks for it again; the system clears it page by
page. For activations of a hundred megabytes that took a third of the prediction time. glibc can be told to keep the
memory (`mallopt(3)`); without glibc (macOS, Windows) these functions do nothing.
"""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath

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


@contextmanager
def garbage_left() -> Iterator[None]:
    """Do not look for garbage in the block.

    Of what is imported nothing is garbage, and Python looks again for every 700 objects that come: a sixth of the time
    that MONAI takes.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def free_memory() -> int | None:
    """Return how many bytes of memory a volume may take before the system ends the process.

    That is what Linux calls available, with swap, or what a container or a cluster's job has left if that is less;
    elsewhere the memory of the machine. None where nobody says.
    """
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
        return min([sizes["MemAvailable"] + sizes.get("SwapFree", 0), *_left_in_groups()])
    except (OSError, KeyError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows, or no such figure
        return None


def peak_memory() -> int | None:
    """Return the most bytes of memory that this process has held so far; None where nobody says."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        # not ru_maxrss, which on Linux begins with what the parent held
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, ValueError, IndexError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _left_in_groups() -> list[int]:
    """Return what each control group that holds this process, and has a limit, has left of it."""
    left = []
    for folder, limit, usage in _groups():
        if (allowed := _number(folder / limit)) is not None:  # else there is no such limit, or it is `max`
            used = _number(folder / usage) or 0
            left.append(max(0, allowed - max(0, used - _reclaimable(folder))))
    return left


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _groups() -> Iterator[tuple[Path, str, str]]:
    """Yield each of this process's groups as a folder, with the names of limit and usage.

    Inside a container the paths that the kernel states may not be there; the outermost is the container then.
    """
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        lines = []
    paths = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines if ":" in line)}
    first = next((path for controllers, path in paths.items() if "memory" in controllers.split(",")), "/")
    for root, path, names in (
        (Path("/sys/fs/cgroup"), paths.get("", "/"), ("memory.max", "memory.current")),
        (Path("/sys/fs/cgroup/memory"), first, ("memory.limit_in_bytes", "memory.usage_in_bytes")),
    ):
        inside = PurePosixPath(path.lstrip("/"))
        for group in (inside, *inside.parents):
            yield root / group, *names


def _reclaimable(folder: Path) -> int:
    """Return the bytes of a group that hold copies of files, which can go when room is short."""
    try:
        words = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        stated = {name: int(value) for name, value in words}
    except (OSError, ValueError):
        return 0
    return stated.get("total_inactive_file", stated.get("inactive_file", 0))
