"""How volumes of each modality look, which is drawn in place of the general ranges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .random_fields import log_uniform, sometimes

Values = dict[str, Any]
"""Some of the attributes of `Appearance`, by name."""


def _phantom(rng: np.random.Generator) -> Values:
    """Draw a phantom: bright organs and plain Gaussian noise, as in the volumes of VascuSynth."""
    return {
        "background": rng.uniform(0.3, 0.7),
        "brightness_spread": rng.uniform(0, 0.2),
        "profile": "flat",
        "organ": sometimes(rng, 0.9, rng.uniform(0.3, 1.5)),
        "organ_count": int(rng.choice([1, 1, 1, 2, 3])),
        "organ_edge": rng.uniform(1.0, 2.5),
        "texture": rng.uniform(0, 0.1),
        "psf": (rng.uniform(0, 0.7), rng.uniform(0, 0.7)),
        "cnr": log_uniform(rng, 1.0, 8.0),
        "poisson": 0.0,
        "speckle": 0.0,
    }


def _light_sheet(rng: np.random.Generator) -> Values:
    """Draw a light-sheet volume: capillaries that glow in a dark, hazy tissue."""
    return {
        "background": log_uniform(rng, 0.02, 0.3),
        "psf": (rng.uniform(0.3, 1.5), rng.uniform(0.3, 2.2)),
        "cnr": log_uniform(rng, 1.5, 20.0),
        "profile": "parabolic",
    }


def _two_photon(rng: np.random.Generator) -> Values:
    """Draw a two-photon stack: dark tissue, dim and brilliant vessels, shot noise, leaking dye."""
    leaks = rng.random() < 0.35
    return {
        "background": log_uniform(rng, 0.01, 0.2 if leaks else 0.1),
        "brightness_spread": rng.uniform(0.4, 1.4),
        # in real stacks of coarse slices, brightness was seen to climb over several voxels inside what is labelled
        "profile": str(rng.choice(["dome", "dome", "flat", "rim"])),
        "mottle": rng.uniform(0.05, 0.3),
        "texture": rng.uniform(0.05, 0.4),
        "inhomogeneity": rng.uniform(0.2, 0.8),
        "leak": log_uniform(rng, 0.15, 0.9) if leaks else sometimes(rng, 0.3, 0.1),
        "leak_reach": rng.uniform(4, 20),
        "organ": sometimes(rng, 0.2, log_uniform(rng, 0.05, 1.5)),  # a hazy region
        "cells": sometimes(rng, 0.6, log_uniform(rng, 0.1, 2.0)),
        "cell_brightness": log_uniform(rng, 0.2, 1.5),
        "attenuation": rng.uniform(-0.3, 1.5),
        "shadow": rng.uniform(0.1, 0.7),
        "cnr": log_uniform(rng, 2.0, 40.0),
        "poisson": rng.uniform(0.7, 1.0),
        "gamma": log_uniform(rng, 0.5, 1.5),
    }


def _oct_angiography(rng: np.random.Generator) -> Values:
    """Draw an OCT angiogram: a bright, noisy background and speckle that streaks along the beam."""
    return {
        "background": rng.uniform(0.15, 0.6),
        "brightness_spread": rng.uniform(0.1, 0.35),
        "profile": "flat",
        "texture": rng.uniform(0.4, 1.2),
        "texture_scale": rng.uniform(0.6, 1.2),
        "streak": log_uniform(rng, 2.0, 14.0),
        "organ": 0.0,
        "sheet": 0.0,
        "leak": 0.0,
        "attenuation": rng.uniform(-1.0, 0.5),
        "psf": (rng.uniform(0.3, 0.9), rng.uniform(0.5, 2.5)),
        "cnr": log_uniform(rng, 1.0, 7.0),
        "speckle": rng.uniform(0.4, 1.0),
        "saturated": sometimes(rng, 0.5, log_uniform(rng, 0.001, 0.02)),
        "line_gain": sometimes(rng, 0.5, rng.uniform(0.02, 0.12)),
    }


def _of_a_mask(rng: np.random.Generator) -> Values:
    """Draw one of the modalities in which whole networks of vessels are seen."""
    return (_light_sheet, _light_sheet, _two_photon, _two_photon, _phantom)[rng.integers(5)](rng)


MODALITIES: dict[str, Callable[[np.random.Generator], Values]] = {
    "tree": _phantom,
    "mesh": _light_sheet,
    "stack": _two_photon,
    "plexus": _oct_angiography,
    "mask": _of_a_mask,
    "organ": _phantom,
}
"""What the volumes of a style look like most often; those of the other styles look like anything."""
