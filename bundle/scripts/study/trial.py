"""One training of a study, and what it is scored on; what all of them have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .part import LabelledVolume

OWN = (
    *("dataset_dir", "test_dir", "val_dir", "ckpt_dir", "ckpt_path", "output_dir"),
    *("seed", "region", "resume", "epochs", "unlabelled_value"),
)
"""Options that a study sets itself, so that all it compares is trained and scored on the same."""


@dataclass(frozen=True)
class Trial:
    """One training and what it is scored on, or weights that are scored as they are.

    Attributes:
        variant: what is compared, as tables name it.
        seed: of the training.
        trains: the dataset that it is trained on; None if the shipped weights are scored as they are.
        scored: the dataset that it is scored on. What is compared is scored on the same.
        params: levels of the factors, such as `{"loss": "focal", "seed": 0}`; no two trials have the same.
        configs: names of configs, relative to `configs/` and without the suffix, that are laid over `train.json`.
        options: values of the config, by name or by path (`optimizer#lr`), that are laid over all of them.
        about: further columns of the table, such as the size of a block.
    """

    variant: str
    seed: int
    trains: Path | None
    scored: Path
    params: Mapping[str, Any]
    configs: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """What a study is planned from.

    Attributes:
        description: the study's JSON (`configs/studies/NAME.json`).
        volumes: of the dataset, in the order of their names, their labels in memory.
        affines: 4x4 affine of each image, by name.
        kinds: the kind of image of each volume, by name.
        folder: where datasets of parts of volumes are written (`write_parts`).
        seeds: of the trainings.
        patch_size: of a training, in voxels, (X, Y, Z); also the margin between what trains and what is scored.
        test_dir: a dataset that is scored and never trained on, or None: then a part of each volume is.
        unlabelled_value: a value that means *not labelled* in the files of `test_dir`; negative ones always do.
    """

    description: Mapping[str, Any]
    volumes: Sequence[LabelledVolume]
    affines: Mapping[str, np.ndarray]
    kinds: Mapping[str, str]
    folder: Path
    seeds: Sequence[int]
    patch_size: Sequence[int] = (64, 64, 64)
    test_dir: Path | None = None
    unlabelled_value: float | None = None
