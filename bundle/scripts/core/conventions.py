"""What all parts agree on: the mark for unlabelled voxels, class names, exact whole numbers."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

UNLABELLED = -1
RESULTS = SEGMENTATION, PROBABILITY, SPREAD = "_seg", "_prob", "_std"
"""How names of results end, after the name of the image."""
SKELETON = "_skeleton"
"""The same for what `analyse` makes of a segmentation: the radius along the centre lines."""
OUTPUTS = (
    *("*_outlines.png", "*_preview.png", "curves.png", "roc.png", "precision_recall.png", "calibration.png"),
    *("metrics.json", "metrics.csv", "curves.json", "run.json", "epochs.csv", "report.html", "report_pictures"),
    *("*_branches.csv", "*_nodes.csv", "*_summary.json", "*.graphml", "*.swc", "*.vtp", "cohort.csv"),
    *("model_best.pt", "model_best.json", "model_last.pt", "model_last.json", "resume.pt"),
)
"""What commands write beside volumes."""
MAX_WHOLE = 2**53
"""Double precision holds every whole number up to here."""


def class_names(count: int) -> list[str]:
    """Return default class names: background and vessel for two classes, else their numbers."""
    return ["background", "vessel"] if count == 2 else [f"class {index}" for index in range(count)]


def is_own_output(path: Path) -> bool:
    """Tell whether a command wrote a file, or a folder of segmentations, that is no volume."""
    if path.name.endswith(SEGMENTATION) and path.is_dir():
        return True
    return any(fnmatchcase(path.name, pattern) for pattern in OUTPUTS)
