"""Name unfinished files so that the next run can remove those of a run that was killed.

A part's name states the machine, the process and when the process began. Only a process of the same machine can tell
whether that one still lives, so parts of other machines, which may share the folder, are left alone.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import re
import shutil
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

logger = logging.getLogger(__name__)

PART = ".part-"
"""Prefix of unfinished files' names; it hides them, so that nobody takes one for a volume."""
MAX_KEPT = 180  # bytes of a file's name that its temporary name keeps; file systems allow 255
_swept: set[str] = set()  # folders in which this process has looked for what others left


def part_of(path: Path) -> Path:
    """Return a new temporary name beside a file or folder; it ends as the final name does."""
    kept = os.fsencode(path.name)[-MAX_KEPT:].decode("utf-8", "ignore")  # "ignore" drops a letter that was cut in two
    process = f"{os.getpid()}-{_began(os.getpid()) or 0}"
    return path.with_name(f"{PART}{_machine()}-{process}-{uuid.uuid4().hex[:8]}-{kept}")


def is_part(path: Path) -> bool:
    """Tell whether a file or folder has a temporary name, or is in a folder that has one."""
    return any(name.startswith(PART) for name in path.parts)


def sweep(folder: Path) -> None:
    """Remove what processes of this machine that were killed left unfinished in a folder.

    It looks once in each folder.
    """
    key = os.path.abspath(folder)
    if key in _swept:
        return
    _swept.add(key)
    with suppress(OSError):  # it is not there yet, or may not be listed; the caller finds out what that means
        for part in [path for path in folder.iterdir() if path.name.startswith(PART) and _is_left(path.name)]:
            with suppress(OSError):
                shutil.rmtree(part) if part.is_dir() and not part.is_symlink() else part.unlink()
                logger.info("%s: removed, a run that was killed had left it unfinished", part)


def _is_left(name: str) -> bool:
    """Tell by a part's name whether it is of this machine, and its process ended."""
    stated = re.match(rf"{re.escape(PART)}{_machine()}-(\d+)-(\d+)-", name)
    return stated is not None and not _lives(int(stated[1]), int(stated[2]))


def _lives(process: int, began: int) -> bool:
    """Tell whether a process lives; one that began at another time only has the same number."""
    if os.name != "posix":  # on Windows, asking would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it is another user's
        pass
    return _began(process) in (None, began)


def _began(process: int) -> int | None:
    """Return when a process began, in the kernel's ticks; None where the system does not tell."""
    try:
        # the name of the program, in parentheses, may hold spaces; the 20th word after it is the time
        return int(Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


@cache
def _machine() -> str:
    """Return what tells apart machines, and containers that number processes for themselves."""
    known = [platform.node()]
    with suppress(OSError):
        known.append(Path("/etc/machine-id").read_text())
    with suppress(OSError):
        known.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:8]
