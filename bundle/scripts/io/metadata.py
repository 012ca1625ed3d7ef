"""The JSON object that our files carry, in each format's place for free text.

`{"provenance": {...}, "intensity_range": [lowest, highest]}`; a key without a value is left out. The place is the
`Info` property in ImageJ's dialect, the image's `Description` in OME-XML, the JSON ImageDescription of a plain TIFF,
and a comment (extension code 6) of NIfTI.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def as_metadata(provenance: Mapping[str, Any] | None, intensity_range: Sequence[float] | None) -> dict[str, Any]:
    """Return the object to store in a file; it is empty if there is nothing to say.

    Args:
        provenance: how the file was made, fit for JSON.
        intensity_range: lowest and highest intensity of the volume that this one was cut from.

    Raises:
        ValueError: for an `intensity_range` that is not two finite numbers, lowest first.
        TypeError: for a `provenance` that cannot be written as JSON.
    """
    metadata: dict[str, Any] = {}
    if provenance:
        metadata["provenance"] = json.loads(json.dumps(dict(provenance)))  # fails here rather than in a writer
    if intensity_range is not None:
        bounds = np.asarray(intensity_range, dtype=float).ravel()
        if bounds.shape != (2,) or not np.isfinite(bounds).all() or bounds[0] > bounds[1]:
            raise ValueError(f"intensity_range is {intensity_range!r} and not two finite numbers, lowest first")
        metadata["intensity_range"] = [float(bound) for bound in bounds]
    return metadata


def parse_metadata(text: object) -> tuple[dict[str, Any], tuple[float, float] | None]:
    """Return the provenance and the intensity range that a file's free text states.

    They are `{}` and None where it is not ours: the free text of most files is somebody else's.

    Args:
        text: JSON, or the object itself where a library has parsed it.
    """
    try:
        metadata = json.loads(text) if isinstance(text, str | bytes) else text
    except (ValueError, RecursionError):  # RecursionError: brackets nested too deep
        return {}, None
    if not isinstance(metadata, Mapping):
        return {}, None
    provenance = metadata.get("provenance")
    try:
        bounds = as_metadata(None, metadata.get("intensity_range")).get("intensity_range")
    except (TypeError, ValueError, OverflowError):  # OverflowError: an integer that no float holds
        bounds = None
    return dict(provenance) if isinstance(provenance, Mapping) else {}, (bounds[0], bounds[1]) if bounds else None
