"""What the writer says about a file inside the file: one JSON object, in every format's place for free text.

`{"provenance": {...}, "intensity_range": [lo, hi]}`, each key only if there is something to say. The place is the
`Info` property of ImageJ, the image's `Description` in OME-XML, the JSON ImageDescription of plain TIFF, and a
comment extension (code 6) of NIfTI.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def as_notes(provenance: Mapping[str, Any] | None, intensity_range: Sequence[float] | None) -> dict[str, Any]:
    """The object to store; empty if there is nothing to say.

    Raises:
        ValueError: `intensity_range` is not two finite numbers, lowest first.
        TypeError: `provenance` cannot be written as JSON.
    """
    notes: dict[str, Any] = {}
    if provenance:
        notes["provenance"] = json.loads(json.dumps(dict(provenance)))  # refuses here what a file could not hold
    if intensity_range is not None:
        bounds = np.asarray(intensity_range, dtype=float).ravel()
        if bounds.shape != (2,) or not np.isfinite(bounds).all() or bounds[0] > bounds[1]:
            raise ValueError(f"intensity_range is {intensity_range!r} and not two finite numbers, lowest first")
        notes["intensity_range"] = [float(bound) for bound in bounds]
    return notes


def parse_notes(text: object) -> tuple[dict[str, Any], tuple[float, float] | None]:
    """The `(provenance, intensity_range)` in `text`, or `({}, None)`: a file's free text is usually someone else's."""
    try:
        notes = json.loads(text) if isinstance(text, str | bytes) else text
    except ValueError:
        return {}, None
    if not isinstance(notes, Mapping):
        return {}, None
    provenance = notes.get("provenance")
    try:
        bounds = as_notes(None, notes.get("intensity_range")).get("intensity_range")
    except (TypeError, ValueError):
        bounds = None
    return dict(provenance) if isinstance(provenance, Mapping) else {}, (bounds[0], bounds[1]) if bounds else None
