"""Images whose voxels are asked for box by box, as the network sees them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from scripts.core import Box
from scripts.io import BlockArray, Volume
from scripts.transforms import Scaling

Voxels = npt.NDArray[np.float32]


class Image(Protocol):
    """What can be read box by box.

    Attributes:
        shape: (X, Y, Z) in voxels.
    """

    shape: tuple[int, int, int]

    def read(self, box: Box) -> Voxels:
        """Return the voxels of a box inside the image, `(x, y, z)`, float32."""


class ScaledImage:
    """A volume on disk whose intensity is scaled to [0, 1] by the range of the whole.

    Args:
        volume: the volume.
        scaling: how its intensities are scaled.
    """

    def __init__(self, volume: Volume, scaling: Scaling) -> None:
        self.volume, self.scaling = volume, scaling
        self.shape = volume.info.shape

    def read(self, box: Box) -> Voxels:
        """Return the voxels of a box, `(x, y, z)`, float32 in [0, 1]."""
        return self.scaling.apply(self.volume.read(box))


class StoredImage:
    """An image that was worked out before, such as a smaller one, and lies in an array on disk.

    Args:
        array: its voxels, float32.
    """

    def __init__(self, array: BlockArray) -> None:
        self.array = array
        self.shape = array.shape

    def read(self, box: Box) -> Voxels:
        """Return the voxels of a box, `(x, y, z)`, float32."""
        return self.array.read(box)


def read_padded(image: Image, box: Box) -> Voxels:
    """Read a box that may reach beyond an image's far ends, where its edge values go on.

    Args:
        image: the image.
        box: begins inside it.
    """
    inside = tuple((start, min(stop, size)) for (start, stop), size in zip(box, image.shape, strict=True))
    beyond = [(0, stop - end) for (_, stop), (_, end) in zip(box, inside, strict=True)]
    voxels = image.read(inside)  # (x, y, z)
    return np.pad(voxels, beyond, mode="edge") if np.any(beyond) else voxels  # the box's sides
