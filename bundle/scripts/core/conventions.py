"""What all parts agree on: the mark for unlabelled voxels, class names, exact whole numbers."""

from __future__ import annotations

UNLABELLED = -1
RESULTS = SEGMENTATION, PROBABILITY, SPREAD = "_seg", "_prob", "_std"
"""How names of results end, after the name of the image."""
MAX_WHOLE = 2**53
"""Double precision holds every whole number up to here."""


def class_names(count: int) -> list[str]:
    """Return default class names: background and vessel for two classes, else their numbers."""
    return ["background", "vessel"] if count == 2 else [f"class {index}" for index in range(count)]
