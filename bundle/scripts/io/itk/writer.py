"""NRRD and MetaImage out: spacing, origin and directions of the source, if on its voxels."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import voxel_size

from ..extra import extra_library
from ..units import millimetres
from ..volume import LPS_TO_RAS, Geometry
from .reader import IMAGE_IO, METADATA

_BLOCK = 1 << 20


def write_itk(path: Path, array: np.ndarray, geometry: Geometry, metadata: Mapping[str, Any]) -> None:
    """Write an array to a file, not atomically.

    Args:
        path: ends in `.nrrd` or `.mha`.
        array: `(X, Y, Z)`, or `(K, X, Y, Z)` whose voxels have K components.
        geometry: where it lies. If unmoved, the numbers are the source's own, digit for digit.
        metadata: of `as_metadata`; stands in a field called `tubenet`.
    """
    itk = extra_library("SimpleITK", path)
    kind = "nrrd" if path.suffix.lower() == ".nrrd" else "metaimage"
    source = geometry.source
    stored = array.T if array.ndim == 3 else array.transpose(3, 2, 1, 0)  # (Z, Y, X) or (Z, Y, X, K)
    image = itk.GetImageFromArray(np.ascontiguousarray(stored), isVector=array.ndim == 4)
    if source and geometry.unmoved:
        spacing, origin, direction = source["spacing"], source["origin"], source["direction"]
    else:
        lps = LPS_TO_RAS @ geometry.affine
        lps[:3] /= millimetres(geometry.unit)
        sizes = voxel_size(lps)
        spacing, origin = sizes.tolist(), lps[:3, 3].tolist()
        direction = (lps[:3, :3] / sizes).ravel().tolist()
    image.SetSpacing([*spacing])
    image.SetOrigin([*origin])
    image.SetDirection([*direction])
    if metadata:
        image.SetMetaData(METADATA, json.dumps(metadata))
    writer = itk.ImageFileWriter()
    writer.SetImageIO(IMAGE_IO[kind])
    writer.SetFileName(str(path))
    writer.SetUseCompression(bool(source.get("compressed", False)))
    writer.Execute(image)
    if geometry.unit and (geometry.unit != "mm" or source.get("named_unit")):
        _name_unit(path, kind, geometry.unit)


def _name_unit(path: Path, kind: str, unit: str) -> None:
    """State the unit of length in the header, for which ITK has no call.

    What follows moves up in blocks, so that voxels are never in memory twice.
    """
    spelled = "um" if unit == "µm" else unit
    line, before = {
        "nrrd": (f'space units: "{spelled}" "{spelled}" "{spelled}"\n'.encode(), b"encoding:"),
        "metaimage": (f"DistanceUnits = {spelled}\n".encode(), b"DimSize"),
    }[kind]
    with path.open("r+b") as file:
        at = 0
        while (passed := file.readline()) and not passed.startswith(before):
            at += len(passed)
        end = file.seek(0, os.SEEK_END)
        for start in reversed(range(at, end, _BLOCK)):  # from the end, because each block is written over the next
            file.seek(start)
            block = file.read(min(_BLOCK, end - start))
            file.seek(start + len(line))
            file.write(block)
        file.seek(at)
        file.write(line)
