"""Calibration: whether of the voxels given a probability of 0.8, say, 80 % are vessel.

Probabilities of vessel are sorted into 15 bins of equal width. With the n_i voxels of bin i, their mean probability p_i
and the share f_i of them that is labelled vessel, the expected calibration error is::

    ECE = sum over bins of n_i / n * |f_i - p_i|

after Guo et al., *On calibration of modern neural networks*, ICML 2017, eq. 3 and 5, of the probability of vessel in
place of that of the likelier class (as Naeini et al., AAAI 2015, and MONAI's `CalibrationErrorMetric`), for a
segmentation is cut at other thresholds than 0.5. Drawn, f_i over p_i is the reliability diagram.

It comes from the histogram of log-odds that other scores need too, so it takes no further pass, and adds up over
blocks. A voxel's log-odds are known to 0.0002 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .counts import VoxelHistogram

BINS = 15  # as in Guo et al.

Numbers = npt.NDArray[np.float64]


@dataclass
class Reliability:
    """What is predicted and what is there, in each bin of probability.

    Attributes:
        voxels: `(BINS,)`, how many there are; bin i is from i / BINS, which is not in it, to (i + 1) / BINS.
        probability: `(BINS,)`, their mean probability of vessel; NaN in an empty bin.
        vessel: `(BINS,)`, the share of them that is labelled vessel; NaN in an empty bin.
    """

    voxels: npt.NDArray[np.int64]
    probability: Numbers
    vessel: Numbers

    @classmethod
    def of(cls, histogram: VoxelHistogram) -> Reliability:
        """Sort the voxels of a histogram."""
        probability = 1 / (1 + np.exp(-np.clip(histogram.log_odds(), -700, 700)))  # (B,)
        place = np.clip(np.ceil(probability * BINS).astype(np.int64) - 1, 0, BINS - 1)  # (B,)
        every = histogram.voxels.sum(axis=0)  # (B,)
        # (BINS,) each
        total, sums, vessel = (
            np.bincount(place, weights, BINS) for weights in (every, every * probability, histogram.voxels[1])
        )
        with np.errstate(invalid="ignore"):
            return cls(total.astype(np.int64), sums / total, vessel / total)

    def error(self) -> float:
        """Return the expected calibration error, between 0 and 1; NaN where there are no voxels."""
        there = self.voxels > 0
        if not there.any():
            return float("nan")
        apart = np.abs(self.vessel - self.probability)[there]
        return float((apart * self.voxels[there]).sum() / self.voxels.sum())
