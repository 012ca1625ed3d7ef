"""Vessel graphs: centre lines with radii, read from and written as SWC, CSV and VTK."""

from .reader import EDGES, GRAPH_SUFFIXES, NODES, VesselGraph, edges_of, nodes_of, read_graph
from .writer import write_swc, write_vtp

__all__ = [
    "EDGES",
    "GRAPH_SUFFIXES",
    "NODES",
    "VesselGraph",
    "edges_of",
    "nodes_of",
    "read_graph",
    "write_swc",
    "write_vtp",
]
