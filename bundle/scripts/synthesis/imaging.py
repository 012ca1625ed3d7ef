"""A drawn microscope: tissue, counter-examples, blur and noise around given vessels."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from .appearance import Appearance
from .voxels import stamp_balls

WALL = 2.0  # voxels of a vessel's wall, where that alone is stained


def smooth_field(rng: np.random.Generator, shape: Sequence[int], scale: Sequence[float]) -> np.ndarray:
    """float32 field of zero mean and unit variance that varies over `scale` voxels along each axis.

    Gaussian bumps on a coarse grid, normalised so that the variance is exactly 1 everywhere, borders included.
    """
    bases = []
    for n, s in zip(shape, scale, strict=True):
        knots = np.arange(-s, n + 2 * s, s)
        basis = np.exp(-0.5 * ((np.arange(n)[:, None] - knots) / (0.8 * s)) ** 2)
        bases.append((basis / np.linalg.norm(basis, axis=1, keepdims=True)).astype(np.float32))
    field = rng.standard_normal([b.shape[1] for b in bases], dtype=np.float32)
    # einsum's own loops, not BLAS: the same bytes whatever the number of threads.
    for axis, basis in enumerate(bases):
        field = np.moveaxis(np.einsum("nk,k...->n...", basis, np.moveaxis(field, axis, 0)), 0, axis)
    return np.ascontiguousarray(field)


def _blurred(volume, sigma):
    return ndimage.gaussian_filter(volume, sigma, mode="nearest", truncate=3.0)


def _grain(rng, shape, sigma):
    """Unit-variance noise, correlated over `sigma` voxels along each axis."""
    noise = rng.standard_normal(tuple(shape), dtype=np.float32)
    if max(sigma) > 0.2:
        noise = _blurred(noise, sigma)
    return noise / noise.std()


def _organ(rng, shape, anisotropy, edge):
    """One large soft ellipsoid, 1 at its centre: the bright thing that is not a vessel."""
    box = np.array(shape) * (1, 1, anisotropy)
    centre = rng.uniform(0.2, 0.8, 3) * box
    axes = rng.uniform(0.15, 0.45, 3) * box.max()
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
    return np.exp(-1.5 * np.maximum(value, 0) ** np.float32(edge))


def _sheet(rng, shape, anisotropy):
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


def _cells(rng, depth, anisotropy, per_10k):
    """Coverage in [0, 1] by small round bodies, and their brightness; none is centred in a vessel."""
    shape = depth.shape
    count = int(per_10k * depth.size / 1e4)
    centres = rng.uniform(0, 1, (count, 3)) * (np.array(shape) - 1)
    radii = np.minimum(rng.lognormal(np.log(rng.uniform(1.0, 4.0)), 0.35, count), 9.0)
    free = depth[tuple(np.rint(centres).astype(int).T)] < 0
    body, tone = stamp_balls(centres[free], radii[free], rng.lognormal(0, 0.3, count)[free], shape, anisotropy)
    return np.clip(body + 0.5, 0, 1), tone


def render(
    rng: np.random.Generator, depth: np.ndarray, tone: np.ndarray, anisotropy: float, look: Appearance
) -> np.ndarray:
    """Image vessels.

    Args:
        rng: source of every draw.
        depth: (X, Y, Z) signed depth below the vessels' surface, as `rasterise` returns it.
        tone: (X, Y, Z) brightness of the vessels.
        anisotropy: depth of a voxel over its width.
        look: what the microscope and the tissue are like.

    Returns:
        float32 (X, Y, Z), raw intensities, none negative.
    """
    shape = depth.shape
    cover = np.clip(depth + 0.5, 0, 1)
    vessels = tone * _profile(depth, look.profile)
    if look.mottle > 0.05:
        vessels = vessels * np.maximum(1 + look.mottle * _grain(rng, shape, (1.5, 1.5, 1.5 / max(anisotropy, 1))), 0)
    if look.shadow > 0.05:
        vessels = vessels * _shadow(cover, anisotropy, look.shadow)

    slow = smooth_field(rng, shape, [max(0.35 * n, 6) for n in shape])
    ground = np.exp(look.inhomogeneity * slow)
    grain_z = look.texture_scale * look.streak / max(anisotropy, 1)
    ground *= np.maximum(1 + look.texture * _grain(rng, shape, (look.texture_scale, look.texture_scale, grain_z)), 0)
    ground *= look.background / ground.mean()
    if look.organ:
        ground = ground + look.organ * _organ(rng, shape, anisotropy, look.organ_edge)
    if look.sheet:
        ground = ground + look.sheet * _sheet(rng, shape, anisotropy)
    if look.leak:
        some = cover * (smooth_field(rng, shape, [max(n / 2, 6) for n in shape]) > rng.uniform(-1, 0.7))
        halo = _blurred(some, (look.leak_scale, look.leak_scale, look.leak_scale / anisotropy))
        ground = ground + look.leak * halo / max(float(halo.max()), 1e-6) * (0.5 + rng.random() * (1 + 0.5 * slow))
    if look.cells:
        body, body_tone = _cells(rng, depth, anisotropy, look.cells)
        ground = ground + body * (look.cell_tone * body_tone - np.minimum(ground, 1))

    # A vessel that hides what is behind it must still stand out from it, or its label cannot be learnt.
    own = vessels if look.additive else np.maximum(vessels - 0.5 * ground, 0.3 * vessels)
    scene = ground + cover * own
    if look.attenuation:
        scene = scene * np.exp(-look.attenuation * np.linspace(0, 1, shape[2], dtype=np.float32))
    psf_z = look.psf[1] / max(anisotropy, 1)
    scene = _blurred(scene.astype(np.float32), (look.psf[0], look.psf[0], psf_z))
    return _detect(_noisy(rng, scene, depth, look), rng, look)


def _profile(depth, profile):
    """Brightness over a vessel's cross-section as a function of depth below the surface."""
    if profile == "parabolic":
        return 0.6 + 0.5 * np.clip(depth / 3, 0, 1)
    if profile == "rim":  # endothelium or plasma takes up dye, the lumen is darker
        return 0.65 + 0.5 * np.exp(-np.maximum(depth, 0) / 2.0)
    if profile == "wall":  # an antibody against endothelium: the lumen is as dark as what lies between vessels
        return np.exp(-0.5 * ((depth - WALL / 2) / (WALL / 2)) ** 2)
    return np.ones_like(depth)


def _shadow(cover, anisotropy, strength):
    """What light is left at each voxel after the vessels above it have absorbed some."""
    above = np.cumsum(cover, axis=2) * anisotropy
    return (1 - strength) + strength * np.exp(-above / 25.0)


def _noisy(rng, scene, depth, look):
    """Add noise so that the blurred vessels stand `cnr` standard deviations above their ground."""
    inside = depth >= 0
    if look.profile == "wall":  # what is stained
        inside &= depth < WALL
    contrast = 1.0
    if inside.any() and not inside.all():
        contrast = max(float(np.median(scene[inside]) - np.median(scene[~inside])), 0.05)
    sigma = contrast / look.cnr
    # Half-way between ground and vessel all kinds are equally strong; they differ in how they grow from there.
    level = max(float(np.median(scene)) + 0.5 * contrast, 1e-3)
    relative = np.minimum(np.maximum(scene, 0) / level, 4.0)
    variance = (1 - look.poisson) + look.poisson * relative
    grain = look.grain
    noise = _grain(rng, scene.shape, (grain, grain, grain)) * np.sqrt(variance) * sigma
    if look.speckle:
        streaks = _grain(rng, scene.shape, (0.5, 0.5, 0.5 * look.streak))
        noise = noise + scene * (look.speckle * min(sigma / level, 0.35)) * streaks
    noisy = scene + noise
    if look.line_gain:
        noisy = noisy * (1 + look.line_gain * rng.standard_normal((1, scene.shape[1], scene.shape[2])))
    return noisy


def _detect(signal, rng, look):
    """Offset, saturation, gamma and digitisation."""
    low = float(signal.min()) if rng.random() < 0.5 else float(np.quantile(signal, 0.01))
    high = float(np.quantile(signal, 1 - look.saturated)) if look.saturated else float(signal.max())
    unit = np.clip((signal - low) / max(high - low, 1e-6), 0, 1) ** look.gamma
    raw = unit * look.full_scale
    return np.rint(raw).astype(np.float32) if look.integer else raw.astype(np.float32)
