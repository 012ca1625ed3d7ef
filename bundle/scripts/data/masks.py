"""Real vessel masks to cut synthetic volumes from: read from volumes, or drawn from graphs."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from scripts.core import refuse, sha256, voxel_size
from scripts.io import (
    EDGES,
    GRAPH_SUFFIXES,
    NODES,
    READ_SUFFIXES,
    VesselGraph,
    edges_of,
    nodes_of,
    read_graph,
    read_volume,
)
from scripts.synthesis import MIN_RADIUS, sample_step, stamp_balls

from .layout import find_volumes

logger = logging.getLogger(__name__)

MAX_VALUES = 32  # distinct values in a mask, which may hold several kinds of vessel
MAX_VESSEL = 0.9

GRAPH_RADIUS = 2.5
"""Median radius, along the vessels, at which a graph is drawn, in voxels: fine enough to be resized afterwards."""

MAX_DRAWN = 40_000_000  # voxels; a larger graph is drawn smaller, in half a gigabyte


def read_masks(masks_dir: str | Path | None) -> dict[str, np.ndarray]:
    """Read real vessel masks to cut blocks from.

    Args:
        masks_dir: folder of volumes with cubic voxels, vessel where above 0, and of graphs (`scripts.io.read_graph`),
            which are drawn; None gives no masks.

    Returns:
        (X, Y, Z) boolean arrays by file name and hash, which shows whether a resumed run uses the same masks.

    Raises:
        UserError: if the folder is missing or has no volumes or graphs; if a file cannot be read, is not a mask, holds
            no vessel or almost only vessel, or has voxels that are not cubes.
    """
    if masks_dir is None:
        return {}
    if not Path(masks_dir).is_dir():
        refuse(masks_dir, "is not a folder", "give --masks_dir a folder of vessel masks", FileNotFoundError)
    graphs, volumes = _sources(Path(masks_dir))
    # read first: only the reader knows that a file is none to wait for, such as a pipe
    masks = {path: _mask(path) for path in volumes}
    masks |= {path: mask_of_graph(read_graph(path), path) for path in graphs}
    return {f"{path.name} {_hash(path)}": mask for path, mask in masks.items()}


def _sources(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the graphs and the volumes in a folder; nodes without their edges are refused."""
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    graphs = [path for path in paths if path.name.lower().endswith(GRAPH_SUFFIXES)]
    for path in paths:
        if path.name.lower().endswith(NODES) and edges_of(path) not in graphs:
            refuse(path, f"its edges are missing, {edges_of(path).name}", "put that file beside it, or remove this one")
    beside = (*GRAPH_SUFFIXES, NODES)
    others = [path for path in paths if not path.name.lower().endswith(beside)]
    if not graphs or any(path.name.lower().endswith(READ_SUFFIXES) for path in others):
        return graphs, list(find_volumes(folder, passed_over=beside).values())
    if others:
        logger.warning("%s: neither masks nor graphs: %s", folder, ", ".join(path.name for path in others))
    return graphs, []


def _hash(path: Path) -> str:
    """Return the start of a file's hash; of a graph in two files, of both."""
    if path.name.lower().endswith(EDGES):
        return sha256(path)[:6] + sha256(nodes_of(path))[:6]
    return sha256(path)[:12]


def _mask(path: Path) -> np.ndarray:
    info, voxels = read_volume(path)
    if len(np.unique(voxels)) > MAX_VALUES:
        refuse(path, f"holds more than {MAX_VALUES} values, so it is an image and no vessel mask", "remove it")
    if voxels.min() < 0:
        refuse(path, "holds negative values, which mean not labelled", "make them vessel or background")
    mask = voxels > 0
    if not 0 < mask.mean() < MAX_VESSEL:
        refuse(path, f"{mask.mean():.0%} of it is vessel, so nothing can be cut from it", "remove it")
    size = voxel_size(info.affine)
    if max(size) > 1.05 * min(size):
        refuse(path, f"its voxels are {max(size) / min(size):.2g} times as long as wide", "resample it to cubes")
    return mask


def mask_of_graph(graph: VesselGraph, path: Path) -> np.ndarray:
    """Draw the vessels of a graph.

    Args:
        graph: in any unit.
        path: where it came from, for messages.

    Returns:
        bool (X, Y, Z), vessel where True.

    Raises:
        UserError: if the vessels are so thin beside the whole graph that they would be too thin to draw.
    """
    ends = graph.points[graph.edges]  # (E, 2, 3)
    lengths = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    order = np.argsort(means := graph.radii.mean(1))
    half_way = np.searchsorted(np.cumsum(lengths[order]), 0.5 * lengths.sum())
    median = float(means[order][half_way])
    reach = graph.radii.max()
    low, span = ends.min((0, 1)) - reach, np.ptp(ends, axis=(0, 1)) + 2 * reach
    scale = min(GRAPH_RADIUS / median, float((MAX_DRAWN / np.prod(span)) ** (1 / 3)))
    if scale * median < MIN_RADIUS:
        refuse(path, "its vessels are too thin beside the whole of it to be drawn", "cut it into parts")
    centres, radii = [], []
    for (start, end), pair, length in zip(ends, scale * graph.radii, scale * lengths, strict=True):
        pair = np.maximum(pair, MIN_RADIUS)
        along = np.linspace(0, 1, int(np.ceil(length / sample_step(pair.min()))) + 1)
        centres.append(scale * (start - low + along[:, None] * (end - start)))  # (N, 3)
        radii.append(pair[0] + along * (pair[1] - pair[0]))
    shape = tuple(int(n) for n in np.ceil(scale * span) + 1)
    widths = np.concatenate(radii)
    depth, _ = stamp_balls(np.concatenate(centres), widths, np.ones_like(widths), shape, 1.0)  # (X, Y, Z)
    return depth >= 0
