"""The microscope: tissue, distractors, blur, noise and a detector around given vessels."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .appearance import DOME_EDGE, Appearance
from .distractors import cells, leaked_dye, organs, sheet
from .random_fields import blurred, grain, smooth_field
from .rasterise import is_thin

SHADOW_REACH = 25.0  # in-plane voxels of vessel that absorb a factor of e of the light


def render(
    rng: np.random.Generator, depth: np.ndarray, brightness: np.ndarray, anisotropy: float, look: Appearance
) -> np.ndarray:
    """Make an image of vessels.

    Args:
        rng: random generator for every draw.
        depth: (X, Y, Z), how deep each voxel lies in a vessel, as `rasterise` returns it.
        brightness: (X, Y, Z), brightness of the vessels.
        anisotropy: voxel size along Z divided by voxel size in plane.
        look: how tissue, dye and microscope look.

    Returns:
        float32 (X, Y, Z), raw intensities, none negative.
    """
    shape = depth.shape
    cover = np.clip(depth + 0.5, 0, 1)  # share of each voxel that vessels fill
    vessels = brightness * _profile(depth, look)
    if look.mottle > 0.05:
        vessels = vessels * np.maximum(1 + look.mottle * grain(rng, shape, (1.5, 1.5, 1.5 / max(anisotropy, 1))), 0)
    if look.gaps:
        filling = smooth_field(rng, shape, [max(0.15 * n, 5) for n in shape])
        vessels = vessels * (1 - look.gaps / (1 + np.exp(4 * (filling + 0.8))))
    if look.shadow > 0.05:
        vessels = vessels * _shadow(cover, anisotropy, look.shadow)
    background = _background(rng, depth, cover, anisotropy, look)

    # a vessel that hides what is behind it must still stand out from it, or its label cannot be learnt
    own = vessels if look.additive else np.maximum(vessels - 0.5 * background, 0.3 * vessels)
    scene = background + cover * own
    if look.dark:  # vessels absorb, in tissue that is lit
        scene = background + 1.0 - 0.9 * np.minimum(cover * own, 1.1)
    if look.attenuation:
        scene = scene * np.exp(-look.attenuation * np.linspace(0, 1, shape[2], dtype=np.float32))
    psf_z = look.psf[1] / max(anisotropy, 1)
    scene = blurred(scene.astype(np.float32), (look.psf[0], look.psf[0], psf_z))
    return _detected(rng, _noisy(rng, scene, depth, look), look)


def _background(
    rng: np.random.Generator, depth: np.ndarray, cover: np.ndarray, anisotropy: float, look: Appearance
) -> np.ndarray:
    """Draw what lies between the vessels, tissue and distractors: (X, Y, Z) brightness."""
    shape = depth.shape
    slow = smooth_field(rng, shape, [max(0.35 * n, 6) for n in shape])
    background = np.exp(look.inhomogeneity * slow)
    sizes = look.texture_scale * np.array((1, 1, look.streak / max(anisotropy, 1)))
    background *= np.maximum(1 + look.texture * grain(rng, shape, sizes), 0)
    background *= look.background / background.mean()
    if look.organ:
        background = background + look.organ * organs(rng, shape, anisotropy, look)
    if look.sheet and not is_thin(shape):  # upright in a thin stack, it would look like any vessel
        background = background + look.sheet * sheet(rng, shape, anisotropy)
    if look.leak:
        background = background + leaked_dye(rng, cover, anisotropy, look, slow)
    if look.cells:
        cell_cover, cell_brightness = cells(rng, depth, anisotropy, look.cells)
        background = background + cell_cover * (look.cell_brightness * cell_brightness - np.minimum(background, 1))
    return background


def _profile(depth: np.ndarray, look: Appearance) -> np.ndarray:
    """Return the relative brightness of vessels by the depth (X, Y, Z) below their surface."""
    if look.profile == "parabolic":
        return 0.6 + 0.5 * np.clip(depth / 3, 0, 1)
    if look.profile == "dome":  # a focus longer than the vessel is deep meets little of it near its edge
        return DOME_EDGE + (1 - DOME_EDGE) * (1 - np.exp(-np.maximum(depth, 0) / look.dome))
    if look.profile == "rim":  # endothelium or plasma takes up dye, the lumen is darker
        return 0.65 + 0.5 * np.exp(-np.maximum(depth, 0) / 2.0)
    if look.profile == "wall":  # an antibody against endothelium: the lumen is as dark as the tissue
        return np.exp(-0.5 * ((depth - look.wall / 2) / (look.wall / 2)) ** 2)
    return np.ones_like(depth)


def _shadow(cover: np.ndarray, anisotropy: float, strength: float) -> np.ndarray:
    """Return the share of light (X, Y, Z) that the vessels above have not absorbed.

    What is absorbed grows exponentially with the length of vessel passed, as in the law of Beer and Lambert.
    """
    above = np.cumsum(cover, axis=2) * anisotropy
    return (1 - strength) + strength * np.exp(-above / SHADOW_REACH)


def _noisy(rng: np.random.Generator, scene: np.ndarray, depth: np.ndarray, look: Appearance) -> np.ndarray:
    """Return the blurred scene (X, Y, Z) with noise and stripes.

    Where the signal is half-way between background and vessel, the contrast of the vessels is `cnr` standard deviations
    of the Gaussian noise. The share `poisson` of its variance is proportional to the signal, as that of photon counts
    is, which follow the Poisson distribution; the rest is constant. Speckle multiplies: its standard deviation is
    proportional to the signal.
    """
    inside = depth >= 0
    if look.profile == "wall":  # only what is stained
        inside &= depth < look.wall
    contrast = 1.0
    if inside.any() and not inside.all():
        contrast = max(abs(float(np.median(scene[inside]) - np.median(scene[~inside]))), 0.05)
    sigma = contrast / look.cnr
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


def _stripes(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw bands along one in-plane axis, as a light sheet or a line camera leaves them.

    Returns:
        float32 of unit variance, (X, 1, 1) or (1, Y, 1).
    """
    axis = int(rng.integers(2))
    band = ndimage.gaussian_filter1d(rng.standard_normal(shape[axis]), rng.uniform(0.5, 3.0), mode="nearest")
    band = band / max(float(band.std()), 1e-6)
    return np.moveaxis(band.astype(np.float32)[:, None, None], 0, axis)


def _rings(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw rings around an axis along Z, as uneven detector pixels leave them in a tomogram.

    Returns:
        float32, about of unit variance, (X, Y, 1).
    """
    x, y = (np.arange(n) - rng.uniform(-0.2, 1.2) * n for n in shape[:2])
    radius = np.sqrt(x[:, None] ** 2 + y[None, :] ** 2)
    gains = ndimage.gaussian_filter1d(rng.standard_normal(int(radius.max()) + 2), rng.uniform(0.5, 1.5), mode="nearest")
    gains = gains / max(float(gains.std()), 1e-6)
    return np.interp(radius, np.arange(len(gains)), gains).astype(np.float32)[:, :, None]


def _detected(rng: np.random.Generator, signal: np.ndarray, look: Appearance) -> np.ndarray:
    """Return raw values (X, Y, Z) of a signal: offset, saturation, gamma and digitisation."""
    low = float(signal.min()) if rng.random() < 0.5 else float(np.quantile(signal, 0.01))
    high = float(np.quantile(signal, 1 - look.saturated)) if look.saturated else float(signal.max())
    unit = np.clip((signal - low) / max(high - low, 1e-6), 0, 1) ** look.gamma
    raw = unit * look.full_scale
    return np.rint(raw).astype(np.float32) if look.integer else raw.astype(np.float32)
