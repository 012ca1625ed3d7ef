"""The voxel size of a TIFF, as each of the three dialects states it.

- ImageJ: pixels per unit in the resolution tags, `spacing` and `unit` in the description. As in ImageJ, what is left
  out is 1; `unit` left out, or `pixel`, means that no voxel size is stated, whatever the numbers say.
- OME: PhysicalSizeX/Y/Z and their units, micrometres if not named. All three are needed.
- Plain: the resolution tags say nothing about Z, and most programs fill them with a screen's 72 dpi. They are written
  back as they were, and results are in voxels. The exception is tifffile's JSON description with `spacing` and `unit`.

The word `spacing` is used here as those descriptions use it: the distance of two slices.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..units import canonical_unit, millimetres

logger = logging.getLogger(__name__)


def resolution_tags(page: Any) -> dict[str, Any]:
    """Return the resolution tags of a tifffile page, or `{}` if it has none.

    Returns:
        `{"resolution": [[n, d], [n, d]], "resolutionunit": 1 | 2 | 3}`: pixels per unit along X and Y as fractions; the
        unit is none (1), inch (2) or centimetre (3).
    """
    tags = [page.tags.get(name) for name in ("XResolution", "YResolution")]
    if any(tag is None or len(np.atleast_1d(tag.value)) != 2 for tag in tags):
        return {}
    unit = page.tags.get("ResolutionUnit")
    rationals = [[int(number) for number in tag.value] for tag in tags]
    if any(number == 0 for rational in rationals for number in rational):
        return {}
    number = int(unit.value) if unit is not None else 2
    # a unit that TIFF does not know is none
    return {"resolution": rationals, "resolutionunit": number if number in (1, 2, 3) else 1}


def imagej_voxels(description: dict[str, Any], tags: dict[str, Any]) -> tuple[np.ndarray, str]:
    """Return the affine and the unit that ImageJ's description and the resolution tags state.

    Args:
        description: tifffile's `imagej_metadata`.
        tags: of `resolution_tags`.

    Returns:
        4x4 affine in millimetres and the canonical unit, or the identity and `""`.
    """
    per_unit = [n / d for n, d in tags.get("resolution", [[1, 1], [1, 1]])]
    unit = canonical_unit(description.get("unit"))
    units = [unit, *(canonical_unit(description.get(key)) or unit for key in ("yunit", "zunit"))]
    sizes = [1 / per_unit[0], 1 / per_unit[1], abs(_number(description.get("spacing"), 1.0))]
    return _affine(sizes, units)


def ome_voxels(pixels: dict[str, str]) -> tuple[np.ndarray, str]:
    """Return the affine and the unit (that of X) that the attributes of OME's `Pixels` state."""
    sizes = [_number(pixels.get(f"PhysicalSize{axis}"), math.nan) for axis in "XYZ"]
    units = [canonical_unit(pixels.get(f"PhysicalSize{axis}Unit", "µm")) for axis in "XYZ"]
    return _affine(sizes, units)


def shaped_voxels(description: dict[str, Any], tags: dict[str, Any]) -> tuple[np.ndarray, str]:
    """Return the affine and the unit that tifffile's JSON description of a plain TIFF states.

    They are the identity and `""` unless it has both `spacing` and `unit`.
    """
    if "resolution" not in tags or "spacing" not in description:
        return np.eye(4), ""
    unit = canonical_unit(description.get("unit"))
    sizes = [d / n for n, d in tags["resolution"]]
    return _affine([*sizes, _number(description["spacing"], math.nan)], [unit] * 3)


def coarser(
    source: dict[str, Any], tags: dict[str, Any], factors: Sequence[float]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what states the voxel size of a coarser level, made from that of the finest.

    Args:
        source: of `Dialect`.
        tags: of `resolution_tags`.
        factors: how many voxels of the finest level one of this level has along X, Y and Z.
    """
    source, tags = dict(source), dict(tags)
    if "physical" in source:
        sizes = dict(source["physical"])
        for axis, factor in zip("XYZ", factors, strict=True):
            if math.isfinite(number := _number(sizes.get(f"PhysicalSize{axis}"), math.nan)):
                sizes[f"PhysicalSize{axis}"] = repr(number * factor)
        source["physical"] = sizes
    if math.isfinite(spacing := _number(source.get("spacing"), math.nan)):
        source["spacing"] = spacing * factors[2]
    if "resolution" in tags:
        finer = zip(tags["resolution"], factors[:2], strict=True)
        fractions = [(Fraction(n, d) / Fraction(factor).limit_denominator(1000)) for (n, d), factor in finer]
        tags["resolution"] = [
            [each.numerator, each.denominator] for each in (f.limit_denominator(10**6) for f in fractions)
        ]
    return source, tags


def _number(value: object, default: float) -> float:
    try:
        return default if value is None else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan


def _affine(sizes: list[float], units: list[str]) -> tuple[np.ndarray, str]:
    stated = all(units) and all(math.isfinite(size) and size > 0 for size in sizes)
    if not stated:
        if any(units) and any(math.isfinite(size) and size not in (0, 1) for size in sizes):
            logger.info("the voxel size %s %s is incomplete, results are in voxels", sizes, units)
        return np.eye(4), ""
    return np.diag([*(size * millimetres(unit) for size, unit in zip(sizes, units, strict=True)), 1.0]), units[0]
