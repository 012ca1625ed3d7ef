"""Real datasets beside synthetic volumes in pre-training."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import Dataset

from scripts.core import counted, refuse

from .classes import MASK_VALUES
from .layout import DECATHLON, PAIRS_OF_FOLDERS
from .patches import PatchDataset
from .scan import find_labelled
from .synthetic import SyntheticPatches

logger = logging.getLogger(__name__)

DRAW = 1  # tells the draws made here from those of the patches themselves


def dataset_folders(dataset_dir: str | Path | Sequence[str | Path] | None, tell: bool = False) -> list[str]:
    """Return the datasets that are meant by a dataset, a folder of datasets, or a list of such.

    Args:
        dataset_dir: the folders; None gives none.
        tell: log which folders beside datasets are none, and so not used.
    """
    given = [dataset_dir] if isinstance(dataset_dir, str | Path) else list(dataset_dir or ())
    return [inner for folder in given for inner in _inside(Path(folder), tell) or [str(folder)]]


def _inside(folder: Path, tell: bool) -> list[str]:
    """Return the datasets in a folder that is none itself, or nothing."""
    if not os.path.isdir(folder) or _is_dataset(folder):
        return []
    there = sorted(inner for inner in folder.iterdir() if inner.is_dir())
    found = [str(inner) for inner in there if _is_dataset(inner)]
    others = [inner.name for inner in there if not _is_dataset(inner)]
    if tell and found and others:
        logger.warning("%s: is no dataset and not used: %s", folder, ", ".join(others))
    return found


def _is_dataset(folder: Path) -> bool:
    pairs = any(all(os.path.isdir(folder / name) for name in pair) for pair in PAIRS_OF_FOLDERS)
    return pairs or os.path.isfile(folder / DECATHLON)


def real_volumes(
    dataset_dir: str | Path | Sequence[str | Path] | None,
    classes: int,
    options: Mapping[str, Any],
    options_of_labels: Mapping[str, Any],
    test_dir: str | Path | Sequence[str | Path] | None = None,
) -> list[dict[str, Any]]:
    """Find the labelled volumes that train beside synthetic ones.

    Args:
        dataset_dir: a dataset, a folder of datasets, or a list of such; None gives no volumes.
        classes: number of classes of the network.
        options: options that only a dataset has a use for, by name; of them `region` is used here.
        options_of_labels: `channel`, `level` and `unlabelled_value`, which test volumes have a use for too.
        test_dir: the test volumes.

    Returns:
        Items as of `find_labelled`. The `dataset` of each, which `dataset_weights` names, is the name of its folder if
        there are several datasets and no two have the same name.

    Raises:
        UserError: if there are not two classes, if an option is set that would have no effect, and as `find_labelled`.
    """
    if classes != 2:
        refuse(
            f"--network_def#out_channels {classes}",
            "synthetic volumes have two classes, background and vessel",
            "fine-tune to others afterwards",
        )
    folders = dataset_folders(dataset_dir, tell=True)
    useless = {**({} if folders else options), **({} if folders or test_dir else options_of_labels)}
    for name, value in useless.items():
        if value is not None and (name, value) != ("level", 0):
            problem = "pretrain.json draws its own volumes, and no real ones were given"
            refuse(f"--{name} {value}", problem, "leave it out, or add real ones by --dataset_dir")
    if not folders:
        return []
    # one folder as such, for then dataset_weights names volumes
    found = find_labelled(folders[0] if len(folders) == 1 else folders, options["region"], **options_of_labels)
    names = Counter(Path(folder).name for folder in folders)
    for item in found if len(folders) > 1 else ():
        if names[Path(item["dataset"]).name] == 1:
            item["dataset"] = Path(item["dataset"]).name
    return found


def vessel_values(volumes: Sequence[Mapping[str, Any]], unlabelled_value: float | None = None) -> list[int | list[int]]:
    """Return the label values of background and vessel: all but the lowest are vessel.

    Args:
        volumes: volumes with `scan` (`scan_labels`); without any, the values are those of masks.
        unlabelled_value: a value that means *not labelled*; where it is 0, the lowest of the others is background.

    Returns:
        Such as `[0, [1, 255, 65535]]`, which `scripts.transforms.MapLabelsd` takes.

    Raises:
        UserError: if the labels hold no vessel.
    """
    held = {value for volume in volumes for value in volume["scan"].values}
    background = min(held, default=0) if unlabelled_value == 0 else 0
    if volumes and held <= {background}:
        refuse("--dataset_dir", "its labels hold no vessel, so there is nothing to learn", "draw vessels")
    return [background, sorted((held | MASK_VALUES) - {0, background})]


def share_of_real(replay: float, classes: int) -> float:
    """Return the share of real patches in a fine-tuning that replays synthetic volumes.

    Args:
        replay: the share of synthetic ones.
        classes: of the network; synthetic volumes know vessel alone.

    Raises:
        UserError: for a share that is not at least 0 and below 1, or if the network has several classes of vessel.
    """
    if not isinstance(replay, int | float) or not 0 <= replay < 1:
        refuse(f"--replay {replay}", "is not a share of at least 0 and below 1", "give one such as 0.3")
    if replay and classes != 2:
        problem = f"is of synthetic vessels without classes, and this network tells {classes} classes apart"
        refuse(f"--replay {replay}", problem, "leave it out")
    return 1 - replay


class MixedPatches(Dataset):
    """Patches of synthetic volumes, some of them replaced by patches of real ones.

    Which patches are real depends on the seed and the index alone, and each patch is the one that either part gives at
    that index. So without real volumes, and where a patch is not replaced, the same is drawn.

    Args:
        synthetic: patches of synthetic volumes.
        real: patches of real volumes; None if there are none.
        share: the share of patches that are real.
        seed: seed of the random draws.

    Raises:
        UserError: for a share that is not between 0 and 1.
    """

    def __init__(
        self, synthetic: SyntheticPatches, real: PatchDataset | None = None, share: float = 0.15, seed: int = 0
    ) -> None:
        super().__init__(data=[])
        if not 0 <= share <= 1:
            refuse(f"--real_share {share}", "is not a share between 0 and 1", "give one such as 0.15")
        self.synthetic, self.real, self.share, self.seed = synthetic, real, share, seed
        if real is not None and share < 1:
            told = counted(len(real.data), "real volume")
            logger.info("%.0f %% of the patches come from %s", 100 * share, told)

    def __len__(self) -> int:
        """Return the number of patches per epoch."""
        return len(self.synthetic)

    def is_real(self, index: int) -> bool:
        """Return whether a patch is cut from a real volume."""
        return self.real is not None and np.random.default_rng((self.seed, index, DRAW)).random() < self.share

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Draw a patch; `index` keeps counting from one epoch to the next (`EpochSampler`)."""
        return self.real[index] if self.real is not None and self.is_real(index) else self.synthetic[index]
