"""A volume seen along Z, and how far a segmentation agrees with a label, in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

import numpy as np

from scripts.metrics import overlap_score

FOUND, EXTRA, MISSED = 1, 2, 3


@dataclass
class Projection:
    """What is seen along Z; arrays are (X, Y).

    Attributes:
        brightest: the maximum of the image.
        thickness: how many voxels are segmented.
        depth: the slice with the brightest segmented voxel; 0 where there is none.
        value: the value of the mask there, a class.
        agreement: what most voxels of vessel along this line are: `FOUND`, `EXTRA` or `MISSED`; else 0.
        agreeing: how many voxels are that.
        unlabelled: where no voxel along this line is labelled.
        slices: how many there are.
        values: of the mask above 0, ascending; none for a mask of fractions.
        masked: whether there is a mask.
        judged: whether there is a label to compare it with.
        voxels: how many there are.
        labelled: how many of them are labelled.
        segmented: how many are above 0 in the mask.
        found: voxels of vessel in mask and label.
        extra: in the mask alone.
        missed: in the label alone.
    """

    brightest: np.ndarray
    thickness: np.ndarray
    depth: np.ndarray
    value: np.ndarray
    agreement: np.ndarray
    agreeing: np.ndarray
    unlabelled: np.ndarray
    slices: int
    values: tuple[int, ...]
    masked: bool
    judged: bool
    voxels: int
    labelled: int
    segmented: int
    found: int
    extra: int
    missed: int

    def scores(self) -> dict[str, float | None]:
        """Return Dice, precision and recall of the labelled voxels; what is undefined is None."""
        counts = self.found, self.found + self.missed, self.found + self.extra
        scores = {name: overlap_score(name.lower(), *counts) for name in ("Dice", "precision", "recall")}
        return {name: None if isnan(score) else score for name, score in scores.items()}


def agreement(mask: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Return `FOUND`, `EXTRA` or `MISSED` for each voxel, and 0 where there is no vessel.

    Args:
        mask: vessel above 0.
        label: of the same shape, vessel above 0, not labelled below.
    """
    masked, vessel = mask > 0, label > 0
    kinds = np.zeros(mask.shape, np.uint8)
    kinds[masked & (label >= 0)] = EXTRA
    kinds[vessel] = MISSED
    kinds[masked & vessel] = FOUND
    return kinds


def project(image: np.ndarray, mask: np.ndarray | None, label: np.ndarray | None, judged: bool) -> Projection:
    """Look through a volume along Z. Beside the volumes, a few planes are in memory.

    Args:
        image: (X, Y, Z).
        mask: (X, Y, Z), vessel above 0; None where nothing is segmented.
        label: (X, Y, Z), vessel above 0, not labelled below; None where there is none.
        judged: whether to compare mask and label.
    """
    plane = image.shape[:2]
    brightest = np.full(plane, np.nan, np.float32)
    light = np.full(plane, -np.inf, np.float32)  # of the brightest segmented voxel
    depth, value = np.zeros(plane, np.int32), np.zeros(plane, np.int32)
    counts = np.zeros((3, *plane), np.int32)  # found, extra, missed
    known, thickness = np.zeros(plane, bool), np.zeros(plane, np.int32)
    labelled = 0
    values: set[int] = set()
    for z in range(image.shape[2]):
        seen = image[:, :, z].astype(np.float32)
        brightest = np.fmax(brightest, seen)
        if mask is not None:
            here = mask[:, :, z]
            thickness += here > 0
            if here.dtype.kind in "iu":
                values.update(np.unique(here[here > 0]).tolist())
            brighter = (here > 0) & ((np.nan_to_num(seen) > light) | np.isneginf(light))
            light[brighter], depth[brighter], value[brighter] = np.nan_to_num(seen)[brighter], z, here[brighter]
        if label is not None:
            labelled += int(np.count_nonzero(label[:, :, z] >= 0))
            known |= label[:, :, z] >= 0
            if judged and mask is not None:
                kinds = agreement(mask[:, :, z], label[:, :, z])
                for kind in (FOUND, EXTRA, MISSED):
                    counts[kind - 1] += kinds == kind
    majority = np.where(counts.any(axis=0), 1 + counts.argmax(axis=0), 0).astype(np.uint8)
    found, extra, missed = (int(each.sum(dtype=np.int64)) for each in counts)
    return Projection(
        brightest=brightest,
        thickness=thickness,
        depth=depth,
        value=value,
        agreement=majority,
        agreeing=counts.max(axis=0),
        unlabelled=np.zeros(plane, bool) if label is None else ~known,
        slices=image.shape[2],
        values=tuple(sorted(values)),
        masked=mask is not None,
        judged=judged,
        voxels=image.size,
        labelled=labelled,
        segmented=int(thickness.sum(dtype=np.int64)),
        found=found,
        extra=extra,
        missed=missed,
    )
