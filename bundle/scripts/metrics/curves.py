"""Work out ROC, precision-recall and reliability curves, thin them, and average them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.measure import approximate_polygon

from .calibration import BINS, Reliability
from .counts import VolumeCounts

Numbers = npt.NDArray[np.float64]

TOLERANCE = 1e-3  # a thinned curve lies no further from the points that were left out
MIN_RECALL = 0.005  # below it the precision is that of a handful of voxels, and the curve a scribble

GRIDS = {
    "roc": np.union1d(np.linspace(0, 1, 201), np.geomspace(1e-5, 1e-2, 61)),
    "precision_recall": np.linspace(MIN_RECALL, 1, 200),
}
"""Where curves are averaged; closer together where a ROC curve is steep."""

KINDS = {
    "roc": ("false_positive_rate", "recall", "auroc"),
    "precision_recall": ("recall", "precision", "average_precision"),
}
"""For each kind of curve: what is drawn along X, what along Y, and the name of the area under it."""

RATES = ("false_positive_rate", "recall", "precision")
CALIBRATION, ERROR = "calibration", "expected_calibration_error"
AREAS = {"auroc": "AUROC", "average_precision": "AP"}


def thinned(x: Numbers, y: Numbers, tolerance: float = TOLERANCE) -> tuple[list[float], list[float]]:
    """Leave out points of a curve that lie within `tolerance` of the line through the rest.

    Args:
        x: `(N,)`, ascending.
        y: `(N,)`.
        tolerance: a distance, in the units of both axes.

    Returns:
        X and Y of the points that stay.
    """
    # most of a million points differ from the one before in nothing one could see; they are taken out in one pass
    fine = tolerance / 10
    cells = np.stack((x // fine, y // fine))  # (2, N)
    moved = (np.diff(cells) != 0).any(axis=0)  # (N - 1,)
    # the last point of one cell, and the first of the next
    keep = np.concatenate(([True], moved)) | np.concatenate((moved, [True]))  # (N,)
    points = np.stack((x[keep], y[keep]), axis=1)  # (kept, 2)
    points = approximate_polygon(points, tolerance - 2 * fine) if len(points) > 2 else points
    return [_short(value) for value in points[:, 0]], [_short(value) for value in points[:, 1]]


def _short(value: float) -> float:
    """Round to six digits."""
    return float(f"{value:.6g}")


def curves_of(counts: VolumeCounts) -> dict[str, Any]:
    """Return the ROC, precision-recall and reliability curves of a volume as JSON has them.

    They are of vessel of any class against the background.

    Returns:
        `{"roc": {"false_positive_rate": [...], "recall": [...]}, "precision_recall": {"recall": [...], "precision":
        [...]}, "auroc": number, "average_precision": number, "at_threshold": {"false_positive_rate": number,
        "recall": number, "precision": number}, "vessel_fraction": number, "calibration": {"probability": [...],
        "vessel": [...], "voxels": [...]}, "expected_calibration_error": number}`. `at_threshold` is of the
        segmentation, `vessel_fraction` of the label, `calibration` a `Reliability`. What is undefined is None.
    """
    false, true = counts.vessels.above()
    background, vessel = int(false[-1]), int(true[-1])
    roc = precision_recall = None
    if vessel and background:
        roc = _curve("roc", false / background, true / vessel)
    if vessel:
        precision = true[1:] / (true[1:] + false[1:])
        # down to recall 0 the precision is that of the first voxels predicted
        precision_recall = _curve("precision_recall", true / vessel, np.append(precision[:1], precision))
    segmented, both = int(counts.confusion[:, 1:].sum()), int(counts.confusion[1:, 1:].sum())
    reliability = Reliability.of(counts.vessels)
    areas = {area: getattr(counts.vessels, area)() for area in AREAS}
    return {
        "roc": roc,
        "precision_recall": precision_recall,
        **{area: _defined(value) for area, value in areas.items()},
        "at_threshold": {
            "false_positive_rate": (segmented - both) / background if background else None,
            "recall": both / vessel if vessel else None,
            "precision": both / segmented if segmented else None,
        },
        "vessel_fraction": vessel / (vessel + background) if vessel + background else None,
        CALIBRATION: {
            "probability": [_defined(value) for value in reliability.probability],
            "vessel": [_defined(value) for value in reliability.vessel],
            "voxels": reliability.voxels.tolist(),
        },
        ERROR: _defined(reliability.error()),
    }


def _defined(value: float) -> float | None:
    """Return a number, or None for one that is undefined (NaN)."""
    return float(value) if math.isfinite(value) else None


def _curve(kind: str, x: Numbers, y: Numbers, tolerance: float = TOLERANCE) -> dict[str, list[float]]:
    """Return a thinned curve, `{name along X: [...], name along Y: [...]}`."""
    return dict(zip(KINDS[kind][:2], thinned(x, y, tolerance), strict=True))


def mean_curves(cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Average the curves of several cases (`curves_of`), each of which weighs the same.

    Averages are vertical: of the true positive rates at one false positive rate, and of the precisions at one recall.
    So the area under the averaged ROC curve is the mean AUROC. Reliability is averaged bin by bin. What is undefined is
    left out.
    """
    mean: dict[str, Any] = {}
    for kind, (across, up, _) in KINDS.items():
        curves = [case[kind] for case in cases if case[kind]]
        # where a curve rises straight up, np.interp takes its upper end
        heights = [np.interp(GRIDS[kind], curve[across], curve[up]) for curve in curves]
        mean[kind] = None
        if heights:
            x, y = GRIDS[kind], np.mean(heights, axis=0)  # (G,), (G,)
            if kind == "roc":
                x, y = np.append(0, x), np.append(0, y)  # (G + 1,): up from the corner, however high it begins
            mean[kind] = _curve(kind, x, y, TOLERANCE / 10)
    mean[CALIBRATION] = {
        name: [_mean(case[CALIBRATION][name][number] for case in cases) for number in range(BINS)]
        for name in ("probability", "vessel")
    }
    for name in (*AREAS, "vessel_fraction", ERROR):
        mean[name] = _mean(case[name] for case in cases)
    mean["at_threshold"] = {name: _mean(case["at_threshold"][name] for case in cases) for name in RATES}
    return mean


def _mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of what is defined."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None
