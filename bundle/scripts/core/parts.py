"""Name unfinished files so that those of a process that was killed can be told from living ones.

A process keeps a lock on each file or folder that it writes, which the system takes back when the process ends, however
it ends. A part without a lock is therefore left over. Its name also states the machine, because over a network a lock
of another machine may not be seen. Without locks (Windows, some file systems) nothing is removed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

logger = logging.getLogger(__name__)

PART = ".part-"
"""Prefix of unfinished files' names; it hides them, so that nobody takes one for a volume."""
MAX_NAME = 200  # bytes of a file's name that its temporary name keeps; file systems allow 255
MIN_AGE = 1.0  # seconds; a younger part may be one that is just about to be locked
_swept: set[str] = set()  # folders in which this process has looked for what others left


def part_of(path: Path) -> Path:
    """Return a new temporary name beside a file or folder; it ends as the final name does."""
    kept = os.fsencode(path.name)[-MAX_NAME:].decode("utf-8", "ignore")  # "ignore" drops a letter that was cut in two
    return path.with_name(f"{_mine()}{uuid.uuid4().hex[:8]}-{kept}")


@contextmanager
def kept_alive(part: Path) -> Iterator[None]:
    """Lock a part that exists for as long as the block takes, to show that its process lives."""
    lock = _lock(part)
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def sweep(folder: Path) -> None:
    """Remove what processes of this machine that were killed left unfinished in a folder.

    It looks once in each folder.
    """
    key = os.path.abspath(folder)
    if key in _swept:
        return
    _swept.add(key)
    with suppress(OSError):  # it is not there yet, or may not be listed; the caller finds out what that means
        for part in [path for path in folder.iterdir() if path.name.startswith(_mine())]:
            lock = _lock(part) if time.time() - part.lstat().st_mtime > MIN_AGE else None
            if lock is None:
                continue
            with suppress(OSError):
                shutil.rmtree(part) if part.is_dir() else part.unlink()
                logger.info("%s: removed, a run that was killed had left it unfinished", part)
            os.close(lock)


def _mine() -> str:
    """Return how names of this machine's parts begin."""
    return f"{PART}{hashlib.sha256(platform.node().encode()).hexdigest()[:8]}-"


def _lock(path: Path) -> int | None:
    """Lock a file or folder; None if another process holds its lock, or if there are no locks."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
