"""Cut off spurs: ends of a skeleton's lines that follow no vessel but a bump of its wall."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import networkx as nx
import numpy as np
from scipy.spatial import KDTree

from .graph import Branch
from .mask import Points


def prune(graph: nx.MultiGraph, surface: Points, side: float) -> int:
    """Cut off each branch with a free end that hardly leaves the vessel it hangs on.

    That is one whose free end is no farther from the node where it begins than the vessel's wall is there, and a
    voxel. The shortest goes first, and what it leaves behind, a node of two branches, is no node any more.

    Args:
        graph: of `branches_of`, which is changed.
        surface: `(N, 3)` of the mask.
        side: of a voxel.

    Returns:
        How many were cut off.
    """
    tree = KDTree(surface) if len(surface) else None
    queue = [entry for edge in graph.edges(keys=True) if (entry := _spur(graph, edge, tree, side))]
    heapify(queue)
    cut = 0
    while queue:
        _, edge = heappop(queue)
        if not graph.has_edge(*edge) or (entry := _spur(graph, edge, tree, side)) is None or entry[1] != edge:
            continue
        free, fixed = edge[:2] if graph.degree(edge[0]) == 1 else edge[1::-1]
        graph.remove_node(free)
        cut += 1
        if graph.degree(fixed) == 2 and (joined := join(graph, fixed)) and (entry := _spur(graph, joined, tree, side)):
            heappush(queue, entry)
    return cut


def _spur(
    graph: nx.MultiGraph, edge: tuple[int, int, int], tree: KDTree | None, side: float
) -> tuple[float, tuple[int, int, int]] | None:
    """Return the length of a branch and its edge if it is a spur."""
    ends = sorted(edge[:2], key=graph.degree)
    if edge[0] == edge[1] or graph.degree(ends[0]) != 1 or graph.degree(ends[1]) < 3 or tree is None:
        return None
    free, fixed = (graph.nodes[end]["position"] for end in ends)
    wall, _ = tree.query(fixed)
    if np.linalg.norm(free - fixed) > wall + side:
        return None
    return graph.edges[edge]["branch"].length, edge


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
        points = graph.edges[edge]["branch"].points
        other = edge[1]
        # from the node outwards
        parts.append(points if np.array_equal(points[0], graph.nodes[node]["position"]) else points[::-1])
        ends.append(other)
    points = np.concatenate((parts[0][::-1], parts[1][1:]))
    if ends[0] > ends[1]:
        points, ends = points[::-1], ends[::-1]
    graph.remove_node(node)
    return (*ends, graph.add_edge(*ends, branch=Branch(points)))
