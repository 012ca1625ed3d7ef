"""Measure vessels: their centre lines, radii and graph, from a mask.

>>> mask = np.zeros((40, 11, 11), dtype=bool)  # (X, Y, Z)
>>> mask[:, 4:7, 4:7] = True  # a vessel of 3x3 voxels that crosses the volume
>>> network = measure(mask, voxel_size=(2, 2, 2))
>>> [row] = network.branch_rows()
>>> row["node_from"], row["node_to"], round(row["length"]), round(row["volume"])
(0, 1, 80, 2880)
>>> network.summary()["branches"], network.summary()["loops"]
(1, 0)
"""

from .compare import RADIUS_CLASSES, compare
from .graph import Branch
from .mask import VesselMask
from .measure import BRANCH_COLUMNS, NODE_COLUMNS, VesselNetwork, measure

__all__ = [
    "BRANCH_COLUMNS",
    "NODE_COLUMNS",
    "RADIUS_CLASSES",
    "Branch",
    "VesselMask",
    "VesselNetwork",
    "compare",
    "measure",
]
