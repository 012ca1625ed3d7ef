"""What shines and is no vessel: organs, bone, plates, cells, dye that leaked into the tissue."""

from collections.abc import Sequence

import numpy as np

from .appearance import Appearance
from .random_fields import blurred, smooth_field
from .rasterise import stamp_balls


def organs(rng: np.random.Generator, shape: Sequence[int], anisotropy: float, look: Appearance) -> np.ndarray:
    """Large ellipsoids, at most 1: soft as an organ, sharp as bone, or only their rind."""
    most = _organ(rng, shape, anisotropy, look)
    for _ in range(look.organs - 1):
        most = np.maximum(most, rng.uniform(0.4, 1.0) * _organ(rng, shape, anisotropy, look))
    return most


def _organ(rng, shape, anisotropy, look):
    box = np.array(shape) * (1, 1, anisotropy)
    centre = rng.uniform(0.2, 0.8, 3) * box
    # several are smaller than one: together they would otherwise be the ground
    axes = rng.uniform(0.15, 0.45, 3) * box.max() / np.sqrt(look.organs)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] / axes[:, None]
    quadric = turn.T @ turn
    x, y, z = (
        ((np.arange(n) * step - c).astype(np.float32))
        for n, step, c in zip(shape, (1, 1, anisotropy), centre, strict=True)
    )
    q = quadric.astype(np.float32)
    value = (q[0, 0] * x * x)[:, None, None] + (q[1, 1] * y * y)[None, :, None] + (q[2, 2] * z * z)[None, None, :]
    value = value + 2 * (q[0, 1] * x[:, None] * y)[:, :, None]
    value = value + 2 * (q[0, 2] * x[:, None] * z)[:, None, :] + 2 * (q[1, 2] * y[:, None] * z)[None, :, :]
    value = np.maximum(value, 0)
    if look.rind:
        return np.exp(-0.5 * ((np.sqrt(value) - 1) * axes.min() / 2.5) ** 2)
    return np.exp(-1.5 * np.minimum(value, 4.0) ** np.float32(look.organ_edge))


def sheet(rng: np.random.Generator, shape: Sequence[int], anisotropy: float) -> np.ndarray:
    """A curved bright plate, such as a membrane, a vessel-free wall or the brain's surface."""
    # Mostly level: an upright plate could not be told from the curtain below a vessel in OCT angiography.
    normal = rng.normal(size=3) * (0.5, 0.5, 1.5)
    normal /= np.linalg.norm(normal)
    box = np.array(shape) * (1, 1, anisotropy)
    x, y, z = (np.arange(n, dtype=np.float32) * s for n, s in zip(shape, (1, 1, anisotropy), strict=True))
    height = (normal[0] * x)[:, None, None] + (normal[1] * y)[None, :, None] + (normal[2] * z)[None, None, :]
    height = height - normal @ (rng.uniform(0.2, 0.8, 3) * box)
    height = height + 6 * smooth_field(rng, shape, [max(n / 3, 4) for n in shape])
    return np.exp(-0.5 * (height / rng.uniform(0.8, 4.0)) ** 2).astype(np.float32)


def cells(
    rng: np.random.Generator, depth: np.ndarray, anisotropy: float, per_10k: float
) -> tuple[np.ndarray, np.ndarray]:
    """Coverage in [0, 1] by small round bodies, and their brightness; none is centred in a vessel."""
    shape = depth.shape
    count = int(per_10k * depth.size / 1e4)
    centres = rng.uniform(0, 1, (count, 3)) * (np.array(shape) - 1)
    radii = np.minimum(rng.lognormal(np.log(rng.uniform(1.0, 4.0)), 0.35, count), 9.0)
    free = depth[tuple(np.rint(centres).astype(int).T)] < 0
    body, tone = stamp_balls(centres[free], radii[free], rng.lognormal(0, 0.3, count)[free], shape, anisotropy)
    return np.clip(body + 0.5, 0, 1), tone


def leaked_dye(
    rng: np.random.Generator, cover: np.ndarray, anisotropy: float, look: Appearance, slow: np.ndarray
) -> np.ndarray:
    """Haze around some of the vessels, about `look.leak` bright and up to twice that; `slow` is how tissue varies."""
    shape = cover.shape
    some = cover * (smooth_field(rng, shape, [max(n / 2, 6) for n in shape]) > rng.uniform(-1, 0.7))
    halo = blurred(some, (look.leak_scale, look.leak_scale, look.leak_scale / anisotropy))
    return look.leak * halo / max(float(halo.max()), 1e-6) * (0.5 + rng.random() * (1 + 0.5 * slow))
