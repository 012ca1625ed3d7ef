"""How a volume looks: its tissue, dye, microscope and annotator, each drawn once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .modalities import MODALITIES, Values
from .processing import PROCESSING
from .random_fields import log_uniform, sometimes
from .segments import Segment

DOME_EDGE = 0.2
"""Brightness of a vessel of the profile `dome` at its surface, relative to its axis."""

DARK_CHANCE = 0.1
PROCESSED_CHANCE = 0.3

LOWEST_CNR = {"mesh": 1.5, "mixed": 1.5, "tumour": 1.5, "mask": 1.2}
"""Lowest contrast-to-noise ratio of the styles that cannot be told from as much noise as others, at 1."""


@dataclass(frozen=True)
class Appearance:
    """How one volume looks.

    Brightness is relative to that of an average vessel. Lengths are in in-plane voxels.

    Attributes:
        background: mean brightness of the tissue between the vessels.
        brightness_spread: standard deviation of log brightness from tree to tree; from segment to segment it is half
            that.
        profile: brightness across a vessel: `flat`, `parabolic` (brightest along the axis), `dome` (brighter the more
            vessel the beam passes through), `rim` (brightest at the surface) or `wall` (only the wall is stained, the
            lumen is dark).
        wall: thickness of a stained wall.
        dome: decay length of the profile `dome`: with each such depth below the surface the gap to full brightness
            shrinks by a factor of e.
        mottle: relative variation of brightness along vessels.
        gaps: fraction of its brightness that a vessel loses where dye did not reach it.
        inhomogeneity: relative amplitude of slow variation of the background.
        texture: relative amplitude of fine variation of the background.
        texture_scale: size of the grains of the texture.
        streak: factor by which the texture is stretched along Z.
        cells: number of bright round bodies per 10,000 voxels.
        cell_brightness: their brightness.
        organ: brightness of large ellipsoids that imitate organs; 0 for none.
        organ_count: number of them.
        organ_edge: how sharp their edges are, from 1 (Gaussian) to 12 (as sharp as bone).
        organ_shell: whether only their surface is bright.
        sheet: brightness of one curved plate; 0 for none.
        leak: brightness of dye around some of the vessels; 0 for none.
        leak_reach: how far that dye spreads.
        additive: whether vessels add to the brightness of what is behind them, or hide it.
        attenuation: natural logarithm of the factor by which brightness falls from the first slice to the last.
        shadow: fraction of brightness that is lost below a thick vessel.
        psf: standard deviations of the Gaussian point spread function, in plane and along Z.
        cnr: contrast-to-noise ratio: contrast of the blurred vessels over the standard deviation of the noise.
        poisson: share of the noise's variance that is proportional to the signal, as in photon counting.
        speckle: strength of multiplicative noise, whose standard deviation is proportional to the signal.
        grain: correlation length of the noise; 0 is white noise.
        line_gain: relative variation of brightness between scan lines.
        stripes: amplitude of straight bands, the same in all slices, relative to the contrast.
        rings: amplitude of concentric bands, the same in all slices, relative to the contrast.
        dark: whether vessels are darker than what surrounds them.
        gamma: exponent on the intensity after scaling to [0, 1].
        saturated: share of voxels that are clipped at the bright end.
        full_scale: raw value of the brightest voxel.
        integer: whether raw values are whole numbers.
        processing: what was done to the image afterwards, names of `PROCESSING`, in order.
        label_offset: how much too small (positive) or too large (negative) the annotator drew the radii of vessels.
    """

    background: float
    brightness_spread: float
    profile: str
    wall: float
    dome: float
    mottle: float
    gaps: float
    inhomogeneity: float
    texture: float
    texture_scale: float
    streak: float
    cells: float
    cell_brightness: float
    organ: float
    organ_count: int
    organ_edge: float
    organ_shell: bool
    sheet: float
    leak: float
    leak_reach: float
    additive: bool
    attenuation: float
    shadow: float
    psf: tuple[float, float]
    cnr: float
    poisson: float
    speckle: float
    grain: float
    line_gain: float
    stripes: float
    rings: float
    dark: bool
    gamma: float
    saturated: float
    full_scale: float
    integer: bool
    processing: tuple[str, ...]
    label_offset: float

    def axis_brightness(self, radius: float) -> float:
        """Return the brightness on the axis of a vessel of a radius, relative to that of a wide one."""
        return DOME_EDGE + (1 - DOME_EDGE) * (1 - float(np.exp(-radius / self.dome))) if self.profile == "dome" else 1.0

    def vessel_brightness(self, rng: np.random.Generator, segments: Sequence[Segment]) -> np.ndarray:
        """Draw the brightness of each vessel, which is nearly the same throughout a tree.

        Args:
            rng: random generator for every draw.
            segments: the vessels.

        Returns:
            (len(segments),) brightness.
        """
        groups = {g: rng.normal() for g in sorted({s.group for s in segments})}
        logs = np.array([groups[s.group] for s in segments]) + 0.5 * rng.normal(size=len(segments))
        # none so dim on its axis that it drowns in the noise, where nobody would have labelled it
        dimmest = min(2.5 / self.cnr, 0.5) / np.array([self.axis_brightness(s.radius) for s in segments])
        return np.maximum(np.exp(self.brightness_spread * np.clip(logs, -1.7, 1.5)), dimmest)


IMAGING_PARTS: dict[str, Callable[[Values], Values]] = {
    "hollow": lambda look: {"profile": "flat" if look["profile"] == "wall" else look["profile"]},
    "gaps": lambda look: {"gaps": 0.0, "mottle": 0.0},
    "distractors": lambda look: {"cells": 0.0, "organ": 0.0, "sheet": 0.0, "leak": 0.0},
    "blur": lambda look: {"psf": (0.5, 0.5)},
    "artefacts": lambda look: dict.fromkeys(
        ("attenuation", "shadow", "line_gain", "stripes", "rings", "inhomogeneity"), 0.0
    ),
    "noise": lambda look: {"cnr": max(look["cnr"], 6.0), "speckle": 0.0, "grain": 0.0, "texture": 0.0},
    "detector": lambda look: {"gamma": 1.0, "saturated": 0.0, "full_scale": 1.0, "integer": False},
    "dark": lambda look: {"dark": False},
    "processing": lambda look: {"processing": ()},
    "label_offset": lambda look: {"label_offset": 0.0},
}
"""Parts of the imaging that can be left out, and the values that then take the place of the drawn ones."""


def _processing(rng: np.random.Generator) -> tuple[str, ...]:
    """Draw what is done to a volume: mostly nothing, else one or two things."""
    steps = rng.permutation(list(PROCESSING))[: rng.integers(1, 3)]
    return tuple(str(step) for step in steps) if rng.random() < PROCESSED_CHANCE else ()


def draw_appearance(rng: np.random.Generator, style: str, without: Sequence[str] = ()) -> Appearance:
    """Draw how a volume of a style looks.

    Seven times in ten it looks as the style's own modality does, else as any modality might.

    Args:
        rng: source of every draw; as many draws are made whatever is left out.
        style: what grows, one of `STYLES`.
        without: those of `IMAGING_PARTS` that are left out; other names are passed over.
    """
    psf = rng.uniform(0.0, 1.5)
    look: Values = {
        "background": log_uniform(rng, 0.02, 0.7),
        "brightness_spread": rng.uniform(0, 0.7),
        "profile": str(rng.choice(["flat", "flat", "flat", "parabolic", "dome", "rim", "wall"])),
        "wall": rng.uniform(1.5, 3.0),
        "dome": log_uniform(rng, 1.0, 6.0),
        "mottle": rng.uniform(0, 0.3),
        "gaps": sometimes(rng, 0.2, rng.uniform(0.4, 0.95)),
        "inhomogeneity": rng.uniform(0, 0.8),
        "texture": rng.uniform(0, 0.6),
        "texture_scale": log_uniform(rng, 0.7, 4.0),
        "streak": 1.0,
        "cells": sometimes(rng, 0.5, log_uniform(rng, 0.1, 2.5)),
        "cell_brightness": log_uniform(rng, 0.4, 2.5),
        # often, and as bright as vessels: what else tells a soft ellipsoid from a stem that fills the view?
        "organ": sometimes(rng, 0.35, log_uniform(rng, 0.3, 1.8)),
        "organ_count": int(rng.integers(1, 5)),
        # mostly soft: a sharp one that fills the view has all that a stem has
        "organ_edge": log_uniform(rng, 2.5, 12.0) if rng.random() < 0.2 else rng.uniform(1.0, 2.5),
        "organ_shell": bool(rng.random() < 0.2),
        "sheet": sometimes(rng, 0.2, log_uniform(rng, 0.3, 1.3)),
        "leak": sometimes(rng, 0.2, log_uniform(rng, 0.15, 0.8)),
        "leak_reach": rng.uniform(3, 12),
        "additive": bool(rng.random() < 0.5),
        "attenuation": sometimes(rng, 0.5, rng.uniform(0.2, 1.5)),
        "shadow": rng.uniform(0, 0.3),
        "psf": (psf, psf * log_uniform(rng, 0.8, 5.0)),
        # Thick vessels and sparse ones can be told from noise in which a mesh of capillaries drowns. What nobody could
        # see would teach the network to find vessels in noise.
        "cnr": log_uniform(rng, LOWEST_CNR.get(style, 1.0), 20.0),
        "poisson": rng.uniform(0, 1),
        "speckle": rng.uniform(0, 0.5),
        "grain": sometimes(rng, 0.4, rng.uniform(0.3, 0.9)),
        "line_gain": sometimes(rng, 0.15, rng.uniform(0.02, 0.12)),
        "stripes": sometimes(rng, 0.1, log_uniform(rng, 0.05, 0.5)),
        "rings": sometimes(rng, 0.1, log_uniform(rng, 0.05, 0.5)),
        "dark": bool(rng.random() < DARK_CHANCE),
        "gamma": log_uniform(rng, 0.45, 1.8),
        "saturated": sometimes(rng, 0.3, log_uniform(rng, 0.001, 0.05)),
        "full_scale": float(rng.choice([1.0, 40.0, 255.0, 255.0, 255.0, 4095.0, 32000.0])),
        "integer": bool(rng.random() < 0.7),
        "processing": _processing(rng),
        "label_offset": sometimes(rng, 0.5, float(np.clip(rng.normal(-0.1, 0.35), -0.9, 0.9))),
    }
    modality = MODALITIES.get(style)
    if rng.random() < 0.7 and modality is not None:
        look.update(modality(rng))
    if style == "hollow":
        look.update(profile="wall", dark=False)
    if look["dark"]:  # leaking dye, stained walls and shadows belong to vessels that shine
        look.update(leak=0.0, shadow=0.0, background=max(look["background"], 0.1))
        look["profile"] = "flat" if look["profile"] == "wall" else look["profile"]
    for part in without:
        look.update(IMAGING_PARTS[part](look) if part in IMAGING_PARTS else {})
    if look["grain"] > 0:  # grains look like capillaries: below this even the eye finds none
        look["cnr"] = max(look["cnr"], 2.5)
    look["integer"] = look["integer"] and look["full_scale"] > 1
    return Appearance(**look)
