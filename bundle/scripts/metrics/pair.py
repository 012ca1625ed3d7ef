"""A segmentation and its label, read one box at a time, wherever the voxels lie.

>>> predicted = torch.tensor([1, 1, 0]).reshape(1, 3, 1, 1)
>>> label = torch.tensor([1, 0, -1]).reshape(1, 3, 1, 1)
>>> pair = Pair.of(torch.zeros(2, 3, 1, 1), label, 0.5, predicted)
>>> found, real = pair.read(((1, 3), (0, 1), (0, 1)))
>>> found.ravel().tolist(), real.ravel().tolist(), pair.voxel_size
([1, 0], [0, -1], (1.0, 1.0, 1.0))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.data import MetaTensor
from monai.utils import convert_to_numpy, convert_to_tensor

from scripts.core import Box, block_sides, segmentation_of, slices, voxel_size

Indices = npt.NDArray[Any]


@dataclass(frozen=True)
class Pair:
    """A segmentation and its label.

    Attributes:
        read: returns the class indices of a box in both, `(x, y, z)` each, those of the label negative where it is not
            labelled.
        shape: voxels along X, Y and Z.
        voxel_size: along X, Y and Z, in millimetres; 1 where it is not known, so that lengths are in voxels.
        classes: how many there are, K, with the background.
        chunks: sides of what is best read at one go.
    """

    read: Callable[[Box], tuple[Indices, Indices]]
    shape: tuple[int, ...]
    voxel_size: tuple[float, ...] = (1.0, 1.0, 1.0)
    classes: int = 2
    chunks: tuple[int, ...] = (1, 1, 1)

    @classmethod
    def of(cls, logits: torch.Tensor, label: torch.Tensor, threshold: float, predicted: torch.Tensor | None) -> Pair:
        """Return those of a volume in memory.

        Args:
            logits: `(K, X, Y, Z)`, background first; voxels are as large as its affine says, else that of the label.
            label: `(1, X, Y, Z)`, class indices below K, negative where not labelled.
            threshold: probability above which a voxel is vessel (`scripts.core.apply_threshold`).
            predicted: `(1, X, Y, Z)`, class indices, if they are not those of the threshold alone.
        """
        if predicted is None:
            predicted = segmentation_of(convert_to_tensor(logits, track_meta=False), threshold)  # (1, X, Y, Z)
        found, real = (convert_to_numpy(each[0]) for each in (predicted, label))  # (X, Y, Z) each
        return cls(lambda box: (found[slices(box)], real[slices(box)]), real.shape, size_of(logits, label), len(logits))

    def sides(self, most: int) -> tuple[int, int, int]:
        """Return the sides of blocks of at most so many voxels."""
        return block_sides(self.shape, self.chunks, most)


def size_of(*arrays: torch.Tensor) -> tuple[float, ...]:
    """Return the voxel size in millimetres by the first affine there is; 1 without any."""
    affines = [array.affine for array in arrays if isinstance(array, MetaTensor)]
    size = voxel_size(np.asarray(affines[0], dtype=float).reshape(-1, 4, 4)[0]) if affines else np.ones(3)
    return tuple(size.tolist())
