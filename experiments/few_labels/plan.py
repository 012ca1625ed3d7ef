"""What of each volume trains, and which voxels all that is compared on it is scored on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from scripts.core import Box, by, refuse, region_box, through_plane_axis
from scripts.study import LabelledVolume, Part, share_of, typical_box, with_margin

WHOLE, BLOCK, SLICES, SPLIT = "whole volume", "one block", "a few slices", "fixed split"
MAX_SHARE = 0.5
"""Of the labelled voxels, that may train; the rest is to say how good the result is."""
MIN_SIDE = 16


@dataclass(frozen=True)
class Cut:
    """What trains of a volume, and what is scored.

    Attributes:
        kind: one of `WHOLE`, `BLOCK`, `SLICES` and `SPLIT`.
        trains: by name, the main one first: of blocks all sides, of which the others lie in the first.
        scored: all that is compared is scored on it.
        about: what the tables tell of it, by column.
    """

    kind: str
    trains: Mapping[str, Part]
    scored: Part
    about: Mapping[str, str]

    @property
    def main(self) -> str:
        """The name of what trains that is compared with training from scratch."""
        return next(iter(self.trains))


def cuts_of(
    volume: LabelledVolume,
    affine: np.ndarray,
    block: int,
    sizes: Sequence[int],
    slices: int,
    margin: int,
    part: str | None,
) -> tuple[list[Cut], list[str]]:
    """Plan what trains of a volume and what is scored.

    Args:
        volume: the volume.
        affine: 4x4 affine of its image.
        block: side of the block in voxels, 0 for none; where it has no room half of that, and so on.
        sizes: sides of further blocks, those smaller than the block, each inside the next larger one.
        slices: how many adjacent slices to train on, 0 for none.
        margin: voxels between what trains and what is scored (`with_margin`).
        part: what is scored after training on all the rest, `x0:x1,y0:y1,z0:z1`; None for no such part.

    Returns:
        The cuts, the first of which is the whole volume, and a line for each that could not be made.

    Raises:
        UserError: if the part does not fit the volume.
    """
    label = volume.voxels
    everything = tuple((0, side) for side in label.shape)
    cuts, told = [Cut(WHOLE, {}, Part(everything), _about(label, Part(everything)))], []
    if not _has_both(label):
        return cuts, [f"{volume.name}: its label has no vessel or no background, so nothing is trained on it"]
    if block:
        found = _block(label, affine, block, sizes, margin)
        least = min(block, MIN_SIDE)
        told += [] if found else [f"{volume.name}: no room for a block of {least} voxels or more {_ROOM}"]
        cuts += [found] if found else []
    if slices:
        found = _slices(label, affine, slices, margin)
        told += [] if found else [f"{volume.name}: no room for a run of {slices} slices {_ROOM}"]
        cuts += [found] if found else []
    if part is not None:
        scored = Part(region_box(part, label.shape, volume.name))
        trains = Part(scored.box, inside=False)
        if not (_has_both(scored.of(label)) and _has_both(trains.of(label))):
            refuse(f"--parts {part}", f"{volume.name} lacks vessel or background in it or in the rest", "give another")
        cuts.append(Cut(SPLIT, {str(trains): trains}, scored, _about(label, scored, trains)))
    return cuts, told


_ROOM = "that is labelled as a whole, holds vessel and background, and leaves as much of both to be scored"


def _block(label: np.ndarray, affine: np.ndarray, block: int, sizes: Sequence[int], margin: int) -> Cut | None:
    side, found = block, None
    while found is None and side >= min(block, MIN_SIDE):
        found = _scorable(label, affine, typical_box(label, [side] * 3), margin)
        side = side if found else side // 2
    if found is None:
        return None
    box, scored = found
    trains = {str(side): Part(box)}
    for smaller in sorted({each for each in sizes if each < side}, reverse=True):
        box = typical_box(label, [smaller] * 3, box)
        if box is None:
            break
        trains[str(smaller)] = Part(box)
    return Cut(BLOCK, trains, scored, _about(label, scored, trains[str(side)]))


def _slices(label: np.ndarray, affine: np.ndarray, slices: int, margin: int) -> Cut | None:
    sides = list(label.shape)
    sides[through_plane_axis(affine)] = slices
    if found := _scorable(label, affine, typical_box(label, sides), margin):
        box, scored = found
        return Cut(SLICES, {str(slices): Part(box)}, scored, _about(label, scored, Part(box)))
    return None


def _scorable(label: np.ndarray, affine: np.ndarray, box: Box | None, margin: int) -> tuple[Box, Part] | None:
    """Return a box with what is scored beside it, if it is not too large for that."""
    if box is None or prod(stop - start for start, stop in box) > MAX_SHARE * np.count_nonzero(label >= 0):
        return None
    scored = Part(with_margin(box, margin, affine, label.shape), inside=False)
    return (box, scored) if _has_both(scored.of(label)) else None


def _has_both(label: np.ndarray) -> bool:
    return bool((label > 0).any() and (label == 0).any())


def _about(label: np.ndarray, scored: Part, trains: Part | None = None) -> dict[str, str]:
    """Return what tables tell of a cut; shares are of labelled voxels."""
    labelled = np.count_nonzero(label >= 0)
    told = {"voxels": by(label.shape), "vessel in the volume": _percent(share_of(label))}
    if trains is not None:
        inside = trains.of(label)  # (X, Y, Z)
        told |= {
            "trains": f"`{trains}`",
            "of the volume": _percent(np.count_nonzero(inside >= 0) / labelled),
            "vessel in it": _percent(share_of(inside)),
            "scored": _percent(np.count_nonzero(scored.of(label) >= 0) / labelled),
        }
    return told


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
