"""What all parts agree on: the label of voxels that are not labelled."""

from __future__ import annotations

UNLABELLED = -1
