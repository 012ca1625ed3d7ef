"""Tell by the ridges of an image whether vessels are brighter or darker than the rest.

At a ridge, a bright line in a darker surrounding, intensity is curved downwards across the line, at a valley upwards.
The *polarity* of a volume compares the two: with the curvature c of every voxel (below), the sum of c⁴ over what is
curved downwards less that over what is curved upwards, divided by both together. It is 1 where there are ridges alone,
-1 where there are valleys alone, and 0 where neither outdoes the other, as in noise. It is the mean over three scales,
seen in 3-D and slice by slice, and the stronger of these two counts:

- in 3-D, c is the middle one of the Hessian's three eigenvalues: the brim of an organ, which is curved along one
  direction only, has none;
- in a slice, c is the stronger one of two: vessels that are smeared in depth, as in OCT angiography, are no lines in
  3-D.

The fourth power lets few, clear lines outweigh much noise. Turned inside out, an image has the opposite polarity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from scripts.core import Box, slices, through_plane_axis, voxel_size

from .curvature import PAIRS, Volume, blur, eigenvalues, second_derivative

CLEARLY_DARK = -0.35
"""Polarity below which vessels are taken to be dark; between this and its opposite it is not certain."""
SCALES_3D, SCALES_2D = (1.5, 2.0, 3.0), (1.0, 2.0, 3.0)  # standard deviations in voxels, as vessels are wide
SIDE = 64  # of the blocks that stand for a large volume, in voxels
MAX_LOOKED_AT = 2**21  # voxels
POWER = 4


def polarity(voxels: npt.NDArray[np.floating], affine: np.ndarray) -> float:
    """Return how much ridges outdo valleys, between -1 and 1.

    Of a volume of more than two million voxels, blocks of 64³ at regular steps are looked at.

    Args:
        voxels: `(X, Y, Z)`.
        affine: 4x4; only the proportions of its voxel sizes matter.
    """
    return polarity_of(lambda box: voxels[slices(box)], voxels.shape, affine)


def polarity_of(read: Callable[[Box], npt.NDArray[np.floating]], shape: Sequence[int], affine: np.ndarray) -> float:
    """Return the `polarity` of a volume of which only the blocks that are looked at are read.

    Args:
        read: returns the voxels of a box, `(x, y, z)`.
        shape: of the whole, (X, Y, Z).
        affine: as in `polarity`.
    """
    spacing, across = voxel_size(affine), through_plane_axis(affine)
    steps = spacing / spacing.min()
    kinds = [("3-D", sigma) for sigma in SCALES_3D] + [("2-D", sigma) for sigma in SCALES_2D]
    sums = {kind: np.zeros(2) for kind in kinds}  # of ridges and of valleys
    for box in _boxes(shape):
        block: Volume = np.asarray(read(box), dtype=np.float32)
        for dimensions, sigma in kinds:
            curved = _curvature_3d(block, sigma, steps) if dimensions == "3-D" else _curvature_2d(block, sigma, across)
            fourth = np.square(np.square(curved), dtype=np.float64)
            sums[dimensions, sigma] += fourth[curved < 0].sum(), fourth[curved > 0].sum()
    balances = {kind: (up - down) / (up + down) if up + down else 0.0 for kind, (up, down) in sums.items()}
    means = [float(np.mean([each for kind, each in balances.items() if kind[0] == seen])) for seen in ("3-D", "2-D")]
    return max(means, key=abs)


def _boxes(shape: Sequence[int]) -> Iterator[Box]:
    """Yield the whole of a volume, or boxes in it at regular steps."""
    if np.prod(shape, dtype=np.int64) <= MAX_LOOKED_AT:
        yield tuple((0, size) for size in shape)
        return
    sides = [min(SIDE, size) for size in shape]
    most = [size // side for size, side in zip(shape, sides, strict=True)]
    number = 1
    while np.prod([min(number + 1, each) for each in most]) * np.prod(sides) <= MAX_LOOKED_AT and number < max(most):
        number += 1
    starts = [
        np.linspace(0, size - side, min(number, each) + 2).round().astype(int)[1:-1].tolist()
        for size, side, each in zip(shape, sides, most, strict=True)
    ]
    for corner in product(*starts):
        yield tuple((first, first + side) for first, side in zip(corner, sides, strict=True))


def _inner(shape: Sequence[int]) -> tuple[slice, ...]:
    """Return the voxels whose neighbours are all there."""
    return tuple(slice(1, -1) if size > 2 else slice(None) for size in shape)


def _curvature_3d(block: Volume, sigma: float, steps: npt.NDArray[np.floating]) -> Volume:
    """Return the middle eigenvalue of the Hessian; 0 where a side has fewer than three voxels."""
    if min(block.shape) < 3:
        return np.zeros(1, dtype=np.float32)
    smooth = blur(block, sigma, steps)
    inside = _inner(block.shape)
    _, middle, _ = eigenvalues(*(second_derivative(smooth, *axes, steps)[inside] for axes in PAIRS))
    return middle


def _curvature_2d(block: Volume, sigma: float, across: int) -> Volume:
    """Return the stronger eigenvalue of each slice's Hessian; 0 where a side is below three."""
    slices = np.moveaxis(block, across, 0)  # (across, plane, plane)
    if min(slices.shape[1:]) < 3:
        return np.zeros(1, dtype=np.float32)
    smooth = ndimage.gaussian_filter(slices, (0, sigma, sigma), truncate=3)
    inside = (slice(None), *_inner(slices.shape[1:]))
    aa, bb, ab = (second_derivative(smooth, one, other, (1, 1, 1))[inside] for one, other in ((1, 1), (2, 2), (1, 2)))
    half = (aa + bb) / 2
    root = np.sqrt(((aa - bb) / 2) ** 2 + ab**2)
    stronger: Volume = np.where(half < 0, half - root, half + root)
    return stronger
