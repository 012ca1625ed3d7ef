"""The graph of a skeleton: where lines end and meet, and the paths between."""

from __future__ import annotations

from dataclasses import dataclass, field

import networkx as nx
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from .mask import Points

Numbers = npt.NDArray[np.float64]

NEIGHBOUR = 1.8  # voxels: those that share a corner are 1.73 apart, and the next ones 2


@dataclass
class Branch:
    """A vessel between two nodes.

    Attributes:
        points: `(N, 3)` along its middle, from node to node.
        radii: `(N,)` of the vessel there.
        volume: of the vessel.
        walls: `(N,)`, how far the nearest surface is, which `prune` asks for; empty until then.
    """

    points: Points
    radii: Numbers = field(default_factory=lambda: np.empty(0))
    volume: float = float("nan")
    walls: Numbers = field(default_factory=lambda: np.empty(0))

    @property
    def length(self) -> float:
        """The length of its path."""
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())


def branches_of(voxels: npt.NDArray[np.intp], points: Points) -> nx.MultiGraph:
    """Join the voxels of a skeleton to a graph.

    Points where more than two lines meet, and neighbours that are such points too, are one node. A loop without such
    a point has a node all the same, anywhere on it. Points without a neighbour are left out.

    Args:
        voxels: `(N, 3)`, of which those that share a corner are neighbours.
        points: `(N, 3)`, where they lie.

    Returns:
        A graph whose nodes have a `position`, (3,), and whose edges have a `branch`, whose points go from the node with
        the smaller number to the other.
    """
    from skan.csr import PathGraph  # numba takes a second

    graph = nx.MultiGraph()
    if not len(points):
        return graph
    pairs = KDTree(voxels).query_pairs(NEIGHBOUR, output_type="ndarray")  # (P, 2)
    points, pairs = _meeting_as_one(points, pairs)
    if not len(pairs):
        return graph
    weights = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)  # (P,)
    both = np.concatenate((pairs, pairs[:, ::-1]))  # (2 P, 2)
    adjacency = coo_array((np.tile(weights, 2), (both[:, 0], both[:, 1])), shape=(len(points),) * 2).tocsr()
    paths = PathGraph.from_graph(adj=adjacency, node_coordinates=points).paths
    for first, last in zip(paths.indptr[:-1], paths.indptr[1:], strict=True):
        path = paths.indices[first:last]
        if path[0] > path[-1]:
            path = path[::-1]
        for end in (path[0], path[-1]):
            graph.add_node(int(end), position=points[end])
        graph.add_edge(int(path[0]), int(path[-1]), branch=Branch(points[path]))
    return nx.convert_node_labels_to_integers(graph, ordering="sorted")


def _meeting_as_one(points: Points, pairs: npt.NDArray[np.intp]) -> tuple[Points, npt.NDArray[np.intp]]:
    """Make one point of neighbours that each have more than two neighbours.

    Args:
        points: `(N, 3)`.
        pairs: `(P, 2)` numbers of neighbours.

    Returns:
        Points, and pairs without doubles.
    """
    meets = np.bincount(pairs.ravel(), minlength=len(points)) > 2
    inner = pairs[meets[pairs].all(axis=1)]  # (Q, 2)
    links = coo_array((np.ones(len(inner)), (inner[:, 0], inner[:, 1])), shape=(len(points),) * 2)
    count, cluster = connected_components(links, directed=False)  # of every point, most alone in theirs
    sizes = np.bincount(cluster, minlength=count)
    middle = np.stack([np.bincount(cluster, weights=axis, minlength=count) / sizes for axis in points.T], axis=1)
    pairs = np.sort(cluster[pairs], axis=1)
    return middle, np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
