"""Distractors: bright things that are no vessels, such as organs, bone, cells, leaked dye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .appearance import Appearance
from .random_fields import blurred, smooth_field
from .rasterise import stamp_balls


def organs(rng: np.random.Generator, shape: Sequence[int], anisotropy: float, look: Appearance) -> np.ndarray:
    """Draw large ellipsoids: soft as an organ, sharp as bone, or hollow.

    Args:
        rng: random generator for every draw.
        shape: voxels along X, Y, Z.
        anisotropy: voxel size along Z divided by voxel size in plane.
        look: says how many there are, how sharp, and whether only their shell is bright.

    Returns:
        (X, Y, Z) relative brightness, at most 1.
    """
    brightest = _organ(rng, shape, anisotropy, look)
    for _ in range(look.organ_count - 1):
        brightest = np.maximum(brightest, rng.uniform(0.4, 1.0) * _organ(rng, shape, anisotropy, look))
    return brightest


def _organ(rng: np.random.Generator, shape: Sequence[int], anisotropy: float, look: Appearance) -> np.ndarray:
    """Draw one ellipsoid in any position: (X, Y, Z) relative brightness, at most 1."""
    box = np.array(shape) * (1, 1, anisotropy)
    centre = rng.uniform(0.2, 0.8, 3) * box
    # several are smaller than one, for together they would fill the view
    axes = rng.uniform(0.15, 0.45, 3) * box.max() / np.sqrt(look.organ_count)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] / axes[:, None]
    quadric = turn.T @ turn
    x, y, z = (
        ((np.arange(n) * step - c).astype(np.float32))
        for n, step, c in zip(shape, (1, 1, anisotropy), centre, strict=True)
    )
    q = quadric.astype(np.float32)
    # (X, Y, Z): 0 at the centre, 1 on the ellipsoid
    value = (q[0, 0] * x * x)[:, None, None] + (q[1, 1] * y * y)[None, :, None] + (q[2, 2] * z * z)[None, None, :]
    value = value + 2 * (q[0, 1] * x[:, None] * y)[:, :, None]
    value = value + 2 * (q[0, 2] * x[:, None] * z)[:, None, :] + 2 * (q[1, 2] * y[:, None] * z)[None, :, :]
    value = np.maximum(value, 0)
    if look.organ_shell:
        return np.exp(-0.5 * ((np.sqrt(value) - 1) * axes.min() / 2.5) ** 2)
    return np.exp(-1.5 * np.minimum(value, 4.0) ** np.float32(look.organ_edge))


def sheet(rng: np.random.Generator, shape: Sequence[int], anisotropy: float) -> np.ndarray:
    """Draw a curved bright plate, such as a membrane or the surface of the brain.

    Args:
        rng: random generator for every draw.
        shape: voxels along X, Y, Z.
        anisotropy: voxel size along Z divided by voxel size in plane.

    Returns:
        float32 (X, Y, Z), relative brightness, at most 1.
    """
    # mostly level: an upright plate could not be told from the tail below a vessel in OCT angiography
    normal = rng.normal(size=3) * (0.5, 0.5, 1.5)
    normal /= np.linalg.norm(normal)
    box = np.array(shape) * (1, 1, anisotropy)
    x, y, z = (np.arange(n, dtype=np.float32) * s for n, s in zip(shape, (1, 1, anisotropy), strict=True))
    height = (normal[0] * x)[:, None, None] + (normal[1] * y)[None, :, None] + (normal[2] * z)[None, None, :]
    height = height - normal @ (rng.uniform(0.2, 0.8, 3) * box)  # (X, Y, Z)
    height = height + 6 * smooth_field(rng, shape, [max(n / 3, 4) for n in shape])
    return np.exp(-0.5 * (height / rng.uniform(0.8, 4.0)) ** 2).astype(np.float32)


def cells(
    rng: np.random.Generator, depth: np.ndarray, anisotropy: float, per_10k: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw small round bodies, none of them centred in a vessel.

    Args:
        rng: random generator for every draw.
        depth: (X, Y, Z), how deep each voxel lies in a vessel, as `rasterise` returns it.
        anisotropy: voxel size along Z divided by voxel size in plane.
        per_10k: number of cells per 10,000 voxels.

    Returns:
        cover: float32 (X, Y, Z), roughly the fraction of each voxel that cells fill.
        brightness: float32 (X, Y, Z), relative to one another; 0 where there is no cell.
    """
    shape = depth.shape
    count = int(per_10k * depth.size / 1e4)
    centres = rng.uniform(0, 1, (count, 3)) * (np.array(shape) - 1)
    radii = np.minimum(rng.lognormal(np.log(rng.uniform(1.0, 4.0)), 0.35, count), 9.0)
    free = depth[tuple(np.rint(centres).astype(int).T)] < 0
    cell_depth, brightness = stamp_balls(
        centres[free], radii[free], rng.lognormal(0, 0.3, count)[free], shape, anisotropy
    )
    return np.clip(cell_depth + 0.5, 0, 1), brightness


def leaked_dye(
    rng: np.random.Generator, cover: np.ndarray, anisotropy: float, look: Appearance, slow: np.ndarray
) -> np.ndarray:
    """Draw the haze that dye leaves in the tissue around some of the vessels.

    Args:
        rng: random generator for every draw.
        cover: (X, Y, Z), the share of each voxel that vessels fill.
        anisotropy: voxel size along Z divided by voxel size in plane.
        look: says how bright the haze is, and how far it reaches.
        slow: (X, Y, Z), how the background varies; the haze varies with it.

    Returns:
        (X, Y, Z) brightness.
    """
    shape = cover.shape
    some = cover * (smooth_field(rng, shape, [max(n / 2, 6) for n in shape]) > rng.uniform(-1, 0.7))
    haze = blurred(some, (look.leak_reach, look.leak_reach, look.leak_reach / anisotropy))
    return look.leak * haze / max(float(haze.max()), 1e-6) * (0.5 + rng.random() * (1 + 0.5 * slow))
