"""What all parts agree on: what marks a voxel that is not labelled, and how classes are named."""

from __future__ import annotations

UNLABELLED = -1


def class_names(count: int) -> list[str]:
    """Name classes that nobody has named: background and vessel where there are two, else by their numbers."""
    return ["background", "vessel"] if count == 2 else [f"class {index}" for index in range(count)]
