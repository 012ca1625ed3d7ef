"""What all parts agree on: the mark for unlabelled voxels, and the default class names."""

from __future__ import annotations

UNLABELLED = -1


def class_names(count: int) -> list[str]:
    """Return default class names: background and vessel for two classes, else their numbers."""
    return ["background", "vessel"] if count == 2 else [f"class {index}" for index in range(count)]
