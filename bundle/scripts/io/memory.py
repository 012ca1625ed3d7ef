"""Whether a volume fits into memory, asked of every family before its voxels are read."""

from __future__ import annotations

from pathlib import Path

from scripts.core import free_memory, refuse


def check_memory(path: Path, nbytes: int) -> None:
    """Refuse what is larger than the free memory; a few bytes of a file may claim many.

    Args:
        path: the file, for messages.
        nbytes: that are about to be read.

    Raises:
        UserError: also a `MemoryError`.
    """
    free = free_memory()
    if free is not None and nbytes > free:
        problem = f"its voxels take {nbytes / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free"
        refuse(path, problem, "if that is its true size, cut it into blocks; else export it again", MemoryError)
