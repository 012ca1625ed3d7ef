"""A folder that others copy files into: which of them are complete, and which were already dealt with.

It is looked at every few seconds. A network share tells nobody of what another machine writes to it, and that a copy
has ended is told by no file system; so the libraries that wait for such news would have to look all the same.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST_PAUSE = 600.0  # seconds between tries of what failed for want of a disk or a network


@dataclass
class _Entry:
    state: tuple[int, int]  # size in bytes, time of the last change in nanoseconds
    since: float  # when it was first seen so
    dealt_with: bool = False
    pause: float = 0.0
    not_before: float = 0.0


class Inbox:
    """The files of a folder, each offered once it has not changed for a while, and again whenever it has changed.

    Args:
        folder: its files, but not those of folders in it; hidden ones are passed over.
        interval: seconds without a change after which a file counts as complete.
        apart: a path in the folder that is passed over.
        clock: gives seconds.
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
        """Look at the folder, and list by name what is complete and has not been dealt with since it last changed.

        Raises:
            UserError: where the folder cannot be read, or is gone.
        """
        found: dict[Path, _Entry] = {}
        for path in sorted(self.folder.iterdir()):
            state = None if path.name.startswith(".") or path.resolve() in self.apart else _state(path)
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
        """Whether a file is still as it was when the folder was last looked at."""
        return path in self.entries and _state(path) == self.entries[path].state

    def deal_with(self, path: Path) -> None:
        """Offer a file no more, unless it changes."""
        self.entries[path].dealt_with = True

    def put_off(self, path: Path) -> None:
        """Offer a file again after a pause, each time twice as long."""
        entry = self.entries[path]
        entry.pause = min(max(2 * entry.pause, self.interval), LONGEST_PAUSE)
        entry.not_before = self.clock() + entry.pause


def _state(path: Path) -> tuple[int, int] | None:
    """Size and time of the last change of a file; None for what is not a file, or gone."""
    try:
        status = path.stat()
    except OSError:  # gone since the folder was listed
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
