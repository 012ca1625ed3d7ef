"""Notice labels of which only a block seems to have been drawn, or hardly a vessel."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.core import Box, box_text

if TYPE_CHECKING:
    from .scan import LabelScan

logger = logging.getLogger(__name__)

MAX_SHARE = 0.5
"""Of the volume; the vessels of larger boxes may well be all there are."""
MIN_MARGIN = 0.1
"""Of the volume's side, between its border and the box of the vessels: less than that may be empty in any image."""
CUT_OFF = 0.4
"""Of the mean plane's vessel: with so much in its outermost plane, a box of vessels ends where someone stopped.

Vessels that end by themselves leave less than 0.3 there, in all labels of `docs/results.md` and 101 synthetic volumes.
Blocks cut out of these labels at random leave at least 0.6.
"""
MIN_SIDE = 16
"""Of a box of vessels, in voxels, along an axis where they may be cut off: all planes of a thin vessel are alike."""
TINY_SHARE = 0.02
"""Of the volume; vessels in so small a box are doubtful however they end, unless one crosses the volume."""
THIN = 32
"""Voxels along an axis that small boxes often span, such as the slices of a stack."""
FEW = 1000
"""Vessel voxels; fine-tuning did harm on three of four blocks with 148 to 820 (docs/fine-tuning-experiments.md)."""


def block_of_vessels(scan: LabelScan) -> Box | None:
    """Return the box of a label's vessels, if only that box looks as if it was labelled.

    That is so where every voxel of the volume counts as labelled and the box is small: at most half of the volume, with
    vessels that are cut off at a side well inside the volume, or at most a fiftieth, in no axis more than half of it.

    Args:
        scan: of a label (`scan_labels`).
    """
    whole = int(np.prod(scan.shape))
    known = sum(int(planes[0].sum()) for planes in scan.planes.values())
    vessels = [planes for value, planes in scan.planes.items() if value > scan.background and planes[0].any()]
    if known < whole or not vessels:  # a region, or voxels that are marked: somebody has thought of it
        return None
    box, cut_off, inside = [], False, True
    for axis, side in enumerate(scan.shape):
        planes = np.sum([each[axis] for each in vessels], axis=0)  # (side,)
        start, stop = int(np.flatnonzero(planes)[0]), int(np.flatnonzero(planes)[-1]) + 1
        box.append((start, stop))
        ends = ((planes[start], start), (planes[stop - 1], side - stop))
        least = CUT_OFF * planes[start:stop].mean()
        at_an_end = any(vessel >= least and margin > MIN_MARGIN * side for vessel, margin in ends)
        cut_off |= at_an_end and stop - start >= MIN_SIDE
        inside &= side <= THIN or stop - start <= side / 2
    share = _share(box, scan.shape)
    return tuple(box) if (inside and share <= TINY_SHARE) or (cut_off and share <= MAX_SHARE) else None


def warn_of_blocks(volumes: Sequence[Mapping[str, Any]]) -> None:
    """Log a warning if labels look as if only a block was labelled (`block_of_vessels`).

    Args:
        volumes: volumes with `label` path and `scan`; `name` where they have one.
    """
    found = [(volume, box) for volume in volumes if (box := block_of_vessels(volume["scan"])) is not None]
    if not found:
        return
    volume, box = found[0]
    region = box_text(box)
    logger.warning(
        "%s%s: all its vessels lie in %s, which is %.2g %% of it, and all the rest counts as background; "
        "if only a block was labelled, give --region %s, or a negative value to each voxel that was not "
        "(or any other, with --unlabelled_value)",
        volume.get("name", volume["label"]),
        f" (and {len(found) - 1} more like it)" if found[1:] else "",
        region,
        100 * _share(box, volume["scan"].shape),
        region,
    )


def warn_of_few(volumes: Sequence[Mapping[str, Any]]) -> None:
    """Log a warning if what trains holds next to no vessel (`FEW`), which may do harm.

    Args:
        volumes: volumes with `region`, the box that trains, and `scan`.
    """
    vessel = sum(volume["scan"].count_vessel(volume["region"]) for volume in volumes)
    if 0 < vessel < FEW:
        logger.warning(
            "only %d voxels that train are vessel; what so few teach may not hold elsewhere, and no score would tell; "
            "label some thousand, best where vessels look different",
            vessel,
        )


def _share(box: Sequence[tuple[int, int]], shape: Sequence[int]) -> float:
    """Return the share of a volume that a box takes."""
    return float(np.prod([(stop - start) / side for (start, stop), side in zip(box, shape, strict=True)]))
