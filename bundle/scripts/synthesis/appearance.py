"""How a volume looks: what is drawn once for the whole of it, mostly as its modality does, sometimes from anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .segments import Segment

DOME_EDGE = 0.2
"""Brightness of a dome at the surface of its vessel."""


@dataclass(frozen=True)
class Appearance:
    """How one volume looks. Brightness is relative to that of an average vessel, lengths are in-plane voxels.

    Attributes:
        background: mean brightness of tissue.
        tone_spread: standard deviation of log brightness between trees, and half of that between segments.
        profile: `flat`, `parabolic` (bright axis), `dome` (brightness grows with the depth of vessel that the beam
            meets), `rim` (brighter wall) or `wall` (dark lumen) across a vessel.
        wall: thickness of a stained wall; `dome` how far below the surface a dome is all but as bright as it gets.
        mottle: relative brightness variation along vessels.
        gaps: how much brightness a vessel loses where dye did not reach; 0 is none.
        inhomogeneity: relative amplitude of slow background variation.
        texture: relative amplitude of fine background texture; `texture_scale` its size, `streak` its factor along Z.
        cells: bright round bodies per 10 000 voxels; `cell_tone` their brightness.
        organ: brightness of large blobs (0: none), of which there are `organs`; `organ_edge` from 1 (Gaussian) to 12
            (sharp, as bone); `rind`, whether only their surface is bright.
        sheet: brightness of one curved bright plate (0: none).
        leak: brightness of dye around some vessels (0: none); `leak_scale` its reach.
        additive: whether vessels add to what is behind them or hide it.
        attenuation: how many e-foldings of brightness are lost from the first slice to the last.
        shadow: share of brightness lost at the far side of a thick vessel.
        psf: Gaussian blur in plane and along Z, standard deviations.
        cnr: contrast of the blurred vessels over the noise in the background.
        poisson, speckle: shares of the noise that grow as the root of the signal and in proportion to it.
        grain: correlation length of the noise in voxels; 0 is white.
        line_gain: relative brightness jitter between scan lines.
        stripes, rings: amplitudes of straight and of concentric artefacts, alike in all slices, in parts of contrast.
        dark: whether vessels are darker than what surrounds them.
        gamma: exponent on the normalised intensity.
        saturated: share of voxels clipped at the bright end.
        full_scale: the raw value of the brightest voxel.
        integer: whether raw values are whole numbers.
        habit: by how much whoever labelled drew the vessels thinner (positive) or fatter.
    """

    background: float
    tone_spread: float
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
    cell_tone: float
    organ: float
    organs: int
    organ_edge: float
    rind: bool
    sheet: float
    leak: float
    leak_scale: float
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
    habit: float

    def on_axis(self, radius: float) -> float:
        """Brightness on the axis of a vessel of this radius, in voxels, relative to that of a wide one."""
        return DOME_EDGE + (1 - DOME_EDGE) * (1 - float(np.exp(-radius / self.dome))) if self.profile == "dome" else 1.0

    def tones(self, rng: np.random.Generator, segments: Sequence[Segment]) -> np.ndarray:
        """(len(segments),) brightness: shared by a tree, varied a little from segment to segment, above the noise."""
        groups = {g: rng.normal() for g in sorted({s.group for s in segments})}
        logs = np.array([groups[s.group] for s in segments]) + 0.5 * rng.normal(size=len(segments))
        # none so dim on its axis that it drowns in the noise and nobody would have labelled it
        least = min(2.5 / self.cnr, 0.5) / np.array([self.on_axis(s.radius) for s in segments])
        return np.maximum(np.exp(self.tone_spread * np.clip(logs, -1.7, 1.5)), least)


DARK_SHARE = 0.1

LOOKS = {
    "hollow": lambda look: {"profile": "flat" if look["profile"] == "wall" else look["profile"]},
    "gaps": lambda look: {"gaps": 0.0, "mottle": 0.0},
    "bystanders": lambda look: {"cells": 0.0, "organ": 0.0, "sheet": 0.0, "leak": 0.0},
    "blur": lambda look: {"psf": (0.5, 0.5)},
    "artefacts": lambda look: dict.fromkeys(
        ("attenuation", "shadow", "line_gain", "stripes", "rings", "inhomogeneity"), 0.0
    ),
    "noise": lambda look: {"cnr": max(look["cnr"], 6.0), "speckle": 0.0, "grain": 0.0, "texture": 0.0},
    "detector": lambda look: {"gamma": 1.0, "saturated": 0.0, "full_scale": 1.0, "integer": False},
    "dark": lambda look: {"dark": False},
    "habits": lambda look: {"habit": 0.0},
}
"""Parts of the imaging that can be left out, to see what each is good for, and what takes their place."""


def _log_uniform(rng, low, high):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _sometimes(rng, chance, value):
    """`value` with this chance, else 0; draws the same amount of randomness either way."""
    return float(value) if rng.random() < chance else 0.0


def draw_appearance(rng: np.random.Generator, style: str, without: Sequence[str] = ()) -> Appearance:
    """Draw how a volume of this style looks: mostly as its modality does, else from the whole range.

    Args:
        rng: source of every draw; as many draws are made whatever is left out.
        style: what grows.
        without: of `LOOKS`, those that are left out.
    """
    psf = rng.uniform(0.0, 1.5)
    broad = {
        "background": _log_uniform(rng, 0.02, 0.7),
        "tone_spread": rng.uniform(0, 0.7),
        "profile": str(rng.choice(["flat", "flat", "flat", "parabolic", "dome", "rim", "wall"])),
        "wall": rng.uniform(1.5, 3.0),
        "dome": _log_uniform(rng, 1.0, 6.0),
        "mottle": rng.uniform(0, 0.3),
        "gaps": _sometimes(rng, 0.2, rng.uniform(0.4, 0.95)),
        "inhomogeneity": rng.uniform(0, 0.8),
        "texture": rng.uniform(0, 0.6),
        "texture_scale": _log_uniform(rng, 0.7, 4.0),
        "streak": 1.0,
        "cells": _sometimes(rng, 0.5, _log_uniform(rng, 0.1, 2.5)),
        "cell_tone": _log_uniform(rng, 0.4, 2.5),
        # often, and as bright as vessels: what else tells a soft blob from a stem that fills the view?
        "organ": _sometimes(rng, 0.5, _log_uniform(rng, 0.3, 1.8)),
        "organs": int(rng.integers(1, 5)),
        # mostly soft: a sharp one that fills the view has all that a stem has
        "organ_edge": _log_uniform(rng, 2.5, 12.0) if rng.random() < 0.2 else rng.uniform(1.0, 2.5),
        "rind": bool(rng.random() < 0.2),
        "sheet": _sometimes(rng, 0.2, _log_uniform(rng, 0.3, 1.3)),
        "leak": _sometimes(rng, 0.2, _log_uniform(rng, 0.15, 0.8)),
        "leak_scale": rng.uniform(3, 12),
        "additive": bool(rng.random() < 0.5),
        "attenuation": _sometimes(rng, 0.5, rng.uniform(0.2, 1.5)),
        "shadow": rng.uniform(0, 0.3),
        "psf": (psf, psf * _log_uniform(rng, 0.8, 5.0)),
        # thick vessels and sparse ones can be told from noise that drowns a mesh of capillaries; what cannot be seen
        # teaches to call noise vessel
        "cnr": _log_uniform(rng, 1.0 if style in ("stack", "hollow") else 1.4 if style == "tree" else 3.0, 20.0),
        "poisson": rng.uniform(0, 1),
        "speckle": rng.uniform(0, 0.5),
        "grain": _sometimes(rng, 0.4, rng.uniform(0.3, 0.9)),
        "line_gain": _sometimes(rng, 0.15, rng.uniform(0.02, 0.12)),
        "stripes": _sometimes(rng, 0.1, _log_uniform(rng, 0.05, 0.5)),
        "rings": _sometimes(rng, 0.1, _log_uniform(rng, 0.05, 0.5)),
        "dark": bool(rng.random() < DARK_SHARE),
        "gamma": _log_uniform(rng, 0.45, 1.8),
        "saturated": _sometimes(rng, 0.3, _log_uniform(rng, 0.001, 0.05)),
        "full_scale": float(rng.choice([1.0, 40.0, 255.0, 255.0, 255.0, 4095.0, 32000.0])),
        "integer": bool(rng.random() < 0.7),
        "habit": _sometimes(rng, 0.5, float(np.clip(rng.normal(-0.1, 0.35), -0.9, 0.9))),
    }
    regime = _REGIMES[style]
    if rng.random() < 0.7 and regime is not None:
        broad.update(regime(rng))
    if style == "hollow":
        broad.update(profile="wall", dark=False)
    if broad["dark"]:  # dye that leaks, brighter walls and shadows belong to vessels that shine
        broad.update(leak=0.0, shadow=0.0, background=max(broad["background"], 0.1))
        broad["profile"] = "flat" if broad["profile"] == "wall" else broad["profile"]
    for part in without:
        broad.update(LOOKS[part](broad) if part in LOOKS else {})
    if broad["grain"] > 0:  # grains look like capillaries: below this even the eye finds none
        broad["cnr"] = max(broad["cnr"], 2.5)
    broad["integer"] = broad["integer"] and broad["full_scale"] > 1
    return Appearance(**broad)


def _phantom(rng):
    """A tree with one bright organ, in plain Gaussian noise: VascuSynth."""
    return {
        "background": rng.uniform(0.3, 0.7),
        "tone_spread": rng.uniform(0, 0.2),
        "profile": "flat",
        "organ": _sometimes(rng, 0.9, rng.uniform(0.3, 1.5)),
        "organs": int(rng.choice([1, 1, 1, 2, 3])),
        "organ_edge": rng.uniform(1.0, 2.5),
        "texture": rng.uniform(0, 0.1),
        "psf": (rng.uniform(0, 0.7), rng.uniform(0, 0.7)),
        "cnr": _log_uniform(rng, 1.5, 8.0),
        "poisson": 0.0,
        "speckle": 0.0,
    }


def _light_sheet(rng):
    """Capillaries glowing in a dark, hazy volume."""
    return {
        "background": _log_uniform(rng, 0.02, 0.3),
        "psf": (rng.uniform(0.3, 1.5), rng.uniform(0.3, 2.2)),
        "cnr": _log_uniform(rng, 3.0, 20.0),
        "profile": "parabolic",
    }


def _two_photon(rng):
    """Dark ground, vessels from brilliant to barely there, shot noise, shadows, leaking dye."""
    leaks = rng.random() < 0.35
    return {
        "background": _log_uniform(rng, 0.01, 0.2 if leaks else 0.1),
        "tone_spread": rng.uniform(0.4, 1.4),
        # coarse slices and a long focus: measured, brightness climbs over several voxels within what is labelled
        "profile": str(rng.choice(["dome", "dome", "flat", "rim"])),
        "mottle": rng.uniform(0.05, 0.3),
        "texture": rng.uniform(0.05, 0.4),
        "inhomogeneity": rng.uniform(0.2, 0.8),
        "leak": _log_uniform(rng, 0.15, 0.9) if leaks else _sometimes(rng, 0.3, 0.1),
        "leak_scale": rng.uniform(4, 20),
        "organ": _sometimes(rng, 0.2, _log_uniform(rng, 0.05, 1.5)),  # a hazy region
        "cells": _sometimes(rng, 0.6, _log_uniform(rng, 0.1, 2.0)),
        "cell_tone": _log_uniform(rng, 0.2, 1.5),
        "attenuation": rng.uniform(-0.3, 1.5),
        "shadow": rng.uniform(0.1, 0.7),
        "cnr": _log_uniform(rng, 4.0, 40.0),
        "poisson": rng.uniform(0.7, 1.0),
        "gamma": _log_uniform(rng, 0.5, 1.5),
    }


def _angiography(rng):
    """OCT angiography: speckle that streaks along the beam, a bright noisy ground."""
    return {
        "background": rng.uniform(0.15, 0.6),
        "tone_spread": rng.uniform(0.1, 0.35),
        "profile": "flat",
        "texture": rng.uniform(0.4, 1.2),
        "texture_scale": rng.uniform(0.6, 1.2),
        "streak": _log_uniform(rng, 2.0, 14.0),
        "organ": 0.0,
        "sheet": 0.0,
        "leak": 0.0,
        "attenuation": rng.uniform(-1.0, 0.5),
        "psf": (rng.uniform(0.3, 0.9), rng.uniform(0.5, 2.5)),
        "cnr": _log_uniform(rng, 2.5, 8.0),
        "speckle": rng.uniform(0.4, 1.0),
        "saturated": _sometimes(rng, 0.5, _log_uniform(rng, 0.001, 0.02)),
        "line_gain": _sometimes(rng, 0.5, rng.uniform(0.02, 0.12)),
    }


_REGIMES = {
    "tree": _phantom,
    "mesh": _light_sheet,
    "stack": _two_photon,
    "plexus": _angiography,
    "mixed": None,
    "tumour": None,
    "hollow": None,
    "mask": None,
}
