"""A folder that others copy files into: which files are complete, and which are done.

The folder is looked at every few seconds. Libraries that wait for news of the file system instead would not help: a
network share sends no news of what another machine writes, and no file system tells when a copy has ended.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.io import is_zarr

MAX_PAUSE = 600.0  # seconds between two tries of a file that the disk or the network failed


@dataclass
class _Entry:
    """What is known of one file.

    Attributes:
        state: size in bytes, and time of the last change in nanoseconds.
        since: when the file was first seen in this state, in seconds of the clock.
        dealt_with: whether it has been dealt with in this state.
        pause: seconds to wait before the next try.
        not_before: when the next try may be, in seconds of the clock.
    """

    state: tuple[int, int]
    since: float
    dealt_with: bool = False
    pause: float = 0.0
    not_before: float = 0.0


class Inbox:
    """The files of a folder, each offered when it is complete, and again when it has changed.

    Args:
        folder: the folder; hidden files, and files in folders inside it that are no Zarr, are passed over.
        interval: seconds without a change after which a file counts as complete.
        apart: paths in the folder that are passed over.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        folder: str | Path,
        interval: float,
        apart: Sequence[Path] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self.interval, self.clock = Path(folder), interval, clock
        self.apart = {path.resolve() for path in apart}
        self.entries: dict[Path, _Entry] = {}

    def complete(self) -> list[Path]:
        """Look at the folder, and list the complete files that are new or have changed.

        Returns:
            Their paths, sorted.

        Raises:
            OSError: if the folder cannot be read, or is gone.
        """
        found: dict[Path, _Entry] = {}
        for path in sorted(self.folder.iterdir()):
            state = None if path.name.startswith(".") or path.resolve() in self.apart else state_of(path)
            if state is not None:
                before = self.entries.get(path)
                found[path] = before if before and before.state == state else _Entry(state, since=self.clock())
        self.entries = found
        now = self.clock()
        return [
            path
            for path, entry in found.items()
            if not entry.dealt_with and now - entry.since >= self.interval and now >= entry.not_before
        ]

    def unchanged(self, path: Path) -> bool:
        """Tell whether a file is still as it was when the folder was last looked at."""
        return path in self.entries and state_of(path) == self.entries[path].state

    def deal_with(self, path: Path) -> None:
        """Mark a file as dealt with, so that it is offered again only when it changes."""
        self.entries[path].dealt_with = True

    def put_off(self, path: Path) -> None:
        """Offer a file again after a pause, which doubles each time."""
        entry = self.entries[path]
        entry.pause = min(max(2 * entry.pause, self.interval), MAX_PAUSE)
        entry.not_before = self.clock() + entry.pause


def state_of(path: Path) -> tuple[int, int] | None:
    """Return size and time of the last change of a file, or of all files of a Zarr.

    It is None for what is neither, or gone.
    """
    try:
        status = path.stat()
        if not stat.S_ISDIR(status.st_mode):
            return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
        if not is_zarr(path):
            return None
        found = [os.stat(os.path.join(place, name)) for place, _, names in os.walk(path) for name in names]
    except OSError:  # gone since the folder was listed
        return None
    return sum(each.st_size for each in found), max((each.st_mtime_ns for each in found), default=0)
