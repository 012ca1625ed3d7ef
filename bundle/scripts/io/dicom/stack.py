"""All slices of one volume, from a folder with a series or from a multi-frame file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse

from ..extra import extra_library
from ..formats import check_content
from .files import dicom_files
from .geometry import sorted_stack
from .slices import Slice, is_segmentation, read_image, slices_of

MAX_LISTED = 6
# what a result takes over from all slices at once
_SHARED = {"PatientID": "patient", "StudyInstanceUID": "study", "FrameOfReferenceUID": "frame of reference"}


@dataclass(frozen=True, eq=False)
class Stack:
    """A volume of slices.

    Attributes:
        slices: sorted along Z.
        affine: 4x4, from voxels (X, Y, Z) to millimetres, RAS.
        series: how many series the folder holds.
    """

    slices: list[Slice]
    affine: np.ndarray
    series: int = 1


def read_stack(path: Path, channel: int | None = None) -> Stack:
    """Read the headers of all slices of a volume.

    Args:
        path: a folder, or a multi-frame file.
        channel: which series of a folder that holds several, in the order of their numbers.

    Raises:
        UserError: for what is no image, is damaged, or is not one volume of equally spaced slices of one patient.
    """
    if not path.is_dir():
        slices = slices_of(path, _image(path))
        if len(slices) == 1:
            refuse(path, "it is a single slice", "give the folder of its series")
        return Stack(*sorted_stack(path, slices))
    series: dict[str, list[tuple[Path, Any]]] = {}
    files = dicom_files(path)
    if not files:
        refuse(path, "it holds no DICOM file", "check the path", FileNotFoundError)
    for file in files:
        dataset = read_image(file)
        series.setdefault(str(dataset.get("SeriesInstanceUID", "")), []).append((file, dataset))
    several = sorted(series.values(), key=lambda each: (_number(each[0][1]), each[0][0].name))
    chosen = _chosen(path, several, channel)
    slices = []
    for file, dataset in chosen:
        if is_segmentation(dataset):
            refuse(path, f"{file.name} is a segmentation among its slices", "put it into another folder")
        found = slices_of(file, dataset)
        if len(found) > 1:
            refuse(path, f"{file.name} holds {len(found)} slices, others one", "give that file, or take it out")
        slices += found
    _refuse_localizers(path, chosen)
    _refuse_several_scans(path, chosen)
    if len(slices) == 1:
        refuse(path, f"it holds a single slice, {files[0].name}", "give a folder with the whole series")
    return Stack(*sorted_stack(path, slices), series=len(several))


def _image(path: Path) -> Any:
    check_content(path)
    return read_image(path)


def _number(dataset: Any) -> int:
    try:
        return int(dataset.get("SeriesNumber") or 0)
    except (TypeError, ValueError):
        return 0


def _chosen(path: Path, several: list[list[tuple[Path, Any]]], channel: int | None) -> list[tuple[Path, Any]]:
    if len(several) == 1:  # the channel is one of its colours, or is refused
        return several[0]
    if channel is not None and 0 <= channel < len(several):
        return several[channel]
    told = [
        f"{at}: {_described(path, each[0][1])}, {len(each)} files such as {each[0][0].name}"
        for at, each in enumerate(several[:MAX_LISTED])
    ]
    told += ["..."] if len(several) > MAX_LISTED else []
    which = "" if channel is None else f"{channel} is none of them; "
    remedy = f"{which}choose one with --channel 0..{len(several) - 1}, or give each a folder of its own"
    refuse(path, f"it holds {len(several)} series and not one ({'; '.join(told)})", remedy)


def _described(path: Path, dataset: Any) -> str:
    """Return what a series is.

    A modality that DICOM does not define may be any text, and is not told.
    """
    defined = {code.value for code in extra_library("pydicom.sr.codedict", path).codes.cid33.concepts.values()}
    modality = str(dataset.get("Modality", ""))
    kind = "localizer " if _is_localizer(dataset) else ""
    series = f"{kind}series number {_number(dataset)}"
    return f"{modality} {series}" if modality in defined else f"{series} of unknown modality"


def _is_localizer(dataset: Any) -> bool:
    return "LOCALIZER" in list(dataset.get("ImageType") or ())


def _refuse_localizers(path: Path, chosen: list[tuple[Path, Any]]) -> None:
    found = [file for file, dataset in chosen if _is_localizer(dataset)]
    if found and len(found) < len(chosen):
        refuse(path, f"{found[0].name} is a localizer and no slice of the volume", "take it out of the folder")


def _refuse_several_scans(path: Path, chosen: list[tuple[Path, Any]]) -> None:
    """Refuse slices of several patients, studies or frames of reference, without telling which."""
    first, of_first = chosen[0]
    for keyword, what in _SHARED.items():
        shared = _text(of_first, keyword)
        for file, dataset in chosen[1:]:
            if _text(dataset, keyword) != shared:
                problem = f"{file.name} and {first.name} differ in {what} ({keyword})"
                refuse(path, problem, "put each scan into a folder of its own")


def _text(dataset: Any, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip()
