"""What grows: trees, capillary meshes and thick stems, each a list of segments.

Lengths are in in-plane voxels, as `curves.py` has them.
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from .segments import SMALLEST_RADIUS, Segment, centre_line, modulated, sample_step


def is_thin(shape: Sequence[int]) -> bool:
    """Whether a volume (X, Y, Z) is a thin stack, whose voxels are coarser along Z."""
    return shape[2] <= 32 and shape[2] < 0.5 * min(shape[:2])


def voxel_anisotropy(rng: np.random.Generator, shape: Sequence[int], style: str) -> float:
    """Depth of a voxel over its width: above 1 for coarse slices, below 1 where vessels cast tails along Z."""
    if is_thin(shape):
        return float(rng.uniform(2.0, 5.0))
    if style == "stack":
        return float(rng.uniform(1.5, 5.0))
    if style == "plexus":  # decorrelation tails: a vessel seen by OCT angiography is a curtain below itself
        return float(np.exp(rng.uniform(np.log(0.06), np.log(0.9))))
    return float(rng.choice([1.0, 1.0, rng.uniform(1.0, 5.0)]))


def murray_angles(r0: float, r1: float, r2: float) -> tuple[float, float]:
    """Angles in radians that two daughters make with their parent when the work of pumping is least (Murray 1926)."""
    cos1 = (r0**4 + r1**4 - r2**4) / (2 * r0**2 * r1**2)
    cos2 = (r0**4 + r2**4 - r1**4) / (2 * r0**2 * r2**2)
    return float(np.arccos(np.clip(cos1, -1, 1))), float(np.arccos(np.clip(cos2, -1, 1)))


def _turned(direction, axis, angle):
    """`direction` turned by `angle` towards the unit vector `axis`, which is perpendicular to it."""
    return np.cos(angle) * direction + np.sin(angle) * axis


def _unit(vector):
    return vector / (np.linalg.norm(vector) + 1e-12)


def _inside(point, box, margin):
    return bool(np.all(point > -margin) and np.all(point < box + margin))


def grow_tree(
    rng: np.random.Generator,
    box: np.ndarray,
    start: np.ndarray,
    direction: np.ndarray,
    radius: float,
    *,
    smallest: float = SMALLEST_RADIUS,
    tortuosity: float = 0.15,
    reach: float = 1.0,
    flatness: float = 1.0,
    group: int = 0,
    most: int = 300,
) -> list[Segment]:
    """Grow a branching tree: at every bifurcation r0³ = r1³ + r2³ (Murray 1926) and the angles of least work.

    Args:
        rng: source of every draw.
        box: (3,) extent of the volume; branches that leave it stop.
        start: (3,) root position.
        direction: (3,) root direction.
        radius: root radius.
        smallest: no daughter is thinner.
        tortuosity: how much centre-lines wander; 0 is straight.
        reach: factor on segment length.
        flatness: factor on the directions' Z component; 0 keeps the tree in a plane.
        group: recorded in each segment.
        most: no more segments than this.

    Returns:
        Segments, parents before children.
    """
    segments: list[Segment] = []
    queue = [(np.asarray(start, float), _unit(np.asarray(direction, float)), float(radius), -1)]
    while queue and len(segments) < most:
        position, heading, r0, parent = queue.pop(0)
        length = reach * (7 + 3.0 * r0) * rng.lognormal(0, 0.35)
        points = centre_line(rng, position, heading, length, sample_step(r0), tortuosity, flatness)
        segments.append(Segment(points, modulated(rng, r0, len(points), 0.06), r0, parent, group))
        here, end, heading = len(segments) - 1, points[-1], segments[-1].heading
        if not _inside(end, box, r0 + 6) or r0**3 < 2 * smallest**3:
            continue
        # The thinner daughter takes a share of the flow, but never so little that it falls below `smallest`.
        share = np.clip(rng.beta(1.2, 1.6), 1.001 * smallest**3 / r0**3, 0.5)
        r1, r2 = r0 * share ** (1 / 3), r0 * (1 - share) ** (1 / 3)
        side = rng.normal(size=3) * (1, 1, flatness)
        side = _unit(side - heading * (side @ heading))
        angle1, angle2 = np.array(murray_angles(r0, r1, r2)) * rng.lognormal(0, 0.15)
        queue.append((end, _turned(heading, side, angle1), r1, here))
        queue.append((end, _turned(heading, -side, angle2), r2, here))
    return segments


def _spread_points(rng, box, spacing, margin, dimensions):
    """(N, dimensions) a jittered grid that reaches `margin` past the box: random, yet no two clumps or holes."""
    axes = [np.arange(-margin, box[d] + margin + spacing, spacing) for d in range(dimensions)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, dimensions)
    return grid + rng.uniform(-0.42, 0.42, grid.shape) * spacing


def _degree_three_graph(rng, nodes, spacing):
    """(E, 2) edges between near nodes, short ones first, at most three a node and no two in nearly one direction."""
    pairs = cKDTree(nodes).query_pairs(1.7 * spacing, output_type="ndarray")
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]  # the tree's own order is not promised
    vectors = nodes[pairs[:, 1]] - nodes[pairs[:, 0]]
    lengths = np.linalg.norm(vectors, axis=1)
    units = (vectors / lengths[:, None]).tolist()
    order = np.argsort(lengths * rng.uniform(0.6, 1.4, len(lengths)), kind="stable")
    limit = rng.choice([2, 3, 3, 3, 4], size=len(nodes)).tolist()
    taken: list[list] = [[] for _ in range(len(nodes))]
    kept = []
    starts, ends = pairs[:, 0].tolist(), pairs[:, 1].tolist()
    for e in order.tolist():
        a, b, u = starts[e], ends[e], units[e]
        if len(taken[a]) >= limit[a] or len(taken[b]) >= limit[b]:
            continue
        if any(sum(p * q for p, q in zip(u, v, strict=True)) > 0.5 for v in taken[a]):
            continue
        if any(sum(p * q for p, q in zip(u, v, strict=True)) < -0.5 for v in taken[b]):
            continue
        taken[a].append(u)
        taken[b].append([-p for p in u])
        kept.append(e)
    return pairs[kept]


def capillary_mesh(
    rng: np.random.Generator,
    box: np.ndarray,
    spacing: float,
    radius: float,
    *,
    flat: bool = False,
    tortuosity: float = 0.15,
    group: int = 0,
) -> list[Segment]:
    """A capillary bed with loops: nodes about `spacing` apart joined by curved vessels, mostly three a node.

    Args:
        rng: source of every draw.
        box: (3,) extent of the volume.
        spacing: mean distance of neighbouring nodes.
        radius: median radius; vessels vary by about 20 %.
        flat: a plexus in one gently curved layer instead of a bed that fills the box.
        tortuosity: sideways excursion of a vessel over its length.
        group: recorded in each segment.
    """
    nodes = _spread_points(rng, box, spacing, 0.5 * spacing, 2 if flat else 3)
    edges = _degree_three_graph(rng, nodes, spacing)
    if flat:
        tilt = rng.normal(0, 0.05, 2)
        layer = rng.uniform(0.1, 0.9) * box[2] + (nodes - box[:2] / 2) @ tilt
        nodes = np.column_stack([nodes, layer + rng.normal(0, 0.08 * spacing, len(nodes))])
    starts, vectors = nodes[edges[:, 0]], nodes[edges[:, 1]] - nodes[edges[:, 0]]
    lengths = np.linalg.norm(vectors, axis=1)
    bends = rng.normal(size=(3, len(edges), 3)) * lengths[None, :, None] * tortuosity
    if flat:
        bends[..., 2] *= 0.2
    nominal = np.maximum(radius * rng.lognormal(0, 0.2, len(edges)), SMALLEST_RADIUS)
    segments = []
    for i in range(len(edges)):
        t = np.linspace(0, 1, max(3, int(1.15 * lengths[i] / sample_step(nominal[i])) + 2))[:, None]
        waves = bends[0, i] * np.sin(np.pi * t) + 0.5 * bends[1, i] * np.sin(2 * np.pi * t)
        waves = waves + 0.3 * bends[2, i] * np.sin(3 * np.pi * t)
        points = starts[i] + t * vectors[i] + waves
        segments.append(Segment(points, modulated(rng, nominal[i], len(t), 0.08), float(nominal[i]), -1, group))
    return segments


def thick_stems(
    rng: np.random.Generator, box: np.ndarray, radius: float, *, branches: bool = True, group: int = 0
) -> list[Segment]:
    """One pial-like stem that crosses the field of view in plane, with Murray side branches along it."""
    across = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(across), np.sin(across), rng.normal(0, 0.08)])
    centre = rng.uniform(0.1, 0.9, 3) * box
    length = 1.3 * float(np.hypot(box[0], box[1])) + 2 * radius
    line = centre_line(
        rng, centre - direction * length / 2, direction, length, sample_step(radius), rng.uniform(0.02, 0.14), 0.3
    )
    stem = Segment(line, modulated(rng, radius, len(line), 0.12), radius, -1, group)
    segments = [stem]
    if not branches:
        return segments
    for _ in range(rng.integers(1, 6)):
        at = rng.integers(1, len(line) - 1)
        heading = _unit(line[at + 1] - line[at - 1])
        side = rng.normal(size=3) * (1, 1, 0.5)
        side = _unit(side - heading * (side @ heading))
        start_radius = max(radius * rng.uniform(0.15, 0.7), SMALLEST_RADIUS)
        branch = grow_tree(
            rng,
            box,
            line[at],
            _turned(heading, side, rng.uniform(0.7, 1.5)),
            start_radius,
            tortuosity=rng.uniform(0.1, 0.4),
            reach=rng.uniform(1.0, 2.5),
            flatness=rng.uniform(0.3, 1.0),
            group=group,
            most=60,
        )
        shift = len(segments)
        segments += [
            Segment(s.points, s.radii, s.radius, s.parent + shift if s.parent >= 0 else 0, group) for s in branch
        ]
    return segments
