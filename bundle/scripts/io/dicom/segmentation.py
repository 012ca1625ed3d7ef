"""DICOM segmentation objects: written for the slices that were segmented, read as labels.

It is written through highdicom, which takes over from the slices what DICOM demands: who the patient is, the study, and
which voxels each frame belongs to. That stands in this file and in no other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse

from ..extra import extra_library
from ..memory import check_memory
from ..metadata import parse_metadata
from ..volume import LPS_TO_RAS, Geometry, VolumeInfo
from .files import discreet, read_dataset
from .geometry import sorted_stack
from .segments import frame_group, read_segments
from .slices import TAGS, Plane, Slice
from .stack import read_stack
from .vessels import category_code, vessel_code, vessel_colour

MAKER = "tubenet"
_SERIES_NUMBER = 9000  # of derived series, behind those of a scanner
_HASH = 16  # digits of the weights' hash that tell them from any others
_MAX_TEXT = 64  # characters of a segment's name, and of most other text in DICOM
# what DICOM demands of every object of a patient
_PATIENT = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber"),
    *("StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
)
_TAKEN_OVER = (
    *("SpecificCharacterSet", "PositionReferenceIndicator", "SliceThickness", "SpacingBetweenSlices"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
    "TimezoneOffsetFromUTC",
)
CORRECTED = "corrected"
"""Key of the metadata's provenance: a person made or corrected the segmentation."""


def describe_segmentation(path: Path) -> VolumeInfo:
    """Read the header of a segmentation object, whose geometry is that of its slices.

    Raises:
        UserError: for one that is damaged, holds fractions, or whose frames are no volume.
    """
    return _describe(path, _open(path))


def read_segmentation(path: Path) -> tuple[VolumeInfo, np.ndarray]:
    """Read a segmentation object: its header, and numbers of segments as `(X, Y, Z)`.

    Raises:
        UserError: as `describe_segmentation`; also for segments that overlap.
    """
    segmentation = _open(path)
    info = _describe(path, segmentation)
    if segmentation.get_volume_geometry() is None:
        return info, _combined(path, info)
    with discreet(path, "its segments cannot be read as classes", tell=True):
        volume = segmentation.get_volume(combine_segments=True)
    voxels = volume.array.transpose(2, 1, 0)  # (X, Y, Z)
    voxels = voxels[:, :, ::-1] if _in_our_order(volume.affine, voxels.shape[2])[1] else voxels
    return info, np.ascontiguousarray(voxels, dtype=info.dtype)


def _open(path: Path) -> Any:
    highdicom = extra_library("highdicom", path)
    with discreet(path, "cannot be read as a DICOM segmentation"):
        segmentation = highdicom.seg.segread(path)
        if segmentation.SegmentationType == "FRACTIONAL":
            refuse(path, "its segments are fractions and no classes", "export it as a binary segmentation")
        return segmentation


def _describe(path: Path, segmentation: Any) -> VolumeInfo:
    with discreet(path, "it does not say where its frames lie"):
        geometry = segmentation.get_volume_geometry()
        segments = max(segmentation.segment_numbers)
        item = (segmentation.SegmentSequence[0].get("SegmentationAlgorithmIdentificationSequence") or [{}])[0]
        text = item.get("AlgorithmParameters")
        shape, affine = _aslant(path, segmentation) if geometry is None else _upright(geometry)
    provenance, _ = parse_metadata(text)
    info = VolumeInfo(
        path=path,
        kind="segmentation",
        shape=shape,
        dtype=np.dtype(np.uint8 if segments < 256 else np.uint16),
        affine=affine,
        unit="mm",
        axes="XYZ",
        stored_shape=shape,
        provenance=provenance,
        source={"kind": "segmentation"},
        has_place=True,
    )
    check_memory(path, info.nbytes)
    return info


def _upright(geometry: Any) -> tuple[tuple[int, int, int], np.ndarray]:
    """Return shape and affine of highdicom's geometry."""
    slices, rows, columns = geometry.spatial_shape
    return (columns, rows, slices), _in_our_order(geometry.affine, slices)[0]


def _aslant(path: Path, segmentation: Any) -> tuple[tuple[int, int, int], np.ndarray]:
    """Return shape and affine of frames that highdicom takes for no volume.

    Those of a tilted gantry are one.

    Raises:
        UserError: where the frames are none.
    """
    rows, columns = segmentation.Rows, segmentation.Columns
    plane = Plane(rows, columns, samples=1, allocated=1, stored=1, signed=False, inverted=False)
    slices = {}  # by place: a frame a segment lies there
    for number in range(segmentation.NumberOfFrames):
        _, position, direction, spacing = frame_group(segmentation, number)
        runs = np.array(direction[:3]), np.array(direction[3:])
        slices[tuple(position)] = Slice(
            path, number, plane, np.array(position), *runs, (spacing[0], spacing[1]), 1.0, 0.0
        )
    return (columns, rows, len(slices)), sorted_stack(path, [*slices.values()])[1]


def _combined(path: Path, info: VolumeInfo) -> np.ndarray:
    """Return the numbers of segments, `(X, Y, Z)`."""
    classes = np.zeros(info.shape, info.dtype)  # (X, Y, Z)
    for segment in read_segments(path, info):
        if classes[segment.voxels].any():
            refuse(path, "its segments cannot be read as classes (they overlap)", "export one alone")
        classes[segment.voxels] = segment.number
    return classes


def _in_our_order(affine: np.ndarray, slices: int) -> tuple[np.ndarray, bool]:
    """Return the affine for `(X, Y, Z)`, RAS, of highdicom's for (slice, row, column), LPS.

    Returns:
        The affine, and whether Z was turned round, so that it runs along the normal of X and Y as in a series.
    """
    lps = np.asarray(affine, dtype=np.float64)[:, [2, 1, 0, 3]]
    turned = bool(np.linalg.det(lps[:3, :3]) < 0)
    if turned:
        lps[:3, 3] += (slices - 1) * lps[:3, 2]
        lps[:3, 2] *= -1
    return LPS_TO_RAS @ lps, turned


def write_dicom(
    path: Path,
    array: np.ndarray,
    geometry: Geometry,
    metadata: Mapping[str, Any],
    label_names: Sequence[str] | None = None,
    subject: Path | None = None,
) -> None:
    """Write classes as a segmentation object of the slices they belong to, not atomically.

    Frames without a vessel are written too, so that the object has the shape of its series.

    Args:
        path: ends in `.dcm`.
        array: `(X, Y, Z)`, uint8 or uint16, 0 the background and a segment for every other value.
        geometry: where it lies, which has to be on the voxels of its source, a DICOM image.
        metadata: of `as_metadata`; stands in the parameters of the algorithm.
        label_names: names of the classes, background first.
        subject: the file's final name, for messages.

    Raises:
        UserError: for anything else than classes on the voxels of a DICOM image, and where highdicom cannot write.
    """
    subject = subject or path
    highdicom = extra_library("highdicom", subject)
    if geometry.source.get("kind") != "dicom" or not geometry.unmoved:
        problem = "a DICOM segmentation belongs to the slices that were segmented, and is written for no other voxels"
        refuse(subject, problem, "write .nii.gz")
    if array.ndim != 3 or array.dtype.kind != "u":
        refuse(subject, f"{array.dtype} of shape {array.shape} are no classes", "write .nii.gz")
    names, classes = _segments(subject, array, label_names)
    stack = read_stack(Path(geometry.source["path"]), geometry.source["channel"])
    frames = np.empty(array.shape[::-1], array.dtype)  # (Z, Y, X), in the order in which the source stores them
    alone = stack.slices[0].path == stack.slices[-1].path
    for z, each in enumerate(stack.slices):
        frames[each.frame if alone else z] = classes[:, :, z].T
    sources = [_source(file) for file in dict.fromkeys(each.path for each in stack.slices)]
    provenance = metadata.get("provenance", {})
    version = str(provenance.get("software", MAKER)).removeprefix(f"{MAKER} ")
    with discreet(subject, "highdicom cannot write a segmentation of these slices"):
        segments = [_segment(subject, at, name, version, metadata) for at, name in enumerate(names, start=1)]
        segmentation = highdicom.seg.Segmentation(
            source_images=sources,
            pixel_array=frames,
            segmentation_type="BINARY",
            segment_descriptions=segments,
            series_instance_uid=highdicom.UID(),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=highdicom.UID(),
            instance_number=1,
            manufacturer=MAKER,
            manufacturer_model_name=MAKER,
            software_versions=version,
            device_serial_number=str(provenance.get("weights_sha256", version))[:_MAX_TEXT],
            content_description="Vessel segmentation",
            content_label="VESSELS",
            omit_empty_frames=False,
        )
        segmentation.SeriesDescription = f"Vessel segmentation by {MAKER} {version}"[:_MAX_TEXT]
        _set_zone(segmentation, str(sources[0].get("TimezoneOffsetFromUTC") or ""))
        segmentation.save_as(path)


def _set_zone(segmentation: Any, zone: str) -> None:
    """Say when a segmentation was made, and in which time zone, so that the latest can be found.

    The zone is that of the slices, whose times it takes over, or else this machine's.
    """
    now = datetime.now().astimezone()
    with suppress(ValueError):
        now = datetime.now(datetime.strptime(zone, "%z").tzinfo)
    for kind in ("Content", "InstanceCreation"):
        setattr(segmentation, f"{kind}Date", now.strftime("%Y%m%d"))
        setattr(segmentation, f"{kind}Time", now.strftime("%H%M%S.%f"))
    segmentation.TimezoneOffsetFromUTC = now.strftime("%z")[:5]


def _source(file: Path) -> Any:
    """Read what a segmentation takes over from a slice, and no more.

    What may be empty may be missing too, or a date that is none.
    """
    types = extra_library("pydicom.valuerep", file)
    dataset = read_dataset(file, [*TAGS, *_PATIENT, *_TAKEN_OVER])
    for keyword in _PATIENT:
        value = dataset.get(keyword) or ""
        try:
            {"Date": types.DA, "Time": types.TM}.get(keyword[-4:], str)(value)
        except ValueError:
            value = ""
        setattr(dataset, keyword, value)
    return dataset


def _segments(path: Path, array: np.ndarray, names: Sequence[str] | None) -> tuple[list[str], np.ndarray]:
    """Return the names of the segments, and the array with their numbers in place of values."""
    known = [str(name)[:_MAX_TEXT] for name in (names or ())][1:]
    values = [int(value) for value in np.unique(array) if value]
    if max(values, default=0) <= max(len(known), 1):
        return known or ["vessel"], array
    if known and len(values) > len(known):
        refuse(path, f"it has {len(values)} classes, and {len(known)} have names", "use the weights' own classes")
    numbers = np.zeros(values[-1] + 1, array.dtype)
    numbers[values] = np.arange(1, len(values) + 1)
    return known or [f"class {value}" for value in values], numbers[array]


def _segment(path: Path, number: int, name: str, version: str, metadata: Mapping[str, Any]) -> Any:
    highdicom, codes = extra_library("highdicom", path), extra_library("pydicom.sr.codedict", path).codes
    provenance = metadata.get("provenance", {})
    weights = str(provenance.get("weights_sha256", ""))[:_HASH]
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=MAKER,
        version=f"{version}, weights {weights}" if weights else version,
        family=codes.cid7162.ArtificialIntelligence,
    )
    if metadata:
        algorithm[0].AlgorithmParameters = json.dumps(metadata)
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=category_code(path, name),
        segmented_property_type=vessel_code(path, name),
        algorithm_type="SEMIAUTOMATIC" if provenance.get(CORRECTED) else "AUTOMATIC",
        algorithm_identification=algorithm,
        display_color=highdicom.color.CIELabColor.from_rgb(*vessel_colour(name, number)),
    )
