"""Betti errors: by how many pieces and loops a segmentation differs from the label.

A mask has three Betti numbers: b0 counts its pieces, b1 its loops (more exactly its tunnels, independent of one
another) and b2 the cavities that it encloses. Vessel voxels belong together where they share a face, an edge or a
corner (26 neighbours), and what is not vessel where it shares a face (6 neighbours). With the Euler characteristic χ ::

    b0 - b1 + b2 = χ        so        b1 = b0 + b2 - χ        and the errors are |b0(P) - b0(L)| and |b1(P) - b1(L)|

of the segmentation P and the label L: for example Hu et al., *Topology-preserving deep image segmentation*, NeurIPS
2019. Equal numbers do not mean that the same pieces were found: one vessel missed and one invented cancel out (Stucki
et al., *Topologically faithful image segmentation via induced matching of persistence barcodes*, ICML 2023). And every
speck is a piece, every pinhole through a vessel a loop. So read them beside clDice.

All is exact block by block. Pieces are joined across blocks (`scripts.core.Pieces`); χ, which is scikit-image's, adds
up like a measure: χ(A ∪ B) = χ(A) + χ(B) - χ(A ∩ B), with blocks that overlap by one voxel.

>>> ring = np.ones((3, 3, 1), dtype=np.bool_)
>>> ring[1, 1] = False
>>> betti_numbers(lambda box: ring[tuple(slice(*ends) for ends in box)], ring.shape, (2, 2, 1))
(1, 1, 0)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from skimage.measure import euler_number

from scripts.core import FACES, TOUCHING, Box, Pieces, blocks

from .pair import Pair

Mask = npt.NDArray[np.bool_]

AT_ONCE = 1 << 21  # voxels of a block: scikit-image takes 17 bytes for each, SciPy's numbers of pieces 4
ALL_TOUCHING = 3  # scikit-image's word for 26 neighbours: voxels a step apart along all 3 axes touch


def betti_numbers(
    mask: Callable[[Box], Mask], shape: tuple[int, ...], sides: tuple[int, int, int]
) -> tuple[int, int, int]:
    """Return the Betti numbers of a mask of any size: pieces, loops and cavities.

    What lies outside the volume is taken not to be vessel.

    Args:
        mask: gives the voxels of a box, `(x, y, z)` bool, the same ones whenever it is asked.
        shape: of the whole, (X, Y, Z).
        sides: of the blocks that are looked at one after the other; the numbers do not depend on them.
    """
    pieces = len(Pieces(mask, shape, TOUCHING, sides).sizes) - 1
    if not pieces:
        return 0, 0, 0
    outside = Pieces(lambda box: ~mask(box), shape, FACES, sides)
    cavities = len(outside.sizes) - 1 - int(np.count_nonzero(outside.at_the_border()))
    return pieces, pieces + cavities - _euler_characteristic(mask, shape, sides), cavities


def _euler_characteristic(mask: Callable[[Box], Mask], shape: tuple[int, ...], sides: tuple[int, int, int]) -> int:
    """Return χ of a mask; arguments are those of `betti_numbers`."""
    total = 0
    for box in blocks(shape, sides):
        overlapping = tuple((start, min(stop + 1, size)) for (start, stop), size in zip(box, shape, strict=True))
        part = mask(overlapping)  # (x + 1, y + 1, z + 1), less where the volume ends
        if not part.any():
            continue
        # what this block shares with the next ones, along one axis or several, is counted by each of them
        for shared in product((False, True), repeat=3):
            ends = (stop == size for (_, stop), size in zip(box, shape, strict=True))
            if not any(plane and end for plane, end in zip(shared, ends, strict=True)):
                at = tuple(slice(-1, None) if plane else slice(None) for plane in shared)
                total += (-1) ** sum(shared) * int(euler_number(part[at], connectivity=ALL_TOUCHING))
    return total


@dataclass
class TopologyCounts:
    """How many pieces and loops the segmentation and the label of one volume have.

    Attributes:
        segmentation: `(K - 1, 2)` int64, a row for each vessel class: b0 and b1 of the segmentation.
        label: `(K - 1, 2)` int64: those of the label.
        labelled: whether any voxel is.
    """

    KEY: ClassVar[str] = "topology"
    SCORES: ClassVar[tuple[str, ...]] = ("betti0_error", "betti1_error")

    segmentation: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    labelled: bool

    @classmethod
    def of(
        cls, logits: torch.Tensor, label: torch.Tensor, threshold: float = 0.5, predicted: torch.Tensor | None = None
    ) -> TopologyCounts:
        """Segment and count, which takes a second or two a volume; arguments are those of `Pair.of`."""
        return cls.of_pair(Pair.of(logits, label, threshold, predicted))

    @classmethod
    def of_pair(cls, pair: Pair) -> TopologyCounts:
        """Count in the labelled voxels (`label >= 0`), block by block.

        Voxels that are not labelled count as background in both, so that a region has the numbers that a volume cut
        out there would have: a vessel that leaves the labelled part and comes back is two pieces, in both masks.
        """
        sides, counts = pair.sides(AT_ONCE), np.zeros((2, pair.classes - 1, 2), dtype=np.int64)
        for which, index in product(range(2), range(1, pair.classes)):

            def mask(box: Box, which: int = which, index: int = index) -> Mask:
                both = pair.read(box)
                inside: Mask = (both[which] == index) & (both[1] >= 0)
                return inside

            counts[which, index - 1] = betti_numbers(mask, pair.shape, sides)[:2]
        labelled = any(bool((pair.read(box)[1] >= 0).any()) for box in blocks(pair.shape, sides))
        return cls(counts[0], counts[1], labelled)

    def scores(self, score: str) -> list[float]:
        """Return one of `SCORES` for each vessel class; NaN where nothing is labelled.

        Where the label has no vessel, it is the number of pieces or loops that are predicted, and the other way round;
        0 where neither has any.
        """
        errors = np.abs(self.segmentation - self.label)[:, self.SCORES.index(score)]  # (K - 1,)
        return [float(error) if self.labelled else float("nan") for error in errors]
