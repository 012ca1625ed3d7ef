"""Which results of earlier runs a run replaces, and which it leaves beside its own."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from scripts.data import is_result_name, volume_name
from scripts.io import READ_SUFFIXES, is_zarr

logger = logging.getLogger(__name__)

MAX_TOLD = 5  # files that a line of the log names


class EarlierResults:
    """The results of some images that lie in a folder before a run.

    Args:
        folder: where the run writes its results.
        images: what it segments; none of these is a result.
    """

    def __init__(self, folder: Path, images: Iterable[Path]) -> None:
        paths = [Path(image) for image in images]
        names, own = {volume_name(path) for path in paths}, {path.resolve() for path in paths}
        self.folder = Path(folder)
        self._before = {
            path: _state(path)
            for path in (sorted(self.folder.iterdir()) if self.folder.is_dir() else [])
            if _is_there(path)
            and path.name.lower().endswith(READ_SUFFIXES)
            and is_result_name(volume_name(path), names)
            and path.resolve() not in own
        }

    @property
    def replaced(self) -> list[str]:
        """Names of those in whose place the run has written new ones."""
        return [path.name for path, state in self._before.items() if _is_there(path) and _state(path) != state]

    @property
    def left(self) -> list[str]:
        """Names of those that are as they were: the run did not write them."""
        return [path.name for path, state in self._before.items() if _is_there(path) and _state(path) == state]

    def tell_left(self) -> None:
        """Warn in one line of what might pass for a result of this run and is none."""
        if left := self.left:
            logger.warning("%s: of an earlier run, this one did not write it: %s", self.folder, listed(left))


def listed(names: Sequence[str]) -> str:
    """Return names as text, of many only some."""
    more = len(names) - MAX_TOLD
    return ", ".join(names[:MAX_TOLD]) + (f" and {more} more" if more > 0 else "")


def _is_there(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and is_zarr(path))


def _state(path: Path) -> tuple[int, int, int]:
    """Return what differs once a result has been written anew: it appears whole, by a rename."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
