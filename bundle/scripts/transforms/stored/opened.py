"""Open a labelled volume for patches to be drawn from it, or read a box of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Transform

from scripts.core import Box, Progress, advance, refuse
from scripts.io import VolumeInfo, level_of_label, of_label, open_volume

from ..intensity import INVERTED
from ..patches import BACKGROUND, FOREGROUND
from ..scaling import Scaling, scaling_of
from ..spatial import ACROSS
from .cells import VoxelIndices, cells_in, labelled_in, most_like
from .fitted import fit
from .volumes import Reopened, StoredClasses, StoredImage, StoredLabel

MAX_READ = 2**23  # labelled voxels of a box that is read to be scored, 203³


class _Opening(Transform):
    """How a volume is opened, scaled and mapped to classes, for both transforms below.

    Args:
        values: label values of the classes (`scripts.data.label_values`).
        lower: percentile that becomes 0.
        upper: percentile that becomes 1.
        invert: as in `ScaleToUnitd`.
        channel: of the images.
        level: which resolution of a pyramid.
        unlabelled_value: a label value that means *not labelled*.
    """

    def __init__(
        self,
        values: Sequence[int | Sequence[int]],
        lower: float = 0.0,
        upper: float = 100.0,
        invert: str | bool = False,
        channel: int | str | None = None,
        level: int = 0,
        unlabelled_value: float | None = None,
    ) -> None:
        self.values, self.channel, self.level, self.unlabelled_value = values, channel, level, unlabelled_value
        self.how = lower, upper, str(invert).lower()

    def _open(self, data: Mapping[Hashable, Any]) -> _Labelled:
        image = Reopened(open_volume(data["image"], self.channel, self.level))
        of_it = level_of_label(data["label"], self.level)
        label = Reopened(open_volume(data["label"], of_label(self.channel), of_it))
        whole = tuple((0, side) for side in image.info.shape)
        region = tuple((int(start), int(stop)) for start, stop in data.get("region") or whole)
        classes = StoredClasses(label, region, self.values, self.unlabelled_value)
        vessel, background = cells_in(region, *self._cells(data["scan"]), classes.read)
        labelled = labelled_in(region, vessel, background, classes.read)
        if labelled is None:
            remedy = "give another --region, or label more of it"
            refuse(data.get("name", label.info.path), "no voxel is labelled in it", remedy)
        scaling = _scaling(Path(data["image"]), image.info.state, (self.channel, self.level), *self.how)
        return _Labelled(image, scaling, classes, vessel, background, labelled)

    def _cells(self, scan: Any) -> list[np.ndarray]:
        """Return how many voxels of vessel, and of background, each cell has."""
        nothing = np.zeros_like(next(iter(scan.cells.values())))
        background, *vessels = (np.atleast_1d(each).tolist() for each in self.values)
        both = [[value for each in vessels for value in each], background]
        return [sum((scan.cells.get(value, nothing) for value in values), nothing) for values in both]


@dataclass(frozen=True, eq=False)
class _Labelled:
    """A volume that is open, with what is known of its label in a region."""

    image: Reopened
    scaling: Scaling
    classes: StoredClasses
    vessel: np.ndarray
    background: np.ndarray
    box: Box


@cache
def _scaling(
    path: Path,
    _state: tuple[int, int, int],
    which: tuple[int | str | None, int],
    lower: float,
    upper: float,
    invert: str,
) -> Scaling:
    """Look at a whole volume, once for what trains and what validates."""
    with open_volume(path, *which) as volume, Progress(f"looking at {path.name}", total=prod(volume.info.shape)):
        return scaling_of(volume, lower, upper, invert, advance)


class OpenStoredd(_Opening):
    """Open image and label, and find out from where patches may be drawn.

    What comes out is, for `RandStoredCropd`, what loading, scaling, cropping, `ThroughPlaneLastd`, `FitToPatchesd` and
    `LabelIndicesd` make of a volume in memory, but no voxel is held.

    Args:
        values: label values of the classes (`scripts.data.label_values`).
        patch_size: of the patch that is trained on, (plane, plane, across) in voxels.
        crop_size: of the crop that it is cut from (`rotation_margin`).
        how: `lower`, `upper` and `invert` as in `ScaleToUnitd`; `channel` and `level` of the images, and
            `unlabelled_value`.

    Raises:
        UserError: as what it stands for.
    """

    def __init__(
        self,
        values: Sequence[int | Sequence[int]],
        patch_size: Sequence[int],
        crop_size: Sequence[int],
        **how: Any,
    ) -> None:
        super().__init__(values, **how)
        self.patch_size, self.crop_size = patch_size, crop_size

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Open a volume: `image` and `label` paths, `region`, and the `scan` of the label."""
        found = self._open(data)
        classes, info = found.classes, found.image.info
        fitted = fit(found.box, info.shape, info.affine, self.patch_size, self.crop_size)
        name, number = str(classes.volume.info.path), fitted.indices_of
        return {
            "image": StoredImage(found.image, fitted, found.scaling),
            "label": StoredLabel(classes, fitted),
            FOREGROUND: VoxelIndices(found.vessel, classes.region, classes.is_vessel, number, name),
            BACKGROUND: VoxelIndices(found.background, classes.region, classes.is_background, number, name),
            ACROSS: fitted.order[2],
        }


class ReadStoredd(_Opening):
    """Read the box of a volume that is labelled, with a margin: what is scored.

    It is what loading, scaling and cropping make of a volume in memory, unless more than eight million voxels
    (`MAX_READ`) lie in the labelled box. Then a part of it is read whose share of vessel is most like that of all.

    Args:
        values: label values of the classes (`scripts.data.label_values`).
        margin: voxels around the box, along X, Y, Z.
        how: as in `OpenStoredd`.
    """

    def __init__(self, values: Sequence[int | Sequence[int]], margin: Sequence[int], **how: Any) -> None:
        super().__init__(values, **how)
        self.margin = margin

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Read `image` and `label`, `(1, x, y, z)` with metadata and the affine of the box."""
        found, d = self._open(data), dict(data)
        image, info = found.image, found.image.info
        scored = most_like(found.box, found.vessel, found.background, MAX_READ)
        pairs = zip(scored, self.margin, info.shape, strict=True)
        box = tuple((max(0, start - side), min(size, stop + side)) for (start, stop), side, size in pairs)
        classes = StoredClasses(found.classes.volume, scored, self.values, self.unlabelled_value)
        d["image"] = _tensor(found.scaling.apply(image.read(box)), info, box)
        d["label"] = _tensor(classes.read(box), classes.volume.info, box)
        if found.scaling.inverted:
            d["image"].meta[INVERTED] = True
        return d


def _tensor(voxels: np.ndarray, info: VolumeInfo, box: Box) -> MetaTensor:
    """Return a box of a volume as MONAI has it, `(1, x, y, z)`."""
    affine = info.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [start for start, _ in box]
    meta = {**info.meta(), "filename_or_obj": str(info.path), "spatial_shape": np.asarray(voxels.shape)}
    del meta["affine"]  # MONAI warns of two
    return MetaTensor(torch.from_numpy(np.ascontiguousarray(voxels))[None], affine=affine, meta=meta)
