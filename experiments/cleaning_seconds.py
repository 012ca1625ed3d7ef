"""What each step of cleaning takes, in seconds of the processor, beside the network's own time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from monai.data import MetaTensor

from scripts.transforms import SmoothProbabilityd, ThresholdVesselsd

Result = TypeVar("Result")

NETWORK, VIEWS, DECIDING = "network, once", "network, eight views", "deciding on inversion"
THRESHOLD = 0.33198531868349
SIGMA = 0.7
AFTER = {
    "min_size 20": {"min_size": "20 voxels"},
    "fill_holes 100": {"fill_holes": "100 voxels"},
    "hysteresis 0.5 to 0.3": {"threshold": 0.5, "hysteresis": 0.3},
}
"""What is done while thresholding, by name."""


def timed(work: Callable[..., Result], *args: Any) -> tuple[Result, float]:
    """Return what a function returns, and the seconds that the processor spent on it.

    What other programs do meanwhile does not count. Seconds of several threads add up, so that they are those that pass
    at one thread only.
    """
    begun = time.process_time()
    found = work(*args)
    return found, time.process_time() - begun


def probabilities(log_odds: np.ndarray, affine: np.ndarray) -> MetaTensor:
    """Return the probabilities of background and vessel, `(2, X, Y, Z)`, by the log-odds of vessel `(X, Y, Z)`."""
    odds = torch.from_numpy(log_odds)
    return MetaTensor(torch.stack((-odds, odds)).mul_(0.5).softmax(dim=0), affine=torch.as_tensor(affine))


def step_seconds(log_odds: np.ndarray, affine: np.ndarray, repeats: int = 1) -> dict[str, list[float]]:
    """Time each step of cleaning on what the network found.

    Steps after smoothing are timed on what is smoothed, each less thresholding alone.

    Args:
        log_odds: that a voxel is vessel, `(X, Y, Z)`.
        affine: 4x4.
        repeats: how often.

    Returns:
        Seconds of each step, one for each time.
    """
    plain = probabilities(log_odds, affine)
    smooth = SmoothProbabilityd("pred", SIGMA)
    runs = [timed(smooth, {"pred": plain.clone()}) for _ in range(repeats)]
    smoothed, found = runs[-1][0], {f"smooth {SIGMA}": [seconds for _, seconds in runs]}
    for name, options in AFTER.items():
        threshold, clean = (ThresholdVesselsd("pred", **{"threshold": THRESHOLD, **each}) for each in ({}, options))
        found[name] = [timed(clean, smoothed)[1] - timed(threshold, smoothed)[1] for _ in range(repeats)]
    return found


def seconds_table(seconds: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Return a row a step: the median of its seconds on each volume, and all over those of the network.

    Args:
        seconds: of each volume, of each step, one for each time; a step that was not timed on every volume is not over
            those of the network.
    """
    volumes = list(seconds)
    lines = [f"| seconds | {' | '.join(volumes)} | of the network's |", "|---" * (len(volumes) + 2) + "|"]
    for step in dict.fromkeys(step for steps in seconds.values() for step in steps):
        medians = [float(np.median(seconds[volume].get(step, np.nan))) for volume in volumes]
        network = sum(float(np.median(steps[NETWORK])) for steps in seconds.values())
        cells = ["–" if np.isnan(median) else f"{median:.2f}" for median in medians]
        share = sum(medians) / network
        cells.append("–" if np.isnan(share) else f"{share:.3f}")
        lines.append(f"| {step} | {' | '.join(cells)} |")
    return "\n".join(lines)
