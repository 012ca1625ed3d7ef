"""Surface distances in real units: the 95 % Hausdorff distance and surface Dice.

The surface of a mask are its voxels of which a face is not shared with the mask; what lies outside the volume is not.
With the distances d(P, L) from each surface voxel of the segmentation P to the nearest one of the label L, and the
other way round::

    hausdorff_95 = max(percentile 95 of d(P, L), percentile 95 of d(L, P))
    surface_dice = (|d(P, L) <= t| + |d(L, P) <= t|) / (|d(P, L)| + |d(L, P)|)

The first is after Huttenlocher et al. (IEEE TPAMI 1993), the percentile in place of the maximum because a single stray
voxel decides that; the second is Nikolov et al., *Clinically applicable segmentation of head and neck anatomy for
radiotherapy* (JMIR 2021), as MONAI has it: a surface voxel counts as one, whatever its area. Both equal MONAI's
`compute_hausdorff_distance` and `compute_surface_dice`, which want the whole volume at once; here it goes block by
block and is exact too. Surfaces are MONAI's, distances SciPy's (a k-d tree, as MONAI has it).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from monai.metrics.utils import get_mask_edges
from scipy.spatial import KDTree

from scripts.core import Box, blocks, grown, inside_of, through_plane_axis

from .pair import Pair

Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]

AT_ONCE = 1 << 20  # voxels of a block; with its margin, up to 80 MiB where half of all voxels are vessel at random
REACH = 16  # times the finest voxel side: so far around a block its voxels are compared with the other surface at once
TREES = 4  # surfaces of blocks that are kept, for voxels whose nearest is further away
ROUNDING = 1e-6  # relative: distances are 32-bit, and one that equals the tolerance is within it


def tolerance_of(voxel_size: tuple[float, ...]) -> float:
    """Return how far two surfaces that agree may lie apart: the longer side of a voxel in plane.

    A border drawn by hand is no more certain than that. Of a stack with coarse slices a step between slices is further,
    and does not agree: it is wider than many a vessel.
    """
    across = through_plane_axis(np.diag([*voxel_size, 1]))
    return max(side for axis, side in enumerate(voxel_size) if axis != across)


@dataclass
class Distances:
    """Distances of surface voxels, sorted into equal ones.

    Attributes:
        values: `(N,)` float32, ascending.
        voxels: `(N,)` int64, how many have each.
    """

    values: npt.NDArray[np.float32]
    voxels: npt.NDArray[np.int64]

    @classmethod
    def of(cls, distances: Points) -> Distances:
        """Sort distances `(M,)`."""
        return cls(*np.unique(distances.astype(np.float32), return_counts=True))

    def __add__(self, other: Distances) -> Distances:
        """Return both together."""
        values, place = np.unique(np.concatenate((self.values, other.values)), return_inverse=True)
        voxels = np.bincount(place, np.concatenate((self.voxels, other.voxels)), len(values)).astype(np.int64)
        return Distances(values, voxels)

    def within(self, tolerance: float) -> int:
        """Return how many are at most as long as the tolerance."""
        return int(self.voxels[self.values <= tolerance * (1 + ROUNDING)].sum())

    def percentile(self, percent: float) -> float:
        """Return a percentile, between two voxels in proportion; NaN where there are none."""
        if not len(self.values):
            return float("nan")
        place = (self.voxels.sum() - 1) * percent / 100
        # (2,), of the voxels before and after the place; the last one has none after it
        at = np.searchsorted(self.voxels.cumsum(), np.floor([place, place + 1]), side="right")
        lower, upper = self.values[at.clip(max=len(self.values) - 1)].astype(float)
        return float(lower + (upper - lower) * (place % 1))


@dataclass
class SurfaceCounts:
    """The distances between the surfaces of the segmentation and of the label of one volume.

    Attributes:
        segmentation: for each vessel class, those from the surface of the segmentation to that of the label.
        label: for each vessel class, those from the surface of the label to that of the segmentation.
        vessels: `(K - 1, 2)` bool: whether the segmentation, and the label, have a labelled voxel of the class.
        tolerance: see `tolerance_of`.
    """

    KEY: ClassVar[str] = "surfaces"
    SCORES: ClassVar[tuple[str, ...]] = ("hausdorff_95", "surface_dice")

    segmentation: list[Distances]
    label: list[Distances]
    vessels: Mask
    tolerance: float

    @classmethod
    def of(
        cls, logits: torch.Tensor, label: torch.Tensor, threshold: float = 0.5, predicted: torch.Tensor | None = None
    ) -> SurfaceCounts:
        """Segment and measure, which takes seconds a volume; arguments are those of `Pair.of`."""
        return cls.of_pair(Pair.of(logits, label, threshold, predicted))

    @classmethod
    def of_pair(cls, pair: Pair) -> SurfaceCounts:
        """Measure from the labelled voxels (`label >= 0`), block by block.

        As for centrelines, a mask that was cut off where the labelled part ends would have a surface there that is
        nobody's. So voxels that are not labelled are taken to be in the label what they are in the segmentation. Only
        distances from labelled voxels count, to any voxel.
        """
        found: list[tuple[Distances, Distances]] = []
        vessels = np.zeros((pair.classes - 1, 2), dtype=np.bool_)
        for index in range(1, pair.classes):
            surfaces = _Surfaces(pair, index)
            found.append(surfaces.distances())
            vessels[index - 1] = surfaces.vessels
        return cls([one for one, _ in found], [two for _, two in found], vessels, tolerance_of(pair.voxel_size))

    def scores(self, score: str) -> list[float]:
        """Return one of `SCORES` for each vessel class; what is undefined is NaN.

        The Hausdorff distance, in the unit of the voxel size, is undefined where the labelled voxels of the
        segmentation, or of the label, hold no vessel, for nothing is at any distance from nothing. Surface Dice is 0
        there, and undefined where neither holds any.
        """
        return [
            self._hausdorff(*each) if score == "hausdorff_95" else self._dice(*each)
            for each in zip(self.segmentation, self.label, self.vessels.tolist(), strict=True)
        ]

    def _hausdorff(self, one: Distances, two: Distances, vessels: list[bool]) -> float:
        return float(np.fmax(one.percentile(95), two.percentile(95))) if all(vessels) else float("nan")

    def _dice(self, one: Distances, two: Distances, vessels: list[bool]) -> float:
        if not all(vessels):
            return 0.0 if any(vessels) else float("nan")
        every = int(one.voxels.sum() + two.voxels.sum())
        return (one.within(self.tolerance) + two.within(self.tolerance)) / every if every else float("nan")


class _Surfaces:
    """The surfaces of a class in the segmentation (0) and in the label (1), block by block.

    Args:
        pair: the segmentation and the label.
        index: the class.

    Attributes:
        vessels: `(2,)`, whether each of both has a labelled voxel of the class.
    """

    def __init__(self, pair: Pair, index: int) -> None:
        self.pair, self.index, self.size = pair, index, np.array(pair.voxel_size)
        self.reach = REACH * min(pair.voxel_size)
        x, y, z = (ceil(self.reach / side) for side in pair.voxel_size)
        self.margin = x, y, z
        self.boxes = list(blocks(pair.shape, pair.sides(AT_ONCE)))
        self.vessels = np.zeros(2, dtype=np.bool_)
        self.extents: tuple[list[Points], list[Points]] = ([], [])  # of what each block holds, (2, 3), lowest first
        for box in self.boxes:
            *masks, labelled = self._masks(box)
            for which, mask in enumerate(masks):
                self.vessels[which] |= (mask & labelled).any()
                self.extents[which].append(self._extent(mask, box))
        self.tree = lru_cache(TREES)(self._tree)

    def distances(self) -> tuple[Distances, Distances]:
        """Return those from the labelled surface of each to the other; none if either is empty."""
        total = [Distances.of(np.zeros(0)), Distances.of(np.zeros(0))]
        for box in self.boxes if self.vessels.all() else ():
            near = grown(box, self.margin, self.pair.shape)
            edges, labelled = self._edges(near), self.pair.read(box)[1] >= 0
            for which, edge in enumerate(edges):
                starts = self._places(edge[inside_of(box, near)] & labelled, box)  # (N, 3)
                if not len(starts):
                    continue
                found = self._nearest(KDTree(self._places(edges[1 - which], near)), starts)
                far = found > self.reach  # whatever is outside `near` is further than that
                if far.any() and near != tuple((0, side) for side in self.pair.shape):
                    found[far] = self._beyond(starts[far], found[far], 1 - which)
                total[which] += Distances.of(found)
        return total[0], total[1]

    def _masks(self, box: Box) -> tuple[Mask, Mask, Mask]:
        """Return the segmentation, the completed label, and what is labelled, `(x, y, z)` each."""
        segmented, real = self.pair.read(box)
        found, labelled = segmented == self.index, real >= 0
        return found, (real == self.index) | (~labelled & found), labelled

    def _edges(self, box: Box) -> tuple[Mask, Mask]:
        """Return which voxels of a box are surface, `(x, y, z)`, of each."""
        around = grown(box, (1, 1, 1), self.pair.shape)
        one, two = get_mask_edges(*self._masks(around)[:2], crop=False)
        inside = inside_of(box, around)
        return one[inside], two[inside]

    def _places(self, mask: Mask, box: Box) -> Points:
        """Return where voxels of a box lie, `(N, 3)`."""
        places: Points = (np.argwhere(mask) + [start for start, _ in box]) * self.size
        return places

    def _extent(self, mask: Mask, box: Box) -> Points:
        """Return the lowest and highest place of a mask, `(2, 3)`; NaN if it is empty."""
        if not mask.any():
            return np.full((2, 3), np.nan)
        along = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        first = np.array([start for start, _ in box])
        ends: Points = (np.array([[each[0] for each in along], [each[-1] for each in along]]) + first) * self.size
        return ends

    @staticmethod
    def _nearest(tree: KDTree, starts: Points, most: float = np.inf) -> Points:
        """Return how far from each place `(N, 3)` the nearest in a tree is, infinite if over `most`."""
        distances: Points = tree.query(starts, distance_upper_bound=most)[0] if tree.n else np.full(len(starts), np.inf)
        return distances

    def _tree(self, which: int, number: int) -> KDTree:
        """Return the surface of one of both in a block."""
        box = self.boxes[number]
        return KDTree(self._places(self._edges(box)[which], box))

    def _beyond(self, starts: Points, best: Points, which: int) -> Points:
        """Look into further blocks, the closest first, until none can hold anything nearer.

        Args:
            starts: `(N, 3)`, places.
            best: `(N,)`, the distances known so far, from these to the surface.
            which: the surface, of the segmentation or of the label.
        """
        extents = np.stack(self.extents[which])  # (B, 2, 3)
        gaps = _gap(extents[:, 0], extents[:, 1], starts.min(axis=0), starts.max(axis=0))  # (B,), NaN if empty
        for number in np.argsort(gaps):  # NaN comes last
            if not gaps[number] < best.max():
                break
            closer = _gap(extents[number, 0], extents[number, 1], starts, starts) < best  # (N,)
            if closer.any():
                found = self._nearest(self.tree(which, int(number)), starts[closer], best[closer].max())
                best[closer] = np.minimum(best[closer], found)
        return best


def _gap(lowest: Points, highest: Points, other_lowest: Points, other_highest: Points) -> Points:
    """Return how far boxes are apart, `(...)`, given their corners, `(..., 3)`."""
    apart = np.maximum(lowest - other_highest, other_lowest - highest)
    distance: Points = np.linalg.norm(np.maximum(apart, 0), axis=-1)
    return distance
