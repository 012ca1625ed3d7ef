"""What each slice says of itself: where it lies, how large it is, and what its numbers mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from scripts.core import refuse

from ..extra import extra_library
from .files import REMEDY, SEGMENTATION_CLASSES, read_dataset

TAGS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SeriesNumber"),
    *("Modality", "ImageType", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "PixelRepresentation", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "PatientID"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
"""All that is read of a header before voxels are wanted; `PatientID` only to see that all slices have the same."""
# a result refers to its source by them
_NEEDED = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_GROUPS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
}
_NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
_GREY = ("MONOCHROME1", "MONOCHROME2")
_KNOWN = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


@dataclass(frozen=True)
class Plane:
    """How the voxels of a file are stored; in one volume, those of all slices alike.

    Attributes:
        rows: number of rows.
        columns: number of columns.
        samples: numbers a voxel, 3 of a colour.
        allocated: bits that a number takes.
        stored: bits of them that count.
        signed: whether they have a sign.
        inverted: whether white is zero (MONOCHROME1).
    """

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    signed: bool
    inverted: bool

    @property
    def limits(self) -> tuple[int, int]:
        """The lowest and the highest number that can be stored."""
        return (-(2 ** (self.stored - 1)), 2 ** (self.stored - 1) - 1) if self.signed else (0, 2**self.stored - 1)


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice: a file of its own, or a frame of a file.

    Attributes:
        path: the file.
        frame: the index of the frame.
        plane: how its voxels are stored.
        position: of the first voxel's centre, (3,), in millimetres, LPS.
        rows_run: the direction in which the columns of a row follow each other, (3,).
        columns_run: the direction in which rows follow each other, (3,).
        spacing: distances of rows and of columns, in millimetres.
        slope: what a stored number is multiplied by.
        intercept: what is added then.
    """

    path: Path
    frame: int
    plane: Plane
    position: np.ndarray
    rows_run: np.ndarray
    columns_run: np.ndarray
    spacing: tuple[float, float]
    slope: float
    intercept: float


def is_segmentation(dataset: Any) -> bool:
    """Return whether a header is that of a segmentation object."""
    return str(dataset.get("SOPClassUID", "")) in SEGMENTATION_CLASSES


def read_image(path: Path) -> Any:
    """Read what is needed of the header of an image.

    Raises:
        UserError: for a file that cannot be read, or is no image.
    """
    dataset = read_dataset(path, TAGS)
    if dataset.get("Rows") is None and dataset.get("Columns") is None:
        what = _name_of(path, dataset.get("SOPClassUID")).removesuffix(" Storage")
        refuse(path, f"it is no image but a {what}", "take it out of the folder, or name the images")
    return dataset


def slices_of(path: Path, dataset: Any) -> list[Slice]:
    """Return the slices of a file, in the order in which they are stored.

    Args:
        path: the file.
        dataset: of `read_image`.

    Raises:
        UserError: for a header that lacks something or contradicts itself, and for a file that is cut short.
    """
    for keyword in _NEEDED:
        if not dataset.get(keyword):
            _refuse_missing(path, keyword)
    plane = _plane(path, dataset)
    frames = _whole(path, dataset, "NumberOfFrames", 1)
    _check_voxels(path, dataset, plane, frames)
    shared = dataset.get("SharedFunctionalGroupsSequence") or [{}]
    each = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if frames > 1 and len(each) != frames:
        problem = f"it holds {frames} frames and says of {len(each)} where they lie (PerFrameFunctionalGroupsSequence)"
        refuse(path, problem, "convert it to NIfTI with a program that knows such files")
    found = []
    for frame in range(frames):
        groups = [each[frame] if each else {}, shared[0]]
        row_to_row = _direction(path, dataset, groups)
        rows, columns = _numbers(path, dataset, groups, "PixelSpacing", 2)
        if not min(rows, columns) > 0:
            refuse(path, f"its PixelSpacing is {rows:g} and {columns:g}", REMEDY)
        found.append(
            Slice(
                path=path,
                frame=frame,
                plane=plane,
                position=np.array(_numbers(path, dataset, groups, "ImagePositionPatient", 3)),
                rows_run=row_to_row[:3],
                columns_run=row_to_row[3:],
                spacing=(rows, columns),
                slope=_numbers(path, dataset, groups, "RescaleSlope", 1, [1.0])[0],
                intercept=_numbers(path, dataset, groups, "RescaleIntercept", 1, [0.0])[0],
            )
        )
    return found


def _plane(path: Path, dataset: Any) -> Plane:
    photometric, samples = dataset.get("PhotometricInterpretation"), _whole(path, dataset, "SamplesPerPixel", 1)
    if photometric not in (_GREY if samples == 1 else _COLOURS):
        kind = photometric if photometric in _KNOWN else "unknown"
        refuse(path, f"its voxels are {samples} numbers of kind {kind}", "save grey values (MONOCHROME2)")
    if dataset.get("ModalityLUTSequence"):
        refuse(path, "a table gives its numbers their meaning (ModalityLUTSequence)", "export it with a RescaleSlope")
    plane = Plane(
        rows=_whole(path, dataset, "Rows"),
        columns=_whole(path, dataset, "Columns"),
        samples=samples,
        allocated=_whole(path, dataset, "BitsAllocated"),
        stored=_whole(path, dataset, "BitsStored"),
        signed=bool(_whole(path, dataset, "PixelRepresentation", 0)),
        inverted=photometric == "MONOCHROME1",
    )
    if plane.allocated not in (1, 8, 16, 32) or not 1 <= plane.stored <= plane.allocated:
        refuse(path, f"it states {plane.stored} bits in {plane.allocated}, which no image has", REMEDY)
    return plane


def _check_voxels(path: Path, dataset: Any, plane: Plane, frames: int) -> None:
    """Refuse voxels that are not all there, and those that nothing installed can decompress."""
    syntax = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    if syntax is None:
        _refuse_missing(path, "TransferSyntaxUID")
    if syntax in _NATIVE:
        size = path.stat().st_size
        expected = math.ceil(plane.rows * plane.columns * plane.samples * frames * plane.allocated / 8)
        if size < expected:
            refuse(path, f"it is cut short, its voxels alone take {expected} bytes of {size}", REMEDY)
        return
    try:
        known = extra_library("pydicom.pixels", path).get_decoder(syntax).is_available
    except NotImplementedError:
        known = False
    if not known:
        remedy = "pip install 'tubenet[dicom]', or save it uncompressed (gdcmconv --raw)"
        refuse(path, f"it is compressed as {_name_of(path, syntax)}, which nothing installed here can read", remedy)


def _name_of(path: Path, uid: Any) -> str:
    """Return what DICOM calls an identifier; a damaged one, which may hold more, is not told."""
    return str(extra_library("pydicom.uid", path).UID_dictionary.get(str(uid), ("thing of unknown kind",))[0])


def _refuse_missing(path: Path, keyword: str) -> NoReturn:
    refuse(path, f"its header has no {keyword}", "export it again, with a complete header")


def _whole(path: Path, dataset: Any, keyword: str, default: int | None = None) -> int:
    value = dataset.get(keyword)
    if value is None or value == "":
        return default if default is not None else _refuse_missing(path, keyword)
    try:
        number = int(value)
    except (TypeError, ValueError):
        refuse(path, f"its {keyword} is no whole number", REMEDY)
    if number < (0 if keyword == "PixelRepresentation" else 1):
        refuse(path, f"its {keyword} is {number}", REMEDY)
    return number


def _numbers(
    path: Path, dataset: Any, groups: Sequence[Any], keyword: str, count: int, default: list[float] | None = None
) -> list[float]:
    """Return the numbers of an attribute that stands in the header, or in a group for a frame."""
    value = dataset.get(keyword)
    for group in groups:
        for item in group.get(_GROUPS[keyword]) or ():
            value = item.get(keyword, value)
    if value is None or value == "":
        return default if default is not None else _refuse_missing(path, keyword)
    try:
        numbers = [float(number) for number in (value if count > 1 else [value])]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        refuse(path, f"its {keyword} is not {count} numbers", REMEDY)
    return numbers


def _direction(path: Path, dataset: Any, groups: Sequence[Any]) -> np.ndarray:
    directions = np.array(_numbers(path, dataset, groups, "ImageOrientationPatient", 6)).reshape(2, 3)
    if not np.allclose(directions @ directions.T, np.eye(2), atol=1e-3):
        refuse(path, "its ImageOrientationPatient is not two perpendicular directions", REMEDY)
    return directions.ravel()
