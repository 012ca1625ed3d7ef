"""clDice: whether a segmentation follows the vessels, whatever their width; by the centrelines of it and of the label.

Shit et al., *clDice: a novel topology-preserving loss function for tubular structure segmentation*, CVPR 2021. With
the mask V and the centreline S (skeleton) of the label L and of the segmentation P::

    Tprec  = |S_P ∩ V_L| / |S_P|        Tsens = |S_L ∩ V_P| / |S_L|        clDice = 2 Tprec Tsens / (Tprec + Tsens)

Centrelines are in voxels, each counted as one, and voxel size is ignored: in a thin stack a step between slices weighs
as much as one within a slice, however far it is. MONAI has the soft loss, and no such metric.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from monai.utils import convert_to_numpy
from scipy import ndimage
from skimage.morphology import skeletonize

TOUCHING = np.ones((3, 3, 3))  # voxels that share a face, an edge or a corner are one piece, as they are in thinning


def centreline(mask: np.ndarray) -> np.ndarray:
    """Thin vessels to lines one voxel wide: scikit-image's `skeletonize` (Lee et al. 1994), as in the paper's code.

    It erases pieces that are an even number of voxels wide throughout (scikit-image issue 3757), a straight vessel of
    2x2 for one. Such a piece is thinned on a finer grid instead, so that no vessel is without a centreline. A branch of
    that kind that hangs on a larger piece may still lose its free end.

    Args:
        mask: `(X, Y, Z)` bool.

    Returns:
        `(X, Y, Z)` bool, within the mask.
    """
    thin = skeletonize(mask)
    pieces, count = ndimage.label(mask, TOUCHING)
    left = np.bincount(pieces[thin], minlength=count + 1)  # (count + 1,): what is left of each piece
    left[0] = 1  # the background is none
    boxes = ndimage.find_objects(pieces)
    for number in np.flatnonzero(left == 0):
        box = boxes[number - 1]
        thin[box] |= _thinned_finely(pieces[box] == number)
    return thin


def _thinned_finely(piece: np.ndarray) -> np.ndarray:
    """Thin on the grid of all voxels and the midpoints between them, where what was 2n wide is 4n - 1 wide.

    Of a blob of which even that leaves nothing, the deepest voxel is kept.
    """
    fine = piece
    for axis in range(3):
        fine = _with_midpoints(fine, axis)
    line = np.argwhere(skeletonize(fine)) // 2  # (N, 3): a midpoint is in only with all voxels around it
    if not len(line):
        depth = ndimage.distance_transform_cdt(np.pad(piece, 1))[1:-1, 1:-1, 1:-1]
        line = np.argwhere(depth == depth.max())[:1]  # (1, 3)
    thin = np.zeros_like(piece)
    thin[tuple(line.T)] = True
    return thin


def _with_midpoints(mask: np.ndarray, axis: int) -> np.ndarray:
    mask = np.moveaxis(mask, axis, 0)
    fine = np.zeros((2 * len(mask) - 1, *mask.shape[1:]), dtype=bool)
    fine[::2], fine[1::2] = mask, mask[:-1] & mask[1:]
    return np.moveaxis(fine, 0, axis)


@dataclass
class CentrelineCounts:
    """What clDice needs to know of one volume's labelled voxels.

    Attributes:
        predicted: `(K - 1, 2)` int64, a row a vessel class: voxels of the segmentation's centreline that lie in the
            label, and all of them.
        real: likewise, voxels of the label's centreline that lie in the segmentation, and all.
    """

    predicted: np.ndarray
    real: np.ndarray

    @classmethod
    def of(cls, predicted: torch.Tensor, label: torch.Tensor, classes: int = 2) -> CentrelineCounts:
        """Count the labelled voxels (`label >= 0`).

        A mask that ended where the labelled part ends would have ends, and at its rim slivers, whose centrelines are
        nobody's vessel. So the segmentation is thinned as a whole, and the label as if what is not labelled were as the
        segmentation has it: vessels go on across the border as far as the segmentation sees them. Counted are
        labelled voxels alone, and where all of those agree, all scores are 1.

        Args:
            predicted: `(1, X, Y, Z)`, the segmentation's class indices.
            label: `(1, X, Y, Z)`, class indices.
            classes: how many there are, K, with the background.
        """
        seen, real = (convert_to_numpy(each[0]) for each in (predicted, label))  # (X, Y, Z)
        counts = np.zeros((2, classes - 1, 2), dtype=np.int64)
        for index in range(1, classes):
            completed = (real == index) | ((real < 0) & (seen == index))
            for row, mask, other in ((0, seen == index, real == index), (1, completed, seen == index)):
                line = centreline(mask) & (real >= 0)
                counts[row, index - 1] = np.count_nonzero(line & other), np.count_nonzero(line)
        return cls(*counts)

    def scores(self, score: str) -> list[float]:
        """Return `cldice` or `centreline_sensitivity` (Tsens) for each vessel class; what is undefined is NaN.

        Tprec is undefined where no centreline of the segmentation lies in what is labelled, Tsens where none of the
        label does. clDice is 0 where one
        of them is 0, so that to find nothing, or vessel where there is none, is as bad as it is for Dice.
        """
        precision, sensitivity = (
            [hit / every if every else float("nan") for hit, every in rows.tolist()]
            for rows in (self.predicted, self.real)
        )
        if score == "centreline_sensitivity":
            return sensitivity
        return [2 * p * s / (p + s) if p and s else 0.0 for p, s in zip(precision, sensitivity, strict=True)]
