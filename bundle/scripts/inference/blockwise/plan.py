"""How large blocks are, and what they take of memory and disk."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from scripts.core import AUTO, free_memory, refuse, size

from ..estimate import FLOAT, LIBRARIES, OF_WINDOW
from ..multiscale import COARSER

Shape = tuple[int, int, int]

USUAL_MEMORY = 1.5e9  # bytes for the arrays of a block; the process takes some 0.4 GB besides
SHARE_OF_FREE = 0.5  # of the free memory, where that is less
SMALLEST, LARGEST = 64, 1024  # sides of blocks, in voxels
CHUNK = 128  # side of a chunk, in voxels, where blocks are larger
RAW = 8  # bytes for a voxel of the block that is read ahead: as the file has it, and scaled
MAIL_LAYERS = 2  # layers of blocks whose sums wait for others at once
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Plan:
    """How a volume is cut.

    Attributes:
        side: of a block, (X, Y, Z) in voxels, which may be more than the volume has.
        chunks: sides of a chunk of the arrays on disk, (X, Y, Z) in voxels; a block is made of whole ones.
        nbytes: of memory that a block takes.
    """

    side: Shape
    chunks: Shape
    nbytes: int


def read_memory(value: float | str | None) -> float:
    """Read the option `memory`: a number of GB, or text such as `800MB`.

    Returns:
        Bytes; by default 1.5 GB, or half of what is free if that is less.

    Raises:
        UserError: for anything else.
    """
    if value is None or (isinstance(value, str) and value.strip().lower() in ("", "none", AUTO)):
        free = free_memory()
        return USUAL_MEMORY if free is None else min(USUAL_MEMORY, SHARE_OF_FREE * free)
    found = _SIZE.fullmatch(str(value)) if not isinstance(value, bool) else None
    nbytes = float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2].lower() or "g"] if found else 0.0
    if nbytes <= 0:
        refuse(f"--memory {value}", "is no size of memory", "give one such as 2GB or 800MB")
    return nbytes


def plan_blocks(
    shape: Sequence[int],
    window: Sequence[int],
    at_once: int,
    width: int,
    classes: int,
    memory: float,
    side: int | None = None,
) -> Plan:
    """Choose the largest blocks that fit into memory.

    Args:
        shape: of the volume, (X, Y, Z) in voxels.
        window: largest window, (X, Y, Z) in voxels.
        at_once: windows that the network sees at once.
        width: of the network's first layer.
        classes: K, the background among them.
        memory: bytes that a block may take.
        side: of the blocks, to choose it oneself.

    Raises:
        UserError: if even the smallest blocks do not fit.
    """
    least = max(window)
    sides = [s for s in (*range(SMALLEST, CHUNK, SMALLEST), *range(CHUNK, LARGEST + 1, CHUNK)) if s >= least]
    if side is not None:
        sides = [side]
    elif not sides or sides[0] > least:
        sides = [least, *sides]
    plans = [_plan(shape, window, at_once, width, classes, each) for each in sides]
    fitting = [plan for plan in plans if plan.nbytes <= memory]
    if side is not None:
        return plans[0]
    if not fitting:
        problem = f"blocks of {sides[0]} voxels take {size(plans[0].nbytes)}"
        refuse(f"--memory {size(int(memory))}", problem, f"give {size(plans[0].nbytes)} or more")
    return fitting[-1]


def _plan(shape: Sequence[int], window: Sequence[int], at_once: int, width: int, classes: int, side: int) -> Plan:
    x, y, z = (min(side, size) for size in shape)
    chunk = CHUNK if side > CHUNK and side % CHUNK == 0 else side
    core = prod((x, y, z))
    seen = prod(min(own + reach, size + -size % 32) for own, reach, size in zip((x, y, z), window, shape, strict=True))
    vessels = FLOAT * (classes - 1)
    # read ahead; the batch, MONAI's logits and weights; the difference and its weights; what is being written
    of_seen = RAW + FLOAT + FLOAT * classes + FLOAT + vessels + FLOAT + vessels
    nbytes = of_seen * seen + (vessels + FLOAT) * core + OF_WINDOW * width * FLOAT * at_once * prod(window)
    return Plan((side,) * 3, (chunk,) * 3, LIBRARIES + int(nbytes))


def check_disk(folder: Path, needed: int, present: int) -> None:
    """Refuse what the disk has no room for, before the work.

    Args:
        folder: where it would lie.
        needed: bytes in all.
        present: bytes of it that an unfinished run has left.

    Raises:
        UserError: also an `OSError`.
    """
    free = shutil.disk_usage(folder).free
    if needed - present > free:
        problem = f"segmenting by blocks takes up to {size(needed - present)} of disk there, and {size(free)} are free"
        refuse(folder, problem, "make room, or choose another --output_dir", OSError)


def disk_needed(
    shape: Sequence[int],
    plan: Plan,
    window: Sequence[int],
    classes: int,
    passes: int,
    coarser: bool,
    probability: bool,
    copied: bool,
) -> int:
    """Return the bytes of disk that segmenting a volume takes at most, with its result.

    Args:
        shape: of the volume, (X, Y, Z) in voxels.
        plan: of its blocks.
        window: (X, Y, Z) in voxels.
        classes: K, the background among them.
        passes: how often the network sees it.
        coarser: whether the network may see it at smaller sizes too.
        probability: whether probabilities are written.
        copied: whether the result is copied from an array on disk into a file of another kind.
    """
    voxels = prod(shape)
    logits = FLOAT * (classes - 1)
    smaller = sum((FLOAT + logits) * voxels * scale**3 for scale in COARSER) if coarser else 0
    sides = [min(side, size) for side, size in zip(plan.side, shape, strict=True)]
    widened = [min(own + reach, size) for own, reach, size in zip(sides, window, shape, strict=True)]
    cross = voxels / max(shape)
    mail = logits * MAIL_LAYERS * (prod(widened) / prod(sides) - 1) * cross * max(sides)
    results = (2.3 if copied else 1.3) + (2.3 * logits if probability else 0)  # a pyramid adds a seventh, or a third
    return int(passes * (logits * voxels + smaller) + mail + results * voxels)
