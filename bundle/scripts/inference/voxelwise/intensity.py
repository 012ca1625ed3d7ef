"""What intensity alone says of vessel: likelier where brighter, as learnt from a volume."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scripts.transforms import BLURRED

LEAST_CHANCE = 1e-4  # of vessel and of background, whatever was learnt, so that log-odds are finite


class Brightness:
    """Log-odds of vessel that rise with the intensity of a voxel, blurred by one voxel.

    They are learnt by isotonic regression. It knows too little to repeat what a teacher gets wrong by the shape of what
    surrounds a voxel, which a classifier of many features learns along with the rest. Vessels are bright: others are
    inverted before.

    Args:
        features: `(N, FEATURES)` of `scripts.transforms.voxel_features`.
        says: `(N,)`, the teacher's probability of vessel.
        weights: `(N,)`, what each counts.
    """

    def __init__(
        self, features: npt.NDArray[np.float32], says: npt.NDArray[np.float32], weights: npt.NDArray[np.float64]
    ) -> None:
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression().fit(features[:, BLURRED], says, sample_weight=weights)
        chance = np.clip(fitted.y_thresholds_.astype(np.float64), LEAST_CHANCE, 1 - LEAST_CHANCE)
        self.intensities, self.log_odds = fitted.X_thresholds_, np.log(chance) - np.log1p(-chance)

    def decision_function(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the log-odds of vessel, `(N,)`, as classifiers of scikit-learn do.

        Args:
            features: `(N, FEATURES)`.
        """
        return np.interp(features[:, BLURRED], self.intensities, self.log_odds)
