"""Thin vessels to lines of voxels that keep every piece and every loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree
from skimage.graph import MCP_Geometric
from skimage.morphology import skeletonize

from scripts.core import Box, grown, inside_of

from .mask import Mask, Points, VesselMask
from .surface import COARSE, faces, fine_axes

TOUCHING = np.ones((3, 3, 3))  # voxels that share a face, an edge or a corner are one piece, as they are in thinning
FARTHER, FAR = 2, 2  # times a line's radius, and voxels, beyond which the surface needs another line
TOGETHER = 2.0  # voxels between points of one lost vessel's surface, at the most
MAX_PARTS = 16  # of a voxel, along an axis: a header that is wrong does not fill memory
MARGIN_OF_BLOCK, MAX_MARGIN = 32, 96  # voxels around a block that are thinned with it: at first, and at the most
MARGIN = 8  # voxels around what was lost, in which a way along it is sought


@dataclass(frozen=True)
class Skeleton:
    """Centre lines as voxels of a grid.

    Attributes:
        voxels: `(N, 3)`, sorted; those that share a corner are neighbours.
        points: `(N, 3)` where they lie, in the unit of the voxel size, from the middle of the volume's first voxel.
        side: of the grid's voxels, the longest of the three.
    """

    voxels: npt.NDArray[np.intp]
    points: Points
    side: float


def skeleton_of(mask: VesselMask) -> Skeleton:
    """Return the centre lines of vessels, on a grid about as fine along all axes.

    Lines are those of scikit-image's `skeletonize` (Lee et al. 1994), which takes no account of the voxel size. So
    voxels that are long along an axis are cut into equal parts first, which changes neither pieces nor loops. Where it
    erases a piece that is an even number of voxels wide (scikit-image issue 3757), a line along its middle is added.

    A block is thinned with a margin of at least twice the half-width of its widest vessel, as far as memory allows.
    Then its lines are those that the whole volume has, as on the seven masks on which that was tried.

    Args:
        mask: read block by block.
    """
    finest = min(mask.voxel_size)
    wanted = [round(side / finest) if side >= COARSE * finest else 1 for side in mask.voxel_size]
    parts = np.minimum(wanted, MAX_PARTS)
    sides = np.asarray(mask.voxel_size) / parts
    axes = fine_axes(mask.voxel_size)
    found = [np.empty((0, 3), np.intp)]
    for box in mask.blocks(mask.block // int(parts.prod())):
        found.append(_block_points(mask, box, parts, axes))
    voxels = np.concatenate(found)
    voxels = voxels[np.lexsort(voxels.T[::-1])]  # in one order, however the blocks are cut
    first = -(parts - 1) / 2  # of a voxel's parts, from its middle
    return Skeleton(voxels, (voxels + first) * sides, float(sides.max()))


def _block_points(mask: VesselMask, box: Box, parts: npt.NDArray[np.intp], axes: Sequence[int]) -> npt.NDArray[np.intp]:
    """Return the voxels of centre lines in a block, on the grid of parts, `(N, 3)`."""
    margin = MARGIN_OF_BLOCK
    while True:
        x, y, z = (-(-margin // parts)).tolist()
        around = grown(box, (x, y, z), mask.shape)
        fine = mask.read(around)
        inside = inside_of(box, around)
        if not fine[inside].any():
            return np.empty((0, 3), np.intp)
        for axis, count in enumerate(parts):
            fine = np.repeat(fine, count, axis=axis) if count > 1 else fine  # (x parts, y parts, z parts)
        thin: Mask = skeletonize(fine)
        surface = np.concatenate([faces(fine, axis) for axis in axes])
        _add_lost(fine, thin, surface)
        own = [slice(at.start * count, at.stop * count) for at, count in zip(inside, parts.tolist(), strict=True)]
        points = np.argwhere(thin[tuple(own)])  # (N, 3)
        first = [each.start for each in own]
        widest = KDTree(surface).query(points + first)[0].max(initial=0) if len(surface) else np.inf
        is_whole = [stop - start for start, stop in around] == list(mask.shape)
        if margin >= min(2 * widest, MAX_MARGIN) or is_whole:
            return points + [start for start, _ in box] * parts
        margin = min(2 * margin, MAX_MARGIN)


def _add_lost(mask: Mask, thin: Mask, surface: Points) -> None:
    """Add lines to a skeleton along the pieces of a mask that it has lost altogether.

    Args:
        mask: `(X, Y, Z)` bool.
        thin: its skeleton, which is changed.
        surface: `(N, 3)` of the mask, in voxels.
    """
    pieces, count = ndimage.label(mask, TOUCHING)
    gone = np.setdiff1d(np.arange(1, count + 1), pieces[thin])
    if not len(gone):
        return
    boxes = ndimage.find_objects(pieces)
    for number in gone:  # it begins in its middle
        box = boxes[number - 1]
        depth = _depth(pieces[box] == number)
        thin[box][np.unravel_index(np.argmax(depth), depth.shape)] = True
    sides = [pieces[tuple(each(surface).astype(int).T)] for each in (np.floor, np.ceil)]  # (N,) each, one is vessel
    surface = surface[np.isin(np.maximum(*sides), gone)]
    if not len(surface):
        return
    tree = KDTree(surface)
    while True:
        line = np.argwhere(thin & np.isin(pieces, gone))  # (L, 3)
        radius, _ = tree.query(line)  # (L,)
        far, at = KDTree(line).query(surface)  # (N,), (N,)
        lost = far > FARTHER * radius[at] + FAR
        groups, added = _groups(surface[lost]), 0
        for number in range(groups.max(initial=-1) + 1):
            members = np.flatnonzero(lost)[groups == number]
            farthest = members[np.argmax(far[members])]
            around = np.concatenate((surface[members], line[at[members]]))  # (2 n, 3)
            low = np.maximum(around.min(axis=0).astype(int) - MARGIN, 0)
            box = tuple(slice(*each) for each in zip(low, around.max(axis=0).astype(int) + MARGIN, strict=True))
            way = _way(mask[box], thin[box], surface[farthest] - low) + low  # (n, 3)
            added += len(way)
            thin[tuple(way.T)] = True
        if not added:
            return


def _groups(points: Points) -> npt.NDArray[np.intp]:
    """Number groups of points of which each is near another, `(N,)` from 0."""
    pairs = KDTree(points).query_pairs(TOGETHER, output_type="ndarray") if len(points) else np.empty((0, 2), np.intp)
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points),) * 2)
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.intp)


def _way(mask: Mask, thin: Mask, tip: Points) -> npt.NDArray[np.intp]:
    """Return the voxels along a vessel, from its tip to the nearest line, `(N, 3)`."""
    inside = np.argwhere(mask)  # (V, 3)
    start = inside[np.argmin(np.linalg.norm(inside - tip, axis=1))]
    search = MCP_Geometric(np.where(mask, 1 / np.maximum(_depth(mask), 0.5) ** 2, np.inf))
    reached, _ = search.find_costs([start])
    reached = np.where(thin, reached, np.inf)
    end = np.unravel_index(np.argmin(reached), reached.shape)
    return np.array(search.traceback(end) if np.isfinite(reached[end]) else [], dtype=np.intp).reshape(-1, 3)


def _depth(mask: Mask) -> Points:
    """Return how far each voxel is from the background, in voxels."""
    depth: Points = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
    return depth
