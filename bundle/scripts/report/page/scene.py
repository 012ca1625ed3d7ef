"""The view in three dimensions: a surface around what was found, and its skeleton."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..theme import VERMILLION
from .chart import nice_ticks
from .picture import limits
from .voxels import means, steps_for, vessel_shares

MAX_CELLS = 2**22  # of the grid in which the surface is found: 160^3
MAX_TRIANGLES, MIN_TRIANGLES = 80_000, 5_000  # of one volume
ALL_TRIANGLES = 800_000  # of all volumes on a page: what a phone holds
FROM, DISTANCE = (0.35, -0.67, 0.66), 2.1  # where one looks from, in half diagonals of what is seen
TURNED = (1, -1, -1)
"""Y and Z run backwards, so that X is to the right and Y down as in the slices: a turn, nothing is mirrored. Axes that
Plotly itself reverses would put the light below (plotly.js 3 transforms it by the inverse of what turns the axes)."""
CENTRE = {"x": 0, "y": 0, "z": -0.08}  # below the middle, for the legend is above
FLAT = 0.3  # of the longest side: a shorter one has room for two ticks
MAX_POINTS = 6_000  # of a skeleton
LEVEL = 0.4  # of 0.5 and half the share of vessel: a cell with the least of it is inside, so nothing thin is lost
SMOOTHING = ((0.5, -0.53),) * 6  # Taubin's steps in and out, which round edges and do not shrink (SIGGRAPH 1995)
FINE = 64  # parts of a cell that corners are rounded to, so that they pack well


class Surface:
    """A mesh of triangles around the vessels of a segmentation.

    Args:
        path: of the segmentation, vessel above 0; read block by block.
        spacing: size of its voxels along X, Y, Z.
        shape: voxels along X, Y, Z.
        most: triangles that it has at most.

    Attributes:
        corners: `(N, 3)` float32, in the unit of the spacing, voxel 0 at 0.
        triangles: `(M, 3)` int32, corners of each.
        sides: voxels along each side of the cells that it was found in.
    """

    def __init__(self, path: Path, spacing: Sequence[float], shape: Sequence[int], most: int) -> None:
        self.sides = steps_for(shape, spacing, MAX_CELLS)
        finest = shares = vessel_shares(path, self.sides)
        corners, triangles = self._around(shares)
        cells, coarser = float(shares.size), (1, 1, 1)
        while len(triangles) > most and shares.size > 8:
            # the area in cells goes with their number to the power of two thirds
            cells *= min(0.9, (most / len(triangles)) ** 1.5)
            coarser = steps_for(finest.shape, np.asarray(spacing) * self.sides, max(1, int(cells)))
            shares = means(finest, coarser)
            corners, triangles = self._around(shares)
        sides = np.multiply(self.sides, coarser)
        self.sides = tuple(map(int, sides))
        self.corners = (((corners + 0.5) * sides - 0.5) * np.asarray(spacing)).astype(np.float32)
        self.triangles = triangles.astype(np.int32)

    @staticmethod
    def _around(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return corners in cells, and triangles; none where there is no vessel."""
        from skimage.measure import marching_cubes

        if not shares.any():
            return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
        full = np.where(shares > 0, 0.5 + 0.5 * shares, 0)
        corners, triangles, _, _ = marching_cubes(np.pad(full, 1), LEVEL, allow_degenerate=False)
        smooth = smoothed(corners, triangles)
        return np.rint(smooth * FINE) / FINE - 1, triangles


def smoothed(corners: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return the corners `(N, 3)` of a mesh drawn towards the mean of their neighbours and back.

    Args:
        corners: `(N, 3)`.
        triangles: `(M, 3)`.
    """
    from scipy.sparse import coo_array

    if not len(corners):
        return corners
    one, two = np.concatenate([triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])]).T
    edges = np.ones(2 * len(one), np.float32)
    near = coo_array((edges, (np.append(one, two), np.append(two, one))), shape=(len(corners),) * 2).tocsr()
    count = np.maximum(near.sum(axis=1), 1)[:, None]
    for steps in SMOOTHING:
        for step in steps:
            corners = corners + step * (near @ corners / count - corners)
    return corners


def thinned_points(places: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return at most `MAX_POINTS` of the points of a skeleton, the same ones each time."""
    if len(places) <= MAX_POINTS:
        return places, radii
    chosen = np.sort(np.random.default_rng(0).choice(len(places), MAX_POINTS, replace=False))
    return places[chosen], radii[chosen]


def figure(
    surface: Surface | None, skeleton: tuple[np.ndarray, np.ndarray] | None, spacing: Sequence[float], unit: str
) -> dict[str, Any]:
    """Return the view as a figure of Plotly, fit for JSON.

    Args:
        surface: around the vessels; None for none.
        skeleton: places `(N, 3)` in voxels and radii `(N,)` in `unit`; None for none.
        spacing: size of voxels along X, Y, Z.
        unit: of sizes, `""` for voxels.
    """
    import plotly.graph_objects as go  # half a second

    traces: list[Any] = []
    shown = unit or "voxels"
    if surface is not None and len(surface.triangles):
        x, y, z = (surface.corners * np.float32(TURNED)).T
        i, j, k = surface.triangles.T
        light = {"ambient": 0.5, "diffuse": 0.8, "specular": 0.25, "roughness": 0.6, "fresnel": 0.1}
        mesh = go.Mesh3d(x=x, y=y, z=z, i=i, j=j, k=k, color=VERMILLION, name="surface", hoverinfo="skip",
                         lighting=light, flatshading=False)  # fmt: skip
        traces.append(mesh)
    if skeleton is not None and len(skeleton[0]):
        places, radii = thinned_points(*skeleton)
        x, y, z = (places * np.multiply(spacing, TURNED)).astype(np.float32).T
        low, high = limits(radii)
        bar = {"title": {"text": f"radius ({shown})", "side": "top"}, "thickness": 8, "len": 0.7, "orientation": "h"}
        bar |= {"y": 1, "yanchor": "top", "outlinewidth": 0, "nticks": 6}
        marker = {
            "size": 4 if len(places) < 1500 else 2,
            "color": radii,
            "colorscale": "Viridis",
            "cmin": low,
            "cmax": high,
            "colorbar": bar,
        }
        words = f"radius %{{marker.color:.3g}} {shown}<extra></extra>"
        points = go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, name="skeleton", hovertemplate=words)
        traces.append(points)
    axes = {f"{axis}axis": _axis(axis, traces, shown) for axis in "xyz"}
    scene = {**axes, "aspectmode": "data", "camera": {"eye": _eye(traces), "center": CENTRE}, "dragmode": "turntable"}
    layout = {"scene": scene, "margin": {"l": 0, "r": 0, "t": 0, "b": 0}, "showlegend": False, "template": "none"}
    layout |= {"paper_bgcolor": "rgba(0,0,0,0)", "uirevision": "kept"}
    return json.loads(go.Figure(traces, layout).to_json())


def _axis(axis: str, traces: Sequence[Any], unit: str) -> dict[str, Any]:
    """Return what Plotly needs to know of an axis: its title, and round ticks."""
    look = {"title": {"text": f"{axis.upper()} ({unit})"}, "showbackground": False, "showspikes": False}
    sign = TURNED["xyz".index(axis)]
    most = [max(float(np.max(np.abs(trace[each]))) for trace in traces) for each in "xyz"]
    ticks = nice_ticks(most["xyz".index(axis)] or 1.0)
    if most["xyz".index(axis)] < FLAT * max(most):
        ticks = ticks[[0, -2 if len(ticks) > 2 else -1]]
    return look | {"tickvals": [sign * float(tick) for tick in ticks], "ticktext": [f"{tick:g}" for tick in ticks]}


def _eye(traces: Sequence[Any]) -> dict[str, float]:
    """Return where to look from, so that all is seen: to the front, and from above."""
    ends = np.array([[min(map(np.min, each)), max(map(np.max, each))] for each in
                     ([trace[axis] for trace in traces] for axis in "xyz")])  # fmt: skip
    extent = np.maximum(ends[:, 1] - ends[:, 0], 1e-6)
    radius = 0.5 * np.linalg.norm(extent / np.cbrt(extent.prod()))  # as Plotly scales a scene
    return dict(zip("xyz", map(float, DISTANCE * radius * np.array(FROM)), strict=True))


def packed(text: str) -> str:
    """Return text compressed, in letters that a page can hold and its script unpacks."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def library() -> str:
    """Return Plotly's JavaScript, which lies in its package, nothing is loaded."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
