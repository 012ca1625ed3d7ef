"""How vessels grow: branching trees, capillary meshes and thick stems.

Each is a list of segments; all lengths are in in-plane voxels (see `segments.py`).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from .segments import MIN_RADIUS, Segment, centre_line, modulated_radii, renumbered, sample_step


def murray_angles(r0: float, r1: float, r2: float) -> tuple[float, float]:
    """Return the angles at which two daughter vessels leave their parent with least work.

    After C. D. Murray, *The physiological principle of minimum work applied to the angle of branching of arteries*
    (1926): cos θ₁ = (r0⁴ + r1⁴ - r2⁴) / (2 r0² r1²), and θ₂ with r1 and r2 exchanged.

    Args:
        r0: radius of the parent, in any unit.
        r1: radius of the first daughter.
        r2: radius of the second daughter.

    Returns:
        θ₁ and θ₂ in radians, measured from the direction of the parent.
    """
    cos1 = (r0**4 + r1**4 - r2**4) / (2 * r0**2 * r1**2)
    cos2 = (r0**4 + r2**4 - r1**4) / (2 * r0**2 * r2**2)
    return float(np.arccos(np.clip(cos1, -1, 1))), float(np.arccos(np.clip(cos2, -1, 1)))


def _turned(direction: np.ndarray, axis: np.ndarray, angle: float) -> np.ndarray:
    """Return `direction` turned towards `axis`, at right angles to it, by an angle in radians."""
    return np.cos(angle) * direction + np.sin(angle) * axis


def _unit(vector: np.ndarray) -> np.ndarray:
    """Return the vector scaled to length 1."""
    return vector / (np.linalg.norm(vector) + 1e-12)


def _inside(point: np.ndarray, box: np.ndarray, margin: float) -> bool:
    """Tell whether a point lies in the box, or at most `margin` outside."""
    return bool(np.all(point > -margin) and np.all(point < box + margin))


def grow_tree(
    rng: np.random.Generator,
    box: np.ndarray,
    start: np.ndarray,
    direction: np.ndarray,
    radius: float,
    *,
    min_radius: float = MIN_RADIUS,
    tortuosity: float = 0.15,
    length_factor: float = 1.0,
    z_factor: float = 1.0,
    group: int = 0,
    max_segments: int = 300,
) -> list[Segment]:
    """Grow a tree of vessels that bifurcate after Murray's law.

    At every bifurcation r0³ = r1³ + r2³ (C. D. Murray, *The physiological principle of minimum work: I. The vascular
    system and the cost of blood volume*, 1926), and the daughters leave at about the angles of `murray_angles`.

    Args:
        rng: random generator for every draw.
        box: (3,) extent of the volume; branches that leave it end.
        start: (3,) where the root begins.
        direction: (3,) where the root heads.
        radius: radius of the root.
        min_radius: smallest radius of a daughter.
        tortuosity: how much centre lines wander; 0 is straight.
        length_factor: factor on the length of segments.
        z_factor: factor on the Z component of directions; 0 keeps the tree in the X-Y plane.
        group: group of all its segments.
        max_segments: the tree stops growing here.

    Returns:
        Segments, parents before their daughters.
    """
    segments: list[Segment] = []
    queue = [(np.asarray(start, float), _unit(np.asarray(direction, float)), float(radius), -1)]
    while queue and len(segments) < max_segments:
        position, heading, r0, parent = queue.pop(0)
        length = length_factor * (7 + 3.0 * r0) * rng.lognormal(0, 0.35)
        points = centre_line(rng, position, heading, length, sample_step(r0), tortuosity, z_factor)
        segments.append(Segment(points, modulated_radii(rng, r0, len(points), 0.06), r0, parent, group))
        here, end, heading = len(segments) - 1, points[-1], segments[-1].heading
        if not _inside(end, box, r0 + 6) or r0**3 < 2 * min_radius**3:
            continue
        # the thinner daughter takes a share of r0³, never so little that it falls below `min_radius`
        share = np.clip(rng.beta(1.2, 1.6), 1.001 * min_radius**3 / r0**3, 0.5)
        r1, r2 = r0 * share ** (1 / 3), r0 * (1 - share) ** (1 / 3)
        side = rng.normal(size=3) * (1, 1, z_factor)
        side = _unit(side - heading * (side @ heading))
        angle1, angle2 = np.array(murray_angles(r0, r1, r2)) * rng.lognormal(0, 0.15)
        queue.append((end, _turned(heading, side, angle1), r1, here))
        queue.append((end, _turned(heading, -side, angle2), r2, here))
    return segments


def _jittered_grid(
    rng: np.random.Generator, box: np.ndarray, spacing: float, margin: float, dimensions: int
) -> np.ndarray:
    """Draw points (N, dimensions) that are random, yet leave neither clumps nor holes.

    They fill the box and `margin` around it, one in each cell of a grid of this spacing.
    """
    axes = [np.arange(-margin, box[d] + margin + spacing, spacing) for d in range(dimensions)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, dimensions)
    return grid + rng.uniform(-0.42, 0.42, grid.shape) * spacing


def _mesh_edges(rng: np.random.Generator, nodes: np.ndarray, spacing: float) -> np.ndarray:
    """Join near nodes, (N, 2) or (N, 3), by edges (E, 2): mostly three at a node.

    Short edges tend to come first, and no two edges of a node lie within 60 degrees of one another.
    """
    pairs = cKDTree(nodes).query_pairs(1.7 * spacing, output_type="ndarray")  # (P, 2)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]  # SciPy does not promise an order
    vectors = nodes[pairs[:, 1]] - nodes[pairs[:, 0]]
    lengths = np.linalg.norm(vectors, axis=1)
    units = (vectors / lengths[:, None]).tolist()
    order = np.argsort(lengths * rng.uniform(0.6, 1.4, len(lengths)), kind="stable")
    limit = rng.choice([2, 3, 3, 3, 4], size=len(nodes)).tolist()
    taken: list[list[list[float]]] = [[] for _ in range(len(nodes))]
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
    """Grow a capillary bed with loops: a mesh of curved vessels, mostly three at a node.

    Args:
        rng: random generator for every draw.
        box: (3,) extent of the volume.
        spacing: distance of neighbouring nodes, on average.
        radius: median radius; vessels vary by about 20 %.
        flat: whether it is a plexus in one slightly tilted layer instead of a bed that fills the box.
        tortuosity: how far a vessel swings sideways, as a share of its length.
        group: group of all its segments.

    Returns:
        Segments, each an edge of the mesh with the parent -1.
    """
    nodes = _jittered_grid(rng, box, spacing, 0.5 * spacing, 2 if flat else 3)
    edges = _mesh_edges(rng, nodes, spacing)
    if flat:
        tilt = rng.normal(0, 0.05, 2)
        layer = rng.uniform(0.1, 0.9) * box[2] + (nodes - box[:2] / 2) @ tilt
        nodes = np.column_stack([nodes, layer + rng.normal(0, 0.08 * spacing, len(nodes))])  # (N, 3)
    starts, vectors = nodes[edges[:, 0]], nodes[edges[:, 1]] - nodes[edges[:, 0]]
    lengths = np.linalg.norm(vectors, axis=1)
    bends = rng.normal(size=(3, len(edges), 3)) * lengths[None, :, None] * tortuosity
    if flat:
        bends[..., 2] *= 0.2
    nominal = np.maximum(radius * rng.lognormal(0, 0.2, len(edges)), MIN_RADIUS)
    segments = []
    for i in range(len(edges)):
        t = np.linspace(0, 1, max(3, int(1.15 * lengths[i] / sample_step(nominal[i])) + 2))[:, None]
        waves = bends[0, i] * np.sin(np.pi * t) + 0.5 * bends[1, i] * np.sin(2 * np.pi * t)
        waves = waves + 0.3 * bends[2, i] * np.sin(3 * np.pi * t)
        points = starts[i] + t * vectors[i] + waves
        radii = modulated_radii(rng, nominal[i], len(t), 0.08)
        segments.append(Segment(points, radii, float(nominal[i]), -1, group))
    return segments


def thick_stem(
    rng: np.random.Generator, box: np.ndarray, radius: float, *, branches: bool = True, group: int = 0
) -> list[Segment]:
    """Grow one wide vessel across the field of view, like one on the surface of the brain.

    Args:
        rng: random generator for every draw.
        box: (3,) extent of the volume.
        radius: radius of the stem.
        branches: whether it has side branches, one to five, which are trees after Murray's law.
        group: group of all its segments.

    Returns:
        Segments, the stem first.
    """
    across = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(across), np.sin(across), rng.normal(0, 0.08)])
    centre = rng.uniform(0.1, 0.9, 3) * box
    length = 1.3 * float(np.hypot(box[0], box[1])) + 2 * radius
    line = centre_line(
        rng, centre - direction * length / 2, direction, length, sample_step(radius), rng.uniform(0.02, 0.14), 0.3
    )
    segments = [Segment(line, modulated_radii(rng, radius, len(line), 0.12), radius, -1, group)]
    if not branches:
        return segments
    for _ in range(rng.integers(1, 6)):
        at = rng.integers(1, len(line) - 1)
        heading = _unit(line[at + 1] - line[at - 1])
        side = rng.normal(size=3) * (1, 1, 0.5)
        side = _unit(side - heading * (side @ heading))
        start_radius = max(radius * rng.uniform(0.15, 0.7), MIN_RADIUS)
        branch = grow_tree(
            rng,
            box,
            line[at],
            _turned(heading, side, rng.uniform(0.7, 1.5)),
            start_radius,
            tortuosity=rng.uniform(0.1, 0.4),
            length_factor=rng.uniform(1.0, 2.5),
            z_factor=rng.uniform(0.3, 1.0),
            group=group,
            max_segments=60,
        )
        segments += renumbered(branch, len(segments), root_parent=0)
    return segments
