"""Labels of a box of a session's volume, as layers and in files."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels

from scripts.core import Box, refuse
from scripts.io import VolumeInfo, open_volume, read_header, write_streamed

from .lazy import LazyVolume, open_lazily
from .session import Block, Session
from .writer import MAX_LABEL, as_labels

LABELS, MARK = "labels", "labelled here"
KEPT_AS = {LABELS: "corrected", MARK: "labelled"}  # in a session, as `Session.file_of` has them
BLOCK, KIND = "tubenet_block", "tubenet_kind"  # of a layer's metadata


def find_layer(viewer: Any, session: Session, block: Block, kind: str = LABELS) -> Labels | None:
    """Return the layer of a viewer that shows a kind of labels of a session's block, if it is there."""
    for layer in viewer.layers:
        if layer.metadata.get(BLOCK) == (str(session.folder), block.name) and layer.metadata[KIND] == kind:
            return layer
    return None


def open_labels(path: Path) -> tuple[VolumeInfo, np.ndarray | LazyVolume]:
    """Return the labels in a file, `(Z, Y, X)`: uint8 to be painted in, or, if they are many, to be looked at."""
    volume = open_volume(path)
    data = open_lazily(volume)
    if isinstance(data, np.ndarray):
        data = np.ascontiguousarray(data).astype(np.uint8, copy=False)
    return volume.info, data


def labels_in(viewer: Any, session: Session, block: Block) -> np.ndarray | LazyVolume:
    """Return a block's labels, `(Z, Y, X)`: those of its layer, or else of its files.

    Raises:
        UserError: for a file that is not there or cannot be read.
    """
    if (layer := find_layer(viewer, session, block)) is not None:
        return layer.data
    if (path := session.labels_of(block)) is None:
        refuse(block.name, "its labels are not there any more", "segment this box once more")
    return open_labels(path)[1]


def mark_in(viewer: Any, session: Session, block: Block) -> np.ndarray | None:
    """Return what is marked in a block, `(Z, Y, X)`, by its layer or else by its file; None if nothing ever was.

    Raises:
        UserError: for a file that cannot be read.
    """
    if (layer := find_layer(viewer, session, block, MARK)) is not None:
        return layer.data
    path = session.file_of(block, KEPT_AS[MARK])
    return np.asarray(open_labels(path)[1]) if path.exists() else None


@lru_cache(maxsize=256)
def is_marked(path: Path, changed: int) -> bool:
    """Return whether a file of marks marks every voxel.

    Args:
        path: the file.
        changed: its time, so that it is read once only until it is written anew.
    """
    return bool(np.all(np.asarray(open_labels(path)[1])))


def write_labels(
    session: Session,
    path: Path,
    labels: np.ndarray | LazyVolume,
    box: Box,
    most: int = MAX_LABEL,
    check: Callable[[], None] = lambda: None,
) -> Path:
    """Write labels `(Z, Y, X)` of a box of a session's volume as a file, with their voxel size and place.

    Args:
        session: of the volume.
        path: the file; where it is of the same family as the volume's, it is of the same kind.
        labels: of the voxels of the box.
        box: in the volume's voxels.
        most: the largest value that they may have.
        check: is called before each slab, and raises what ends it.

    Raises:
        UserError: for another value, or a file that cannot be written.
    """
    info = read_header(session.volume, session.channel)
    affine = info.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [start for start, _ in box]

    def read(part: Box) -> np.ndarray:
        check()
        x, y, z = (slice(*bounds) for bounds in part)
        return as_labels(path.name, np.asarray(labels[z, y, x]), most).transpose(2, 1, 0)

    z, y, x = labels.shape
    return write_streamed(path, read, (x, y, z), np.uint8, like=info, affine=affine)
