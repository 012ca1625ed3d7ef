"""Work through blocks: read ahead, compute, write behind, and record what is done.

What is done stands in the attributes of the array that the stage writes, and only there: a run that was killed goes on
with the blocks that are not named, and does a block that was being written again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.core import return_freed_memory
from scripts.io import BlockArray

from .grid import BlockGrid, Index

DONE = "done_from_to"  # attribute: the blocks that are done, as ranges of their numbers in the order of the grid


@dataclass
class Apart:
    """How blocks that need one another are done by several processes.

    Attributes:
        send: stores what was computed, for the block itself and for others.
        needs: the blocks from which something must have been sent before a block can be put together.
        merge: puts a block together.
    """

    send: Callable[[Index, Any], None]
    needs: Callable[[Index], list[Index]]
    merge: Callable[[Index], None]


@dataclass
class Stage:
    """One thing that is done to every block.

    Attributes:
        name: what it does, for the log.
        blocks: the blocks, in the order in which they are done.
        record: the array whose attributes name the blocks that are done.
        load: reads what a block needs; runs ahead, in a thread of its own.
        compute: makes the result of what was read, in the caller's thread.
        store: writes the result; runs behind, in a thread of its own, one block after another.
        finished: called after a block is recorded as done.
        work: voxels that the network sees of a block, each as often as a window has it.
        apart: for a stage whose blocks need one another, how several processes do them.
        keeps_memory: whether a block leaves what it frees to the next, as the network wants, which would otherwise wait
            for new pages with every window.
    """

    name: str
    blocks: BlockGrid
    record: BlockArray
    load: Callable[[Index], Any]
    compute: Callable[[Index, Any], Any]
    store: Callable[[Index, Any], None]
    finished: Callable[[Index], None] = field(default=lambda index: None)
    work: Callable[[Index], int] = field(default=lambda index: 0)
    apart: Apart | None = None
    keeps_memory: bool = False

    def done(self, name: str = DONE) -> set[Index]:
        """Return the blocks recorded as done, or under another name as something else."""
        ranges = self.record.attributes.get(name, [])
        return {index for start, stop in ranges for index in self.blocks.indices[start:stop]}

    def left(self) -> list[Index]:
        """Return the blocks that are still to be done, in order."""
        done = self.done()
        return [index for index in self.blocks.indices if index not in done]

    def mark(self, done: Iterable[Index], name: str = DONE) -> None:
        """Record blocks as done, or under another name as something else."""
        numbers = self.blocks.numbers
        # it is written anew for each block, and of a hundred thousand numbers most lie side by side
        self.record.update_attributes(**{name: _ranges(numbers[index] for index in done)})

    def run(self, told: Callable[[Index], None] = lambda index: None) -> None:
        """Do all blocks that are not done yet.

        Args:
            told: called in the caller's thread when a block has been computed.
        """
        done, left = self.done(), self.left()
        if not left:
            return

        def write(index: Index, result: Any) -> None:
            self.store(index, result)
            done.add(index)
            self.mark(done)
            self.finished(index)

        with ThreadPoolExecutor(1) as ahead, ThreadPoolExecutor(1) as behind:
            loaded: Future[Any] = ahead.submit(self.load, left[0])
            writing: Future[None] | None = None
            try:
                for at, index in enumerate(left):
                    voxels = loaded.result()
                    if at + 1 < len(left):
                        loaded = ahead.submit(self.load, left[at + 1])
                    result = self.compute(index, voxels)
                    del voxels
                    if not self.keeps_memory:
                        return_freed_memory()
                    if writing is not None:
                        writing.result()  # no more than one result waits in memory
                    writing = behind.submit(write, index, result)
                    del result
                    told(index)
                if writing is not None:
                    writing.result()
            except BaseException:
                loaded.cancel()
                raise


def _ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Return numbers as ranges, each with its first number and the one after its last."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number:
            found[-1][1] += 1
        else:
            found.append([number, number + 1])
    return found


def kept_array(
    path: Path,
    shape: tuple[int, int, int],
    dtype: npt.DTypeLike,
    chunks: tuple[int, int, int],
    compressed: bool = True,
) -> BlockArray:
    """Open the array that a run before has left, or make it.

    Args:
        path: of the array.
        shape: (X, Y, Z) in voxels.
        dtype: of its voxels.
        chunks: sides (X, Y, Z) of a chunk.
        compressed: as in `BlockArray.create`.
    """
    if (left := BlockArray.resume(path)) is not None:
        return left
    clipped = [min(chunk, size) for chunk, size in zip(chunks, shape, strict=True)]
    return BlockArray.create(path, shape, np.dtype(dtype), clipped, compressed)
