"""The segments of a DICOM segmentation, each on the voxels of the volume that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse

from ..extra import extra_library
from ..volume import LPS_TO_RAS, VolumeInfo
from .files import REMEDY, discreet
from .vessels import vessel_of_code

_AWAY = 0.1  # voxels that a frame may lie beside the voxels of its volume: positions are rounded
_EXPORT = "export it again, on the slices of its series"


@dataclass(frozen=True, eq=False)
class Segment:
    """One segment.

    Attributes:
        number: as it is numbered in the file, from 1.
        name: what its maker calls it.
        kind: the kind of vessel by its SNOMED code, such as `vessel` or `artery`, or "".
        voxels: `(X, Y, Z)`, bool.
    """

    number: int
    name: str
    kind: str
    voxels: np.ndarray


def read_segments(path: Path, like: VolumeInfo) -> list[Segment]:
    """Read the segments of a segmentation, which may overlap and leave out slices.

    Args:
        path: the segmentation, as any program may have written it.
        like: the volume that it belongs to.

    Returns:
        The segments, in the order of their numbers.

    Raises:
        UserError: for a file that is damaged, holds fractions, or lies on other voxels than `like`.
    """
    highdicom = extra_library("highdicom", path)
    with discreet(path, "cannot be read as a DICOM segmentation"):
        file = highdicom.seg.segread(path)
        if file.SegmentationType == "FRACTIONAL":
            refuse(path, "its segments are fractions and no classes", "export it as a binary segmentation")
        frames = np.asarray(file.pixel_array)  # (N, rows, columns), or (rows, columns) of a single frame
        frames = frames.reshape(-1, *frames.shape[-2:])  # (N, rows, columns)
        labelmap = file.SegmentationType == "LABELMAP"
        found = {}
        for item in file.SegmentSequence:
            code = (item.get("SegmentedPropertyTypeCodeSequence") or [{}])[0].get("CodeValue")
            name, number = str(item.get("SegmentLabel") or ""), int(item.SegmentNumber)
            voxels = np.zeros(like.shape, bool)  # (X, Y, Z)
            found[number] = Segment(number, name, vessel_of_code(path, str(code)), voxels)
        groups = [frame_group(file, number) for number in range(len(frames))]
    to_voxels = np.linalg.inv(LPS_TO_RAS @ like.affine)
    for frame, group in zip(frames, groups, strict=True):
        index = _place(path, frame.shape, group, to_voxels, like.shape)
        for number in np.unique(frame[frame > 0]) if labelmap else [group[0]]:
            if number in found:
                found[number].voxels[index] |= (frame == number) if labelmap else frame > 0
    return [found[number] for number in sorted(found)]


def frame_group(file: Any, number: int) -> tuple[int, list[float], list[float], list[float]]:
    """Return a frame's segment, position, direction and voxel size."""
    own = file.PerFrameFunctionalGroupsSequence[number]
    shared = (file.get("SharedFunctionalGroupsSequence") or [{}])[0]

    def item(keyword: str) -> Any:
        return (own.get(keyword) or shared.get(keyword) or [{}])[0]

    return (
        int(item("SegmentIdentificationSequence").get("ReferencedSegmentNumber") or 0),
        [float(each) for each in item("PlanePositionSequence").ImagePositionPatient],
        [float(each) for each in item("PlaneOrientationSequence").ImageOrientationPatient],
        [float(each) for each in item("PixelMeasuresSequence").PixelSpacing],
    )


def _place(
    path: Path,
    shape: Sequence[int],
    group: tuple[int, list[float], list[float], list[float]],
    to_voxels: np.ndarray,
    grid: Sequence[int],
) -> tuple[np.ndarray, ...]:
    """Return the index of a frame's voxels in a volume, three arrays of `(rows, columns)`."""
    _, position, direction, (rows, columns) = group
    # voxels that one step to the next column and row leads on
    steps = to_voxels[:3, :3] @ np.stack([np.array(direction[:3]) * columns, np.array(direction[3:]) * rows], axis=1)
    start = to_voxels[:3, :3] @ np.array(position) + to_voxels[:3, 3]
    whole, first = steps.round(), start.round()
    far = np.abs(steps - whole).max() * max(shape) + np.abs(start - first).max()
    if far > _AWAY or sorted(np.abs(whole).sum(axis=0)) != [1, 1] or (np.abs(whole).sum(axis=1) > 1).any():
        refuse(path, "its frames lie on other voxels than the slices of its series", _EXPORT)
    at = np.indices(shape)[::-1].reshape(2, -1)  # (2, rows x columns), which column and which row
    index = (whole @ at + first[:, None]).astype(int)  # (3, rows x columns)
    if (index < 0).any() or (index >= np.array(grid)[:, None]).any():
        refuse(path, "its frames reach beyond the slices of its series", REMEDY)
    x, y, z = index.reshape(3, *shape)  # (rows, columns) each
    return x, y, z
