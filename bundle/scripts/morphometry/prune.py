"""Cut off spurs: ends of a skeleton's lines that follow no vessel but a bump of its wall."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import networkx as nx
import numpy as np

from .graph import Branch
from .surface import Surface

SPARE = 2  # voxels that a spur may leave the vessel by: its wall is only as smooth as voxels are


def prune(graph: nx.MultiGraph, surface: Surface, side: float) -> int:
    """Cut off each branch with a free end that hardly leaves the vessel it hangs on.

    That is one whose free end lies, but for two voxels, in the largest ball that fits into that vessel at a point no
    farther off than the branch is long. The shortest goes first, and what it leaves behind, a node of two branches, is
    no node any more.

    Args:
        graph: of `branches_of`, which is changed; branches that are joined have no radii.
        surface: of the mask.
        side: of a voxel.

    Returns:
        How many were cut off.
    """
    branches = [branch for *_, branch in graph.edges(data="branch")]
    if not branches or not len(surface):
        return 0
    walls = surface.distances(np.concatenate([branch.points for branch in branches]))
    starts = np.cumsum([len(branch.points) for branch in branches])[:-1]
    for branch, of_branch in zip(branches, np.split(walls, starts), strict=True):
        branch.walls = of_branch
    queue = [entry for edge in graph.edges(keys=True) if (entry := _spur(graph, edge, side))]
    heapify(queue)
    cut = 0
    while queue:
        _, edge = heappop(queue)
        if not graph.has_edge(*edge) or (entry := _spur(graph, edge, side)) is None or entry[1] != edge:
            continue
        free, fixed = edge[:2] if graph.degree(edge[0]) == 1 else edge[1::-1]
        graph.remove_node(free)
        cut += 1
        if graph.degree(fixed) == 2 and (joined := join(graph, fixed)) and (entry := _spur(graph, joined, side)):
            heappush(queue, entry)
    return cut


def _spur(graph: nx.MultiGraph, edge: tuple[int, int, int], side: float) -> tuple[float, tuple[int, int, int]] | None:
    """Return the length of a branch and its edge if it is a spur."""
    ends = sorted(edge[:2], key=graph.degree)
    if edge[0] == edge[1] or graph.degree(ends[0]) != 1 or graph.degree(ends[1]) < 3:
        return None
    branch, position = graph.edges[edge]["branch"], graph.nodes[ends[0]]["position"]
    count = 2 + int(branch.length / side)
    beside, walls = [], []
    for other in graph.edges(ends[1], keys=True):
        if {*other[:2]} != {*edge[:2]} or other[2] != edge[2]:
            of_other = graph.edges[other]["branch"]
            starts_here = np.array_equal(of_other.points[0], graph.nodes[ends[1]]["position"])
            near = slice(count) if starts_here else slice(-count, None)
            beside.append(of_other.points[near])
            walls.append(of_other.walls[near])
    away = np.linalg.norm(np.concatenate(beside) - position, axis=1)  # (M,)
    if (away > np.concatenate(walls) + SPARE * side).all():
        return None
    return branch.length, edge


def join(graph: nx.MultiGraph, node: int) -> tuple[int, int, int] | None:
    """Make one branch of the two that meet at a node; a loop keeps its node.

    Returns:
        The edge of the new branch.
    """
    edges = list(graph.edges(node, keys=True))
    if len(edges) != 2:
        return None
    parts, ends = [], []
    for edge in edges:
        branch = graph.edges[edge]["branch"]
        # from the node outwards
        turn = 1 if np.array_equal(branch.points[0], graph.nodes[node]["position"]) else -1
        parts.append((branch.points[::turn], branch.walls[::turn]))
        ends.append(edge[1])
    points, walls = (np.concatenate((one[::-1], two[1:])) for one, two in zip(*parts, strict=True))
    if ends[0] > ends[1]:
        points, walls, ends = points[::-1], walls[::-1], ends[::-1]
    graph.remove_node(node)
    return (*ends, graph.add_edge(*ends, branch=Branch(points, walls=walls)))
