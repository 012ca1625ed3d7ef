"""clDice: whether a segmentation follows the vessels, whatever their width; their length.

It compares the centreline of the segmentation with the label, and the centreline of the label with the segmentation.

Shit et al., *clDice: a novel topology-preserving loss function for tubular structure segmentation*, CVPR 2021. With
the mask V and the centreline S (skeleton) of the label L and of the segmentation P::

    Tprec  = |S_P ∩ V_L| / |S_P|        Tsens = |S_L ∩ V_P| / |S_L|        clDice = 2 Tprec Tsens / (Tprec + Tsens)

Each voxel of a centreline counts as one, whatever the voxel size: in a thin stack a step between slices weighs as much
as one within a slice, however far it is. MONAI has the soft loss of the paper, but not this metric.

The same centrelines have lengths, in the volume's unit (`scripts.metrics.length`), and the length error is::

    | length of S_P - length of S_L | / length of S_L
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from monai.utils import convert_to_numpy, convert_to_tensor
from scipy import ndimage
from skimage.morphology import skeletonize

from scripts.core import segmentation_of

from .length import KINDS, length_of, links_of
from .pair import size_of

Mask = npt.NDArray[np.bool_]

TOUCHING = np.ones((3, 3, 3))  # voxels that share a face, an edge or a corner are one piece, as they are in thinning


def centreline(mask: Mask) -> Mask:
    """Thin vessels to lines that are one voxel wide.

    This is scikit-image's `skeletonize` (Lee et al. 1994), as in the paper's code. It erases pieces that are an even
    number of voxels wide throughout, such as a straight vessel of 2x2 (scikit-image issue 3757). Such a piece is
    thinned on a finer grid instead, so that every vessel has a centreline. A branch of that kind that hangs on a larger
    piece may still lose its free end.

    Args:
        mask: `(X, Y, Z)` bool.

    Returns:
        `(X, Y, Z)` bool, within the mask.
    """
    thin: Mask = skeletonize(mask)  # (X, Y, Z)
    pieces, count = ndimage.label(mask, TOUCHING)
    left = np.bincount(pieces[thin], minlength=count + 1)  # (count + 1,): what is left of each piece
    left[0] = 1  # the background has no centreline to lose
    boxes = ndimage.find_objects(pieces)
    for number in np.flatnonzero(left == 0):
        box = boxes[number - 1]
        thin[box] |= _thinned_finely(pieces[box] == number)
    return thin


def _thinned_finely(piece: Mask) -> Mask:
    """Thin a piece `(X, Y, Z)` on the grid of its voxels and of the midpoints between them.

    What was 2n voxels wide is 4n - 1 wide there. Where even that leaves nothing of a blob, its deepest voxel is kept.
    """
    fine = piece
    for axis in range(3):
        fine = _with_midpoints(fine, axis)  # in the end (2 X - 1, 2 Y - 1, 2 Z - 1)
    line = np.argwhere(skeletonize(fine)) // 2  # (N, 3): a midpoint is in only with all voxels around it
    if not len(line):
        depth = ndimage.distance_transform_cdt(np.pad(piece, 1))[1:-1, 1:-1, 1:-1]
        line = np.argwhere(depth == depth.max())[:1]  # (1, 3)
    thin = np.zeros_like(piece)
    thin[tuple(line.T)] = True
    return thin


def _with_midpoints(mask: Mask, axis: int) -> Mask:
    """Add the midpoints of voxels along an axis; one is in the mask where both its voxels are."""
    mask = np.moveaxis(mask, axis, 0)
    fine = np.zeros((2 * len(mask) - 1, *mask.shape[1:]), dtype=np.bool_)
    fine[::2], fine[1::2] = mask, mask[:-1] & mask[1:]
    return np.moveaxis(fine, 0, axis)


@dataclass
class CentrelineCounts:
    """Counts of the voxels of one volume's centrelines, of the segmentation and of the label.

    Attributes:
        segmentation: `(K - 1, 2)` int64, a row for each vessel class: how many voxels of the segmentation's centreline
            lie in the label, and how many it has.
        label: `(K - 1, 2)` int64: how many voxels of the label's centreline lie in the segmentation, and how many it
            has.
        links: `(2, K - 1, 7)` int64, of what those of the segmentation and of the label are linked by, `links_of`.
        voxel_size: along X, Y and Z, in millimetres; 1 where it is not known, so that lengths are in voxels.
    """

    KEY: ClassVar[str] = "centrelines"
    SCORES: ClassVar[tuple[str, ...]] = ("cldice", "centreline_sensitivity", "length_error")

    segmentation: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    links: npt.NDArray[np.int64]
    voxel_size: tuple[float, ...] = (1.0, 1.0, 1.0)

    @classmethod
    def of(
        cls, logits: torch.Tensor, label: torch.Tensor, threshold: float = 0.5, predicted: torch.Tensor | None = None
    ) -> CentrelineCounts:
        """Segment and count the labelled voxels (`label >= 0`), which takes seconds a volume.

        Args:
            logits: `(K, X, Y, Z)`, background first; voxels are as large as its affine says, else that of the label.
            label: `(1, X, Y, Z)`, class indices below K, negative where not labelled.
            threshold: probability above which a voxel is vessel (`scripts.core.apply_threshold`).
            predicted: `(1, X, Y, Z)`, class indices, if they are not those of the threshold alone.
        """
        size = size_of(logits, label)
        logits = convert_to_tensor(logits, track_meta=False)
        predicted = segmentation_of(logits, threshold) if predicted is None else predicted  # (1, X, Y, Z)
        return cls.of_segmentation(predicted, label, classes=len(logits), voxel_size=size)

    @classmethod
    def of_segmentation(
        cls,
        predicted: torch.Tensor,
        label: torch.Tensor,
        classes: int = 2,
        counted: tuple[slice, ...] = (slice(None),) * 3,
        voxel_size: Sequence[float] = (1, 1, 1),
    ) -> CentrelineCounts:
        """Count the labelled voxels (`label >= 0`).

        A mask that was cut off where the labelled part ends would have new ends there and slivers along its rim, whose
        centrelines follow no vessel. So the segmentation is thinned as a whole, and the label as if voxels that are not
        labelled were what the segmentation has there: vessels go on across the border as far as it sees them. Only
        labelled voxels are counted, and where all of these agree, the scores are as good as can be.

        Args:
            predicted: `(1, X, Y, Z)`, class indices.
            label: `(1, X, Y, Z)`, class indices, negative where not labelled.
            classes: how many there are, K, with the background.
            counted: which voxels are; all are thinned.
            voxel_size: along X, Y and Z, in millimetres.
        """
        segmented, labelled = (convert_to_numpy(each[0]) for each in (predicted, label))  # (X, Y, Z) each
        counts = np.zeros((2, classes - 1, 2), dtype=np.int64)
        links = np.zeros((2, classes - 1, len(KINDS)), dtype=np.int64)
        is_counted = np.zeros(labelled.shape, dtype=np.bool_)
        is_counted[counted] = labelled[counted] >= 0
        for index in range(1, classes):
            found, real = segmented == index, labelled == index  # (X, Y, Z) each
            completed = real | ((labelled < 0) & found)  # (X, Y, Z)
            for row, mask, other in ((0, found, real), (1, completed, found)):
                line = centreline(mask)  # (X, Y, Z)
                links[row, index - 1] = links_of(line, is_counted)
                line &= is_counted
                counts[row, index - 1] = np.count_nonzero(line & other), np.count_nonzero(line)
        return cls(counts[0], counts[1], links, tuple(map(float, voxel_size)))

    def __add__(self, other: CentrelineCounts) -> CentrelineCounts:
        """Return the counts of both sets of voxels together."""
        segmentation, label = self.segmentation + other.segmentation, self.label + other.label
        return CentrelineCounts(segmentation, label, self.links + other.links, self.voxel_size)

    def scores(self, score: str) -> list[float]:
        """Return one of `SCORES` for each vessel class; what is undefined is NaN.

        `centreline_sensitivity` is Tsens. Tprec is undefined where the segmentation has no centreline in the labelled
        part, and Tsens where the label has none. clDice is 0 where either is 0, so that finding nothing, or vessel
        where there is none, is as bad as it is for Dice.

        `length_error` is undefined where the label's centreline has no length: there is none, or none of two voxels. It
        is 1 where the segmentation has none.
        """
        if score == "length_error":
            lengths = [[length_of(links, self.voxel_size) for links in of_one] for of_one in self.links]
            return [abs(found - real) / real if real else float("nan") for found, real in zip(*lengths, strict=True)]
        precision, sensitivity = (
            [hit / every if every else float("nan") for hit, every in rows.tolist()]
            for rows in (self.segmentation, self.label)
        )
        if score == "centreline_sensitivity":
            return sensitivity
        return [2 * p * s / (p + s) if p and s else 0.0 for p, s in zip(precision, sensitivity, strict=True)]
