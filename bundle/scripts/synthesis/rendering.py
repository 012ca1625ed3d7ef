"""A drawn microscope: tissue, counter-examples, blur and noise around given vessels."""

import numpy as np
from scipy import ndimage

from .appearance import DOME_EDGE, Appearance
from .distractors import cells, leaked_dye, organs, sheet
from .growth import is_thin
from .random_fields import blurred, grain, smooth_field


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
    vessels = tone * _profile(depth, look)
    if look.mottle > 0.05:
        vessels = vessels * np.maximum(1 + look.mottle * grain(rng, shape, (1.5, 1.5, 1.5 / max(anisotropy, 1))), 0)
    if look.gaps:
        reach = smooth_field(rng, shape, [max(0.15 * n, 5) for n in shape])
        vessels = vessels * (1 - look.gaps / (1 + np.exp(4 * (reach + 0.8))))
    if look.shadow > 0.05:
        vessels = vessels * _shadow(cover, anisotropy, look.shadow)
    ground = _ground(rng, depth, cover, anisotropy, look)

    # A vessel that hides what is behind it must still stand out from it, or its label cannot be learnt.
    own = vessels if look.additive else np.maximum(vessels - 0.5 * ground, 0.3 * vessels)
    scene = ground + cover * own
    if look.dark:  # what absorbs, in tissue that is lit as brightly again
        scene = ground + 1.0 - 0.9 * np.minimum(cover * own, 1.1)
    if look.attenuation:
        scene = scene * np.exp(-look.attenuation * np.linspace(0, 1, shape[2], dtype=np.float32))
    psf_z = look.psf[1] / max(anisotropy, 1)
    scene = blurred(scene.astype(np.float32), (look.psf[0], look.psf[0], psf_z))
    return _detect(_noisy(rng, scene, depth, look), rng, look)


def _ground(rng, depth, cover, anisotropy, look):
    """What lies between the vessels: tissue and bystanders."""
    shape = depth.shape
    slow = smooth_field(rng, shape, [max(0.35 * n, 6) for n in shape])
    ground = np.exp(look.inhomogeneity * slow)
    sizes = look.texture_scale * np.array((1, 1, look.streak / max(anisotropy, 1)))
    ground *= np.maximum(1 + look.texture * grain(rng, shape, sizes), 0)
    ground *= look.background / ground.mean()
    if look.organ:
        ground = ground + look.organ * organs(rng, shape, anisotropy, look)
    if look.sheet and not is_thin(shape):  # upright in a thin stack, it would look like any vessel
        ground = ground + look.sheet * sheet(rng, shape, anisotropy)
    if look.leak:
        ground = ground + leaked_dye(rng, cover, anisotropy, look, slow)
    if look.cells:
        body, body_tone = cells(rng, depth, anisotropy, look.cells)
        ground = ground + body * (look.cell_tone * body_tone - np.minimum(ground, 1))
    return ground


def _profile(depth, look):
    """Brightness over a vessel's cross-section as a function of depth below the surface."""
    if look.profile == "parabolic":
        return 0.6 + 0.5 * np.clip(depth / 3, 0, 1)
    if look.profile == "dome":  # a focus longer than the vessel is deep sees little of it near its edge
        return DOME_EDGE + (1 - DOME_EDGE) * (1 - np.exp(-np.maximum(depth, 0) / look.dome))
    if look.profile == "rim":  # endothelium or plasma takes up dye, the lumen is darker
        return 0.65 + 0.5 * np.exp(-np.maximum(depth, 0) / 2.0)
    if look.profile == "wall":  # an antibody against endothelium: the lumen is as dark as what lies between vessels
        return np.exp(-0.5 * ((depth - look.wall / 2) / (look.wall / 2)) ** 2)
    return np.ones_like(depth)


def _shadow(cover, anisotropy, strength):
    """What light is left at each voxel after the vessels above it have absorbed some."""
    above = np.cumsum(cover, axis=2) * anisotropy
    return (1 - strength) + strength * np.exp(-above / 25.0)


def _noisy(rng, scene, depth, look):
    """Add noise so that the blurred vessels stand `cnr` standard deviations above their ground."""
    inside = depth >= 0
    if look.profile == "wall":  # what is stained
        inside &= depth < look.wall
    contrast = 1.0
    if inside.any() and not inside.all():
        contrast = max(abs(float(np.median(scene[inside]) - np.median(scene[~inside]))), 0.05)
    sigma = contrast / look.cnr
    # Half-way between ground and vessel all kinds are equally strong; they differ in how they grow from there.
    level = max(float(np.median(scene)) + 0.5 * contrast, 1e-3)
    relative = np.minimum(np.maximum(scene, 0) / level, 4.0)
    variance = (1 - look.poisson) + look.poisson * relative
    noise = grain(rng, scene.shape, (look.grain,) * 3) * np.sqrt(variance) * sigma
    if look.speckle:
        streaks = grain(rng, scene.shape, (0.5, 0.5, 0.5 * look.streak))
        noise = noise + scene * (look.speckle * min(sigma / level, 0.35)) * streaks
    noisy = scene + noise
    if look.line_gain:
        noisy = noisy * (1 + look.line_gain * rng.standard_normal((1, scene.shape[1], scene.shape[2])))
    if look.stripes:
        noisy = noisy + contrast * look.stripes * _stripes(rng, scene.shape)
    if look.rings:
        noisy = noisy + contrast * look.rings * _rings(rng, scene.shape)
    return noisy


def _stripes(rng, shape):
    """(X, 1, 1) or (1, Y, 1): bands along one in-plane axis, as a light sheet and a line camera leave them."""
    axis = int(rng.integers(2))
    band = ndimage.gaussian_filter1d(rng.standard_normal(shape[axis]), rng.uniform(0.5, 3.0), mode="nearest")
    band = band / max(float(band.std()), 1e-6)
    return np.moveaxis(band.astype(np.float32)[:, None, None], 0, axis)


def _rings(rng, shape):
    """(X, Y, 1): circles around an axis along Z, as a detector with uneven pixels leaves them in a tomogram."""
    x, y = (np.arange(n) - rng.uniform(-0.2, 1.2) * n for n in shape[:2])
    radius = np.sqrt(x[:, None] ** 2 + y[None, :] ** 2)
    gains = ndimage.gaussian_filter1d(rng.standard_normal(int(radius.max()) + 2), rng.uniform(0.5, 1.5), mode="nearest")
    gains = gains / max(float(gains.std()), 1e-6)
    return np.interp(radius, np.arange(len(gains)), gains).astype(np.float32)[:, :, None]


def _detect(signal, rng, look):
    """Offset, saturation, gamma and digitisation."""
    low = float(signal.min()) if rng.random() < 0.5 else float(np.quantile(signal, 0.01))
    high = float(np.quantile(signal, 1 - look.saturated)) if look.saturated else float(signal.max())
    unit = np.clip((signal - low) / max(high - low, 1e-6), 0, 1) ** look.gamma
    raw = unit * look.full_scale
    return np.rint(raw).astype(np.float32) if look.integer else raw.astype(np.float32)
