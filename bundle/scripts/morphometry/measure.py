"""Measure a mask's vessels: branches, nodes, and the network as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from .centring import centre
from .graph import Branch, branches_of
from .mask import Mask, Points, VesselMask
from .prune import prune
from .skeleton import Skeleton, skeleton_of
from .surface import Surface

MAX_TISSUE = 500_000  # voxels of tissue whose distance to the nearest vessel is measured, evenly spaced
REACH = 3  # times its radius, and voxels, within which a voxel may belong to a branch
PLACES = 2**21  # voxels whose nearest branch is looked for at once
PERCENTILES = 5, 25, 50, 75, 95
BRANCH_COLUMNS = (
    *("branch", "node_from", "node_to", "length", "chord", "tortuosity"),
    *("radius_mean", "radius_min", "radius_max", "volume"),
)
NODE_COLUMNS = "node", "x", "y", "z", "degree", "radius"


@dataclass
class VesselNetwork:
    """The vessels of a mask.

    Attributes:
        graph: its nodes have a `position`, (3,), and its edges a `branch`, whose points go from the node with the
            smaller number to the other.
        voxel_size: along X, Y, Z; all lengths are in its unit, from the middle of the first voxel.
        shape: voxels along X, Y, Z.
        voxels: of vessel.
        pruned: spurs that were cut off.
        tissue_distance: `(N,)` of tissue to the nearest vessel's wall.
    """

    graph: nx.MultiGraph
    voxel_size: tuple[float, float, float]
    shape: tuple[int, int, int]
    voxels: int
    pruned: int
    tissue_distance: npt.NDArray[np.float64]

    @property
    def edges(self) -> list[tuple[int, int, int]]:
        """The edges, in the order of the branches' numbers; the smaller node first."""
        return sorted((*sorted(edge[:2]), edge[2]) for edge in self.graph.edges(keys=True))

    @property
    def branches(self) -> list[Branch]:
        """The branches."""
        return [self.graph.edges[edge]["branch"] for edge in self.edges]

    def branch_rows(self) -> list[dict[str, Any]]:
        """Return a row for each branch, with `BRANCH_COLUMNS`; the tortuosity of a loop is None."""
        rows = []
        for number, (edge, branch) in enumerate(zip(self.edges, self.branches, strict=True)):
            chord = float(np.linalg.norm(branch.points[-1] - branch.points[0]))
            is_loop = edge[0] == edge[1]
            radii = self._free_radii(edge, branch)
            shape = branch.length, chord, None if is_loop or not chord else branch.length / chord
            of_radii = float(radii.mean()), float(radii.min()), float(radii.max())
            row = number, *edge[:2], *shape, *of_radii, branch.volume
            rows.append(dict(zip(BRANCH_COLUMNS, row, strict=True)))
        return rows

    def node_rows(self) -> list[dict[str, Any]]:
        """Return a row for each node, with `NODE_COLUMNS`."""
        rows = []
        for node in sorted(self.graph):
            radii = [self._radius_at(node, edge) for edge in self.graph.edges(node, keys=True)]
            row = (node, *map(float, self.graph.nodes[node]["position"]), self.graph.degree(node), max(radii))
            rows.append(dict(zip(NODE_COLUMNS, row, strict=True)))
        return rows

    def lines(self) -> tuple[Points, npt.NDArray[np.float64], list[npt.NDArray[np.intp]]]:
        """Return all points `(N, 3)`, nodes first, their radii `(N,)`, and each branch's points."""
        nodes = sorted(self.graph)
        numbers = {node: number for number, node in enumerate(nodes)}
        points = [np.array([self.graph.nodes[node]["position"] for node in nodes]).reshape(-1, 3)]
        radii = [np.array([row["radius"] for row in self.node_rows()])]
        lines, count = [], len(nodes)
        for edge, branch in zip(self.edges, self.branches, strict=True):
            inner = np.arange(count, count + len(branch.points) - 2)
            lines.append(np.array([numbers[edge[0]], *inner, numbers[edge[1]]], dtype=np.intp))
            points.append(branch.points[1:-1])
            radii.append(branch.radii[1:-1])
            count += len(inner)
        return np.concatenate(points), np.concatenate(radii), lines

    def summary(self) -> dict[str, Any]:
        """Return what holds of the whole volume; what is undefined is None.

        Radii are weighted by length: they are those of a point somewhere on a vessel, not of a branch.
        """
        rows, branches = self.branch_rows(), self.branches
        lengths = np.array([row["length"] for row in rows])
        radii = np.concatenate([branch.radii for branch in branches]) if branches else np.empty(0)
        steps = np.concatenate([_share_of_length(branch) for branch in branches]) if branches else np.empty(0)
        whole = float(np.prod(self.shape) * np.prod(self.voxel_size))
        degrees = np.array([degree for _, degree in self.graph.degree()])
        components = nx.number_connected_components(self.graph)
        tortuosity = [row["tortuosity"] for row in rows if row["tortuosity"]]
        return {
            "vessel_fraction": self.voxels / int(np.prod(self.shape)),
            "vessel_volume": self.voxels * float(np.prod(self.voxel_size)),
            "length": float(lengths.sum()),
            "length_density": float(lengths.sum()) / whole,
            "branches": len(rows),
            "nodes": len(degrees),
            "branch_points": int((degrees > 2).sum()),
            "ends": int((degrees == 1).sum()),
            "loops": len(rows) - len(degrees) + components,
            "components": components,
            "spurs_cut_off": self.pruned,
            "radius_mean": float(np.average(radii, weights=steps)) if len(radii) else None,
            "radius_percentiles": _percentiles(radii, steps),
            "branch_length_mean": float(lengths.mean()) if len(rows) else None,
            "branch_length_percentiles": _percentiles(lengths, np.ones(len(lengths))),
            "tortuosity_mean": float(np.mean(tortuosity)) if tortuosity else None,
            "tissue_distance_mean": float(self.tissue_distance.mean()) if len(self.tissue_distance) else None,
            "tissue_distance_max": float(self.tissue_distance.max()) if len(self.tissue_distance) else None,
        }

    def _free_radii(self, edge: tuple[int, int, int], branch: Branch) -> npt.NDArray[np.float64]:
        """Return a branch's radii outside the vessels that it meets; all, if it is nowhere outside."""
        free = np.ones(len(branch.points), dtype=np.bool_)
        for node in edge[:2]:
            if self.graph.degree(node) > 2:
                others = [self._radius_at(node, each) for each in self.graph.edges(node, keys=True)]
                away = np.linalg.norm(branch.points - self.graph.nodes[node]["position"], axis=1)  # (N,)
                free &= away > max(others)
        return branch.radii[free] if free.any() else branch.radii

    def _radius_at(self, node: int, edge: tuple[int, int, int]) -> float:
        branch = self.graph.edges[edge]["branch"]
        return float(branch.radii[0] if node == min(edge[:2]) else branch.radii[-1])


def measure(mask: Mask | VesselMask, voxel_size: Sequence[float] = (1, 1, 1)) -> VesselNetwork:
    """Find the vessels of a mask, and measure them.

    Centre lines come from thinning (`skeleton_of`), spurs are cut off (`prune`), and lines and radii are made finer
    than voxels by the surface around them (`centre`). Voxels are read block by block; what is held is the surface, a
    dozen bytes for each face of a voxel, and the lines.

    Args:
        mask: `(X, Y, Z)` bool, or a mask that is read by boxes.
        voxel_size: along X, Y, Z, in any unit, which is that of all lengths; of a mask that is an array.
    """
    mask = mask if isinstance(mask, VesselMask) else VesselMask.of(mask, voxel_size)
    surface = Surface(mask)
    # without any wall, in a volume that is vessel throughout, there is nothing to find
    lines = skeleton_of(mask) if len(surface) else Skeleton(np.empty((0, 3), np.intp), np.empty((0, 3)), 1.0)
    graph = branches_of(lines.voxels, lines.points)
    pruned = prune(graph, surface, lines.side)
    centre(graph, surface, lines.side, mask.voxel_size, mask.shape)
    # ends are shorter now, and some turn out to be spurs
    if more := prune(graph, surface, lines.side):
        pruned += more
        centre(graph, surface, lines.side, mask.voxel_size, mask.shape)
    del surface
    voxels = sum(int(mask.read(box).sum()) for box in mask.blocks())
    network = VesselNetwork(graph, mask.voxel_size, mask.shape, voxels, pruned, _tissue_distance(mask, voxels))
    _share_volume(network, mask)
    return network


def _share_volume(network: VesselNetwork, mask: VesselMask) -> None:
    """Give each branch the volume of the voxels that are nearest to it, but for blobs."""
    branches = network.branches
    if not branches:
        return
    tree = KDTree(np.concatenate([branch.points for branch in branches]))
    reach = REACH * np.concatenate([branch.radii for branch in branches]) + REACH * max(network.voxel_size)
    owner = np.repeat(np.arange(len(branches)), [len(branch.points) for branch in branches])
    voxels = np.zeros(len(branches), dtype=np.int64)
    for box in mask.blocks(PLACES):
        places = np.argwhere(mask.read(box)) + [start for start, _ in box]  # (V, 3)
        far, nearest = tree.query(places * network.voxel_size)  # (V,), (V,)
        voxels += np.bincount(owner[nearest[far <= reach[nearest]]], minlength=len(branches))
    for branch, count in zip(branches, voxels, strict=True):
        branch.volume = int(count) * float(np.prod(network.voxel_size))


def _tissue_distance(mask: VesselMask, vessel: int) -> npt.NDArray[np.float64]:
    """Return how far tissue is from the nearest vessel's wall, at places evenly spaced, `(N,)`."""
    walls = Surface(mask, coarse=True)
    tissue = int(np.prod(mask.shape)) - vessel
    if not len(walls) or not tissue:
        return np.empty(0)
    step = ceil((tissue / MAX_TISSUE) ** (1 / 3))
    begin = [min(step // 2, size // 2) for size in mask.shape]
    places = []
    for box in mask.blocks():
        first = [(at - start) % step for at, (start, _) in zip(begin, box, strict=True)]  # place in this block
        sparse = mask.read(box)[tuple(slice(each, None, step) for each in first)]
        places.append(np.argwhere(~sparse) * step + first + [start for start, _ in box])
    return walls.distances(np.concatenate(places) * mask.voxel_size)


def _share_of_length(branch: Branch) -> npt.NDArray[np.float64]:
    """Return the length that each point stands for, `(N,)`: half a step on either side."""
    steps = np.linalg.norm(np.diff(branch.points, axis=0), axis=1)  # (N - 1,)
    return np.asarray((np.append(steps, 0) + np.append(0, steps)) / 2, dtype=np.float64)


def _percentiles(values: Points, weights: Points) -> dict[str, float] | None:
    if not len(values):
        return None
    order = np.argsort(values)
    share = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    return {str(each): float(np.interp(each / 100, share, values[order])) for each in PERCENTILES}
