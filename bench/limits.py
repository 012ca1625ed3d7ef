"""What the machine itself can do, to compare with what the bundle makes of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median

import torch

SIDE = 2048  # of the matrices, as in the reference figures
COPIED = 256 * 2**20  # bytes: far more than the caches hold


def seconds_of(work: Callable[[], object], repeats: int, warm_up: int = 1) -> list[float]:
    """Return how many seconds a piece of work takes, several times, after it has run unmeasured."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return times


def ended(process: subprocess.Popen) -> tuple[int, int]:
    """Wait for a process, and return its exit status and its peak of memory in bytes.

    The peak is the largest of the process and of those that it waited for.
    """
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def matrix_product(dtype: torch.dtype, repeats: int = 9) -> float:
    """Return the rate of a 2048 x 2048 matrix product in FLOP/s, the median of several."""
    one, two = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    return 2 * SIDE**3 / median(seconds_of(lambda: one @ two, repeats, warm_up=3))


def memory_copy(repeats: int = 9) -> float:
    """Return the rate of a copy within memory, in bytes/s; each byte is read and written once."""
    source = torch.zeros(COPIED, dtype=torch.uint8)
    target = torch.empty_like(source)
    return COPIED / median(seconds_of(lambda: target.copy_(source), repeats, warm_up=2))


def disk_read(repeats: int = 3) -> float:
    """Return the rate of reading a file, in bytes/s.

    Before each time, the system is asked to drop the file from its cache.
    """
    with tempfile.NamedTemporaryFile() as file:
        file.write(os.urandom(COPIED))
        file.flush()
        os.fsync(file.fileno())

        def read() -> float:
            """Read the file once, and return the rate."""
            if hasattr(os, "posix_fadvise"):  # elsewhere the cache is measured
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            started = time.perf_counter()
            with open(file.name, "rb", buffering=0) as again:
                while again.read(2**22):
                    pass
            return COPIED / (time.perf_counter() - started)

        return median(read() for _ in range(repeats))


def limits() -> dict[str, float]:
    """Return all rates of the machine by name, in FLOP/s and bytes/s."""
    return {
        "matrix product, float32": matrix_product(torch.float32),
        "matrix product, bfloat16": matrix_product(torch.bfloat16),
        "memory copy": memory_copy(),
        "disk read": disk_read(),
    }
