"""What blocks pass on to their neighbours: sums of logits of windows that end there.

A window is run once, in the block where it starts. What it says of the voxels of the blocks after that goes to disk, a
file for each of them, and is added there, always in the same order, so that the result does not depend on which
process ran what.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scripts.core import refuse_failures, write_whole

from ..grid import Index

Sums = npt.NDArray[np.float32]


class Mail:
    """The files of one pass of the network over a volume.

    Args:
        folder: where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, target: Index, source: Index, sums: Sums) -> None:
        """Store what a block's windows say of another block's voxels, `(K - 1, x, y, z)`."""
        write_whole(self._path(target, source), lambda path: np.save(path, sums, allow_pickle=False))

    def receive(self, target: Index, source: Index) -> Sums | None:
        """Return what was sent, mapped into memory; None if nothing was.

        Raises:
            UserError: for a file that is damaged.
        """
        path = self._path(target, source)
        if not path.exists():
            return None
        with refuse_failures(path, "cannot be read", f"remove {self.folder.parent} and begin again"):
            sums: Sums = np.load(path, mmap_mode="r", allow_pickle=False)
        return sums

    def discard(self, target: Index, sources: list[Index]) -> None:
        """Remove what was sent to a block, once it is done."""
        for source in sources:
            with suppress(FileNotFoundError):
                self._path(target, source).unlink()

    def _path(self, target: Index, source: Index) -> Path:
        return self.folder / f"{'_'.join(map(str, target))}-from-{'_'.join(map(str, source))}.npy"
