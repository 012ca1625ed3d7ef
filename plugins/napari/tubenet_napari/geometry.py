"""From the bundle's voxels, `(X, Y, Z)`, to napari's layers, `(Z, Y, X)`, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.core import Box, refuse, region_box
from scripts.io import VolumeInfo, in_unit

PIXEL = "pixel"
_NAMES = {"µm": "µm", "nm": "nm", "mm": "mm", "cm": "cm", "m": "m", "inch": "inch", "Å": "angstrom", "": PIXEL}
AXES = ("z", "y", "x")


def place_of(info: VolumeInfo) -> dict[str, Any]:
    """Return scale, place and units of the layer that shows a volume.

    Lengths are in the file's own unit; where it states none they are in voxels. Of a file whose axes are turned or
    mirrored in space, as those of NIfTI often are, the voxel size alone counts: slices look as they are stored.
    """
    scale = [in_unit(side, info.unit) for side in info.voxel_size] if info.unit else list(info.voxel_size)
    straight = np.allclose(info.affine[:3, :3], np.diag(info.voxel_size))
    start = [in_unit(at, info.unit) for at in info.affine[:3, 3]] if straight else [0.0, 0.0, 0.0]
    return {
        "scale": tuple(scale[::-1]),
        "translate": tuple(start[::-1]),
        "units": (_NAMES[info.unit],) * 3,
        "axis_labels": AXES,
    }


@dataclass(frozen=True)
class Frame:
    """Where the voxels of a whole volume lie in napari's world.

    Attributes:
        shape: voxels along X, Y, Z.
        scale: of a voxel along Z, Y, X.
        translate: of the first voxel's middle, along Z, Y, X.
        units: of the layer.
    """

    shape: tuple[int, int, int]
    scale: tuple[float, float, float]
    translate: tuple[float, float, float]
    units: tuple[str, str, str]

    @classmethod
    def of(cls, layer: Any) -> Frame:
        """Return the frame of an image layer, of several resolutions or one.

        Raises:
            UserError: for a layer that is not one 3-D volume.
        """
        shape = tuple(int(side) for side in (layer.data.shapes[0] if layer.multiscale else layer.data.shape))
        if getattr(layer, "rgb", False) or len(shape) != 3 or min(shape) < 2:
            problem = f"is no 3-D volume of one channel, but has the shape {shape}"
            refuse(layer.name, problem, "choose another layer, or split its channels (right click)")
        z, y, x = shape
        return cls((x, y, z), tuple(layer.scale), tuple(layer.translate), tuple(map(str, layer.units)))

    @property
    def whole(self) -> Box:
        """The box of all voxels."""
        return tuple((0, side) for side in self.shape)

    @property
    def unit(self) -> str:
        """The unit to show lengths in, such as `µm`; `voxels` where the file states none."""
        unit = {"micrometer": "µm", "millimeter": "mm", "nanometer": "nm", "um": "µm"}.get(self.units[0], self.units[0])
        return "voxels" if unit == PIXEL else unit

    def place(self, box: Box) -> dict[str, Any]:
        """Return scale, place and units of a layer whose voxels are a box of the volume."""
        starts = [start for start, _ in box][::-1]  # Z, Y, X
        translate = tuple(at + start * side for at, start, side in zip(self.translate, starts, self.scale, strict=True))
        return {"scale": self.scale, "translate": translate, "units": self.units, "axis_labels": AXES}

    def voxel_at(self, world: Sequence[float]) -> tuple[int, int, int]:
        """Return the voxel, `(x, y, z)`, at a position of the world, `(z, y, x)`, inside the volume."""
        at = [round((p - t) / s) for p, t, s in zip(world, self.translate, self.scale, strict=True)][::-1]
        x, y, z = (min(max(0, each), side - 1) for each, side in zip(at, self.shape, strict=True))
        return x, y, z

    def box_between(self, low: Sequence[float], high: Sequence[float], least: int = 1) -> Box:
        """Return the box between two positions of the world, `(z, y, x)`, that lies inside the volume.

        Args:
            low: position.
            high: position.
            least: voxels along each axis, at least.
        """
        box = []
        for first, last, side in zip(self.voxel_at(low), self.voxel_at(high), self.shape, strict=True):
            first, last = min(first, last), max(first, last) + 1
            missing = max(0, min(least, side) - (last - first))
            first = max(0, first - missing // 2)
            last = min(side, max(last, first + min(least, side)))
            box.append((max(0, min(first, last - min(least, side))), last))
        return tuple(box)


def around(middle: int, count: int, side: int) -> tuple[int, int]:
    """Return the range of `count` slices around one of them, moved so that it lies inside the volume."""
    count = min(count, side)
    start = min(max(0, middle - count // 2), side - count)
    return start, start + count


def inside(box: Box, outer: Box) -> tuple[slice, ...]:
    """Return where a box lies in the array `(Z, Y, X)` of a larger one."""
    return tuple(slice(a - o, b - o) for (a, b), (o, _) in zip(box, outer, strict=True))[::-1]


def overlap(box: Box, other: Box) -> Box | None:
    """Return what two boxes share, or None."""
    shared = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(box, other, strict=True))
    return shared if all(a < b for a, b in shared) else None


def bounds_of(mask: np.ndarray, box: Box) -> Box | None:
    """Return the smallest box, in the volume's voxels, that holds all that is true in a mask, or None.

    Args:
        mask: `(Z, Y, X)` bool, of the voxels of a box.
        box: that box.
    """
    if not mask.any():
        return None
    spans = []
    for axis, (start, _) in zip((2, 1, 0), box, strict=True):
        found = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        spans.append((start + int(found[0]), start + int(found[-1]) + 1))
    return tuple(spans)


def read_box(text: str, shape: tuple[int, int, int]) -> Box:
    """Read a box as it is typed, `x0:x1,y0:y1,z0:z1`, of a volume of a shape.

    Raises:
        UserError: for other text, and a box that is empty or not inside the volume.
    """
    box = region_box(text, shape)
    if min(stop - start for start, stop in box) < 2:
        refuse(text, "is a single voxel thick", "give at least 2 voxels along each axis")
    return box
