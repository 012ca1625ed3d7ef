"""What a TIFF says about itself in its dialect: ImageJ's, OME's, or none of the two."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from . import geometry
from .ome import drop_own_names, ome_description, parse_ome, physical_sizes


@dataclass
class Dialect:
    """What stands in the description of the first page.

    Attributes:
        kind: `imagej`, `ome` or `tiff`.
        affine: as in `VolumeInfo`.
        unit: as in `VolumeInfo`.
        text: what stands in the place of `metadata.py`'s JSON object: its text, or tifffile's parsed description.
        source: what a writer of this dialect repeats.
        description: ImageJ's, as tifffile parses it.
        images: the number of pages that ImageJ states, or None.
    """

    kind: str
    affine: np.ndarray
    unit: str
    text: object
    source: dict[str, Any]
    description: dict[str, Any] = field(default_factory=dict)
    images: int | None = None


def ome_root(path: Path, tif: tifffile.TiffFile) -> ElementTree.Element | None:
    """Return the parsed OME-XML of an open TIFF, or None where it has none.

    Names that the file itself once had are taken out, for tifffile too, which would open whatever has them now.

    Raises:
        UserError: as `parse_ome`.
    """
    if not tif.ome_metadata:
        return None
    root = parse_ome(path, tif.ome_metadata)
    if drop_own_names(root):
        vars(tif)["_omexml"] = ElementTree.tostring(root, encoding="unicode")  # which TiffFile(omexml=) sets
    return root


def dialect_of(tif: tifffile.TiffFile, root: ElementTree.Element | None) -> Dialect:
    """Find out which dialect an open TIFF is in, and what it states in it.

    Args:
        tif: the open file.
        root: of `ome_root`.
    """
    tags = geometry.resolution_tags(tif.pages.first)
    sizes = physical_sizes(root) if root is not None else []
    if root is not None and sizes:
        affine, unit = geometry.ome_voxels(sizes[0])
        return Dialect("ome", affine, unit, ome_description(root), {"physical": sizes[0]})
    if tif.is_imagej:
        description: dict[str, Any] = {**(tif.imagej_metadata or {})}
        affine, unit = geometry.imagej_voxels(description, tags)
        kept = _subset(description, ("spacing", "unit", "yunit", "zunit"))
        images = description.get("images")
        stated = int(images) if isinstance(images, int | float) else None
        return Dialect("imagej", affine, unit, description.get("Info"), kept, description, stated)
    try:
        shaped = json.loads(tif.pages.first.shaped_description or "{}")
    except (ValueError, RecursionError):  # RecursionError: brackets nested too deep
        shaped = {}
    affine, unit = geometry.shaped_voxels(shaped, tags)
    kept = _subset(shaped, ("spacing", "unit") if unit else ("spacing",))  # or the result would state a voxel size
    return Dialect("tiff", affine, unit, shaped, kept)


def _subset(description: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: description[key] for key in keys if key in description}
