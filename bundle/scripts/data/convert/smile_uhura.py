"""SMILE-UHURA: brains in time-of-flight MRA at 7 tesla.

It is at synapse.org/Synapse:syn47164761, and in arXiv 2411.09593. Layout, as vesselFM reads it
(d_real/dataset_conversion/convert_SMILE.py): `TrainingSet/train/NAME.nii.gz` with `TrainingSet/train_label/NAME.nii`,
and `ValidationSet/validate` with `ValidationSet/validate_label` likewise. Not certain: whether the folders of labels
hold anything else, which would be refused.
"""

from __future__ import annotations

from pathlib import Path

from scripts.core import refuse

from .copying import copy_cases, pair_up, vessels

LICENCE = "not stated where we could read it, access on request: ask before weights that were trained on it ship"
PARTS = {"TrainingSet": "train", "ValidationSet": "validate"}


def convert(source: Path, output_dir: Path) -> None:
    """Make a dataset of its training set, its validation set or both; see `import_dataset`."""
    there = {part: name for part, name in PARTS.items() if (source / part).is_dir()}
    if not there:
        problem = f"has neither {' nor '.join(PARTS)} in it"
        refuse(source, problem, "give the folder of the data set", FileNotFoundError)
    cases = [
        case for part, name in there.items() for case in pair_up(source / part / name, source / part / f"{name}_label")
    ]
    names = [case.name for case in cases]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        refuse(source, f"{twice[0]} is in both {' and '.join(PARTS)}", "take it out of one of them")
    copy_cases(source, output_dir, cases, vessels)
