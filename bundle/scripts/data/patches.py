"""Patches drawn from volumes by weight, the same whatever the number of workers, processes and interruptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import CacheDataset, Dataset
from monai.transforms import Compose
from torch.nn import functional as F
from torch.utils.data import DistributedSampler

from scripts.core import UNLABELLED, refuse


def volume_weights(datasets: Sequence[str], weights: Mapping[str, float] | Sequence[float] | None) -> np.ndarray:
    """Return the probability of drawing from each volume.

    A dataset is drawn from by its weight, whatever its size, and all its volumes alike.

    Args:
        datasets: the dataset of each volume.
        weights: by dataset (one not named has 1), or one for each dataset in order; None is equal.

    Raises:
        UserError: for an unknown name, another number of weights, or weights that are negative or all zero.
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
    """Patches drawn from volumes by weight; each is a function of (seed, index) alone.

    The volumes are loaded once, as far as the first random transform; so workers and processes, in any number, draw
    the same patches, and a resumed run draws those of a run never stopped.

    Args:
        data: items with `image` and `label` paths, for whoever replaces them (MONAI Label).
        transform: preprocessing; what follows the first random transform runs for every patch.
        length: patches an epoch.
        seed: of the draw.
        weights: see `volume_weights`.
        progress: show a bar while loading.
        volumes: what to draw from; `data` by default.

    Raises:
        UserError: where there is nothing to draw from.
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        transform: Compose,
        length: int,
        seed: int = 0,
        weights: Mapping[str, float] | Sequence[float] | None = None,
        progress: bool = True,
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
        # the random transforms make new arrays, so the volume itself need not be copied for every patch
        self.volumes = CacheDataset(data, transform, copy_cache=False, num_workers=1, progress=progress)

    def __len__(self) -> int:
        """Patches an epoch."""
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Draw a patch; `index` counts on from epoch to epoch (`EpochSampler`)."""
        generator = np.random.default_rng((self.seed, index))
        volume = int(generator.choice(len(self.probabilities), p=self.probabilities))
        self.volumes.transform.set_random_state(seed=int(generator.integers(2**32)))
        patch = self.volumes[volume]
        return patch[0] if isinstance(patch, list) else patch


class EpochSampler(DistributedSampler):
    """Count on from epoch to epoch, so that no two epochs draw the same patches.

    MONAI's engines tell a `DistributedSampler` the epoch, in a resumed run too.

    Args:
        dataset: a `PatchDataset`.
        num_replicas: processes.
        rank: of this one.
    """

    def __init__(self, dataset: PatchDataset, num_replicas: int = 1, rank: int = 0) -> None:
        super().__init__(dataset, num_replicas=num_replicas, rank=rank, shuffle=False)

    def __iter__(self) -> Iterator[int]:
        """Yield indices of this process's patches."""
        offset = self.epoch * len(self.dataset)
        return (offset + index for index in super().__iter__())


def pad_collate(
    patches: Sequence[Mapping[str, torch.Tensor]], least: Sequence[int] = (0, 0, 0)
) -> dict[str, torch.Tensor]:
    """Batch patches of unequal sizes: patches of thin stacks grow to the largest of the batch, unlabelled there.

    Args:
        patches: dicts of `image` and `label`, each `(C, X, Y, Z)`.
        least: (X, Y, Z), how large they become at least.

    Returns:
        `image` and `label`, each `(B, C, X, Y, Z)`.
    """
    largest = np.max([least, *(patch["image"].shape[1:] for patch in patches)], axis=0)

    def grown(tensor: torch.Tensor, **how: Any) -> torch.Tensor:
        missing = [int(width) for width in largest - tensor.shape[1:]]
        # F.pad counts from the last axis and wants (before, after) pairs
        pairs = [width for after in reversed(missing) for width in (0, after)]
        return F.pad(tensor[None], pairs, **how)[0] if any(missing) else tensor

    return {
        "image": torch.stack([grown(patch["image"], mode="replicate") for patch in patches]),  # (B, C, X, Y, Z)
        "label": torch.stack([grown(patch["label"], value=UNLABELLED) for patch in patches]),  # (B, 1, X, Y, Z)
    }
