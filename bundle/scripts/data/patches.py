"""Draw patches from volumes by weight, the same for any number of workers and processes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import CacheDataset, Dataset
from monai.transforms import Compose
from torch.nn import functional as F
from torch.utils.data import DistributedSampler

from scripts.core import UNLABELLED, refuse

from .coverage import warn_of_few
from .layout import HEADER

logger = logging.getLogger(__name__)

MAX_TOLD = 20  # volumes that the log names before a training, more with --verbosity verbose


def volume_weights(datasets: Sequence[str], weights: Mapping[str, float] | Sequence[float] | None) -> np.ndarray:
    """Return the probability of drawing from each volume.

    Each dataset is drawn from according to its weight, whatever its size, and all its volumes equally often.

    Args:
        datasets: the name of each volume's dataset.
        weights: weights by dataset name (1 if not named), or one for each dataset in order; None weights all equally.

    Raises:
        UserError: if a name is unknown, or the weights are too few, too many, negative or all zero.
    """
    names = list(dict.fromkeys(datasets))
    if weights is None:
        weights = {}
    numbers = weights.values() if isinstance(weights, Mapping) else weights
    if not isinstance(weights, Mapping | list | tuple) or not all(isinstance(each, int | float) for each in numbers):
        refuse(f"--dataset_weights {weights}", "are not numbers", f"give one for each of {', '.join(names)}")
    if isinstance(weights, Mapping):
        if unknown := sorted(weights.keys() - set(names)):
            refuse(
                "--dataset_weights",
                f"names {unknown[0]!r}, which is not among the datasets",
                f"name some of {', '.join(names)}",
            )
        weights = [weights.get(name, 1.0) for name in names]
    values = np.asarray(weights, dtype=float)
    if values.shape != (len(names),) or (values < 0).any() or not values.sum() > 0:
        refuse(
            f"--dataset_weights {list(weights)}",
            f"are not {len(names)} numbers, none negative and not all zero",
            f"give one for each of {', '.join(names)}",
        )
    share = {name: value / datasets.count(name) for name, value in zip(names, values / values.sum(), strict=True)}
    return np.array([share[name] for name in datasets])


class PatchDataset(Dataset):
    """Patches drawn from volumes by weight; each depends only on the seed and its index.

    So any number of workers and processes draw the same patches, and a resumed run draws those of an uninterrupted
    one. Each volume is loaded and transformed once, up to the first random transform.

    Args:
        data: items with `image` and `label` paths, which MONAI Label may replace.
        transform: preprocessing; the first random transform and those after it run for every patch.
        length: patches per epoch.
        seed: seed of the random draws.
        weights: see `volume_weights`.
        progress: show MONAI's progress bar while loading; the log tells of each volume in any case.
        volumes: items to draw from, by default `data`.

    Raises:
        UserError: if there is no volume or no patch to draw.
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        transform: Compose,
        length: int,
        seed: int = 0,
        weights: Mapping[str, float] | Sequence[float] | None = None,
        progress: bool = False,
        volumes: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        data = data if volumes is None else volumes
        super().__init__(data=data, transform=transform)
        if not data or length < 1:
            refuse(
                "the training", f"has {len(data)} volumes and {length} patches an epoch", "give at least one of each"
            )
        datasets = [item.get("dataset", str(item["image"])) for item in data]
        self.probabilities = volume_weights(datasets, weights)
        self.length = length
        self.seed = seed
        _tell(data)
        # the random transforms make new arrays, so the volume itself need not be copied for every patch
        self.volumes = CacheDataset(data, transform, copy_cache=False, num_workers=1, progress=progress)

    def __len__(self) -> int:
        """Return the number of patches per epoch."""
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Draw a patch; `index` keeps counting from one epoch to the next (`EpochSampler`)."""
        generator = np.random.default_rng((self.seed, index))
        volume = int(generator.choice(len(self.probabilities), p=self.probabilities))
        self.volumes.transform.set_random_state(seed=int(generator.integers(2**32)))
        patch = self.volumes[volume]
        return patch[0] if isinstance(patch, list) else patch


def _tell(volumes: Sequence[Mapping[str, Any]]) -> None:
    """Log what the headers of volumes say, of many only the first, and warn of few vessels."""
    known = [volume for volume in volumes if HEADER in volume]
    for number, volume in enumerate(known):
        level = logging.INFO if number < MAX_TOLD else logging.DEBUG
        logger.log(level, "trains on %s: %s", volume["name"], volume[HEADER].description)
    if len(known) > MAX_TOLD:
        logger.info("and on %d more volumes", len(known) - MAX_TOLD)
    warn_of_few([volume for volume in volumes if "scan" in volume])


class EpochSampler(DistributedSampler):
    """Sampler that keeps counting across epochs, so that no two epochs draw the same patches.

    It is a `DistributedSampler` because MONAI's engines tell that the epoch, also in a resumed run.

    Args:
        dataset: a `PatchDataset`.
        num_replicas: number of processes.
        rank: number of this process.
    """

    def __init__(self, dataset: PatchDataset, num_replicas: int = 1, rank: int = 0) -> None:
        super().__init__(dataset, num_replicas=num_replicas, rank=rank, shuffle=False)

    def __iter__(self) -> Iterator[int]:
        """Yield the indices of this process's patches."""
        offset = self.epoch * len(self.dataset)
        return (offset + index for index in super().__iter__())


def pad_collate(
    patches: Sequence[Mapping[str, torch.Tensor]], least: Sequence[int] = (0, 0, 0)
) -> dict[str, torch.Tensor]:
    """Batch patches of unequal size by padding them to the largest; the padding is unlabelled.

    Args:
        patches: dicts with `image` and `label`, each `(C, X, Y, Z)`.
        least: smallest size to pad to, (X, Y, Z) in voxels.

    Returns:
        `image` and `label`, each `(B, C, X, Y, Z)`.
    """
    largest = np.max([least, *(patch["image"].shape[1:] for patch in patches)], axis=0)

    def grown(tensor: torch.Tensor, **how: Any) -> torch.Tensor:
        missing = [int(width) for width in largest - tensor.shape[1:]]
        # F.pad takes (before, after) pairs, starting with the last axis
        pairs = [width for after in reversed(missing) for width in (0, after)]
        return F.pad(tensor[None], pairs, **how)[0] if any(missing) else tensor

    return {
        "image": torch.stack([grown(patch["image"], mode="replicate") for patch in patches]),  # (B, C, X, Y, Z)
        "label": torch.stack([grown(patch["label"], value=UNLABELLED) for patch in patches]),  # (B, 1, X, Y, Z)
    }
